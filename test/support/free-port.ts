import { type AddressInfo, createServer } from 'node:net';

/**
 * A loopback port that was free a moment ago. Only for servers that must come back on the same port or cannot
 * announce the one they chose; everything else listens on port 0.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
