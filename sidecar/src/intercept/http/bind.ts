/** Binding a server to a loopback port or a Unix socket. */

import { once } from 'node:events';
import { chmod, lstat, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { PortcullisError } from '@portcullis/runtime';

/** Where to listen. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly socket: string };

/**
 * Binds the server.
 * @param what names the port in errors, e.g. "the MCP port"
 * @returns `host:port` as bound, or the path of the socket, which only its owner may open.
 * @throws PortcullisError `ERR_LISTEN` when the address cannot be bound.
 */
export async function bind(server: Server, at: ListenAddress, what: string): Promise<string> {
  try {
    if ('socket' in at) await removeStale(at.socket);
    if ('socket' in at) server.listen(at.socket);
    else server.listen(at.port, at.host);
    await once(server, 'listening');
    // Whoever can open the socket acts as the agent.
    if ('socket' in at) await chmod(at.socket, 0o600);
  } catch (error: unknown) {
    throw new PortcullisError('ERR_LISTEN', 'unavailable', `${what} cannot be bound`, {
      cause: error,
      details: { ...at },
    });
  }
  const bound = server.address();
  if (typeof bound === 'string' || bound === null) return bound ?? '';
  return bound.address.includes(':') ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
}

/** A process that was killed leaves its socket behind. It is removed if it is a socket and nobody listens on it. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket() === true && (await refuses(path))) await unlink(path);
}

/** Whether a connection is refused; any other outcome, such as one that is accepted, speaks of a listener. */
function refuses(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
