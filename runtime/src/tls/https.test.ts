import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { Agent, type Dispatcher, request } from 'undici';
import { createLogger } from '../log/logger.js';
import { undiciDispatcher } from './https-client.js';
import { followTlsMaterial, httpsServerOptions } from './https-server.js';
import { spiffeIdOf } from './identity.js';
import { openTlsMaterial, type TlsMaterial } from './material.js';
import {
  createTestAuthority,
  type LeafOptions,
  type TestAuthority,
  type TestFiles,
  writeTestFiles,
} from './test-authority.js';

const SERVER = 'spiffe://td/distributor/a';
const CLIENT = 'spiffe://td/pdp/a';
const log = createLogger({ component: 'test', level: 'silent' });
const isServer = { acceptServer: (id: string) => id === SERVER };

let authority: TestAuthority;
let stranger: TestAuthority;
const cleanups: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  authority = await createTestAuthority('ours');
  stranger = await createTestAuthority('theirs');
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function hold(
  leaf: LeafOptions,
  signer = authority,
): Promise<{ readonly material: TlsMaterial; readonly files: TestFiles }> {
  const files = await writeTestFiles({ ...(await signer.issue(leaf)), ca: authority.cert });
  const material = await openTlsMaterial(files, { log, pollMs: 3_600_000 });
  cleanups.push(files.remove, () => material.close());
  return { material, files };
}

async function serve(material: TlsMaterial): Promise<string> {
  const server: Server = createServer(httpsServerOptions(material), (incoming, response) => {
    response.setHeader('connection', 'close');
    response.end(spiffeIdOf((incoming.socket as TLSSocket).getPeerCertificate()) ?? 'nobody');
  });
  followTlsMaterial(server, material);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function dispatcherOf(made: Dispatcher): Dispatcher {
  cleanups.push(() => made.destroy());
  return made;
}

async function get(url: string, dispatcher: Dispatcher): Promise<string> {
  return (await request(url, { dispatcher })).body.text();
}

test('both sides know each other by identity, whatever the host name', async () => {
  const url = await serve((await hold({ uris: [SERVER] })).material);
  const dispatcher = dispatcherOf(undiciDispatcher((await hold({ uris: [CLIENT] })).material, isServer));
  expect(await get(url, dispatcher)).toBe(CLIENT);
});

test('a client without a certificate is refused', async () => {
  const url = await serve((await hold({ uris: [SERVER] })).material);
  const bare = dispatcherOf(new Agent({ connect: { ca: authority.cert, checkServerIdentity: () => undefined } }));
  await expect(get(url, bare)).rejects.toThrow(/certificate|identity|SSL|socket|alert|closed/i);
});

test('a client of another authority is refused', async () => {
  const url = await serve((await hold({ uris: [SERVER] })).material);
  const dispatcher = dispatcherOf(undiciDispatcher((await hold({ uris: [CLIENT] }, stranger)).material, isServer));
  await expect(get(url, dispatcher)).rejects.toThrow(/certificate|identity|SSL|socket|alert|closed/i);
});

test.each<[string, LeafOptions, 'ours' | 'theirs']>([
  ['another identity', { uris: ['spiffe://td/distributor/b'] }, 'ours'],
  ['the right host name alone', { dns: ['localhost'] }, 'ours'],
  ['another authority', { uris: [SERVER] }, 'theirs'],
])('a server with %s is refused', async (_name, leaf, whose) => {
  const url = await serve((await hold(leaf, whose === 'ours' ? authority : stranger)).material);
  const dispatcher = dispatcherOf(undiciDispatcher((await hold({ uris: [CLIENT] })).material, isServer));
  await expect(get(url, dispatcher)).rejects.toThrow(/certificate|identity|SSL|socket|alert|closed/i);
});

test('plain http is refused before a byte is sent', async () => {
  const dispatcher = dispatcherOf(undiciDispatcher((await hold({ uris: [CLIENT] })).material, isServer));
  await expect(get('http://127.0.0.1:1/', dispatcher)).rejects.toMatchObject({ code: 'ERR_TLS_REQUIRED' });
});

test('both sides follow their files', async () => {
  const server = await hold({ uris: ['spiffe://td/distributor/old'] });
  const client = await hold({ uris: ['spiffe://td/pdp/old'] });
  const url = await serve(server.material);
  const seen: string[] = [];
  const dispatcher = dispatcherOf(undiciDispatcher(client.material, { acceptServer: (id) => seen.push(id) > 0 }));
  expect(await get(url, dispatcher)).toBe('spiffe://td/pdp/old');
  await server.files.write(await authority.issue({ uris: [SERVER] }));
  await client.files.write(await authority.issue({ uris: [CLIENT] }));
  expect([await server.material.refresh(), await client.material.refresh()]).toEqual([true, true]);
  expect(await get(url, dispatcher)).toBe(CLIENT);
  expect(seen).toEqual(['spiffe://td/distributor/old', SERVER]);
});
