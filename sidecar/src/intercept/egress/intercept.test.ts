/** TLS that ends here: who is trusted by whom, and that every request inside is decided by itself. */

import { KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import 'reflect-metadata';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { BasicConstraintsExtension, X509CertificateGenerator } from '@peculiar/x509';
import {
  clientHello,
  type EgressHarness,
  type Origin,
  onLoopback,
  rawClient,
  startEgress,
  startOrigin,
} from '../../testing/egress-harness.js';
import { allow, deny, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { createMint, type Mint } from './certificate-mint.js';

const client = fakePolicyClient();
let folder: string;
let upstreams: Mint;
let origin: Origin;
let proxy: EgressHarness;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-egress-'));
  upstreams = await createMint(undefined);
  writeFileSync(join(folder, 'upstreams.pem'), upstreams.caPem);
});
beforeEach(async () => {
  client.asked.length = 0;
  client.settled.length = 0;
  client.behaviour = allow();
  origin = await startOrigin(await upstreams.leafFor('api.test'));
  proxy = await startEgress({
    client,
    config: {
      specialAddresses: onLoopback(origin.port),
      intercept: {
        hosts: ['*.test'],
        publishCaFile: join(folder, 'ca.pem'),
        upstreamCaFile: join(folder, 'upstreams.pem'),
      },
    },
  });
});
afterEach(async () => {
  await proxy.close();
  await origin.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function inside(host: string, ca = readFileSync(join(folder, 'ca.pem'), 'utf8')): Promise<TLSSocket> {
  const authority = `${host}:${origin.port}`;
  const raw = rawClient(proxy.port, `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  expect(await raw.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  raw.socket.removeAllListeners('data');
  const socket = connectTls({ socket: raw.socket, ca, servername: host, ALPNProtocols: ['h2', 'http/1.1'] });
  await once(socket, 'secureConnect');
  return socket;
}

async function exchange(socket: TLSSocket, text: string): Promise<string> {
  socket.write(text);
  let answer = '';
  while (!/\r\n\r\n/.test(answer)) answer += String((await once(socket, 'data'))[0]);
  return answer;
}

const request = (path: string, host = `api.test:${origin.port}`, method = 'GET'): string =>
  `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

test('method and path of every request are decided, and only what is allowed reaches the host', async () => {
  client.behaviour = (asked) => (asked.egress?.method === 'DELETE' ? deny() : allow())(asked);
  const socket = await inside('api.test');
  expect(socket.alpnProtocol).toBe('http/1.1');
  expect(await exchange(socket, request('/a'))).toContain('200 OK');
  expect(await exchange(socket, request('/b?x=1'))).toContain('200 OK');
  expect(await exchange(socket, request('/a', undefined, 'DELETE'))).toContain('HTTP/1.1 403');
  expect(origin.requests.map(({ line }) => line)).toEqual(['GET /a', 'GET /b?x=1']);
  expect(
    client.asked.map(({ egress }) => `${egress?.scheme} ${egress?.method} ${egress?.host} ${egress?.path}`),
  ).toEqual(['https GET api.test /a', 'https GET api.test /b', 'https DELETE api.test /a']);
  socket.destroy();
});

test('a request inside may name no other host', async () => {
  const socket = await inside('api.test');
  expect(await exchange(socket, request('/', 'evil.test'))).toContain('HTTP/1.1 400');
  const other = await inside('api.test');
  expect(await exchange(other, `GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n`)).toContain('HTTP/1.1 400');
  expect(client.asked).toEqual([]);
  expect(origin.connections()).toBe(0);
});

test('the host has to prove who it is', async () => {
  const socket = await inside('other.test');
  const answer = await exchange(socket, request('/', `other.test:${origin.port}`));
  expect(answer).toMatch(/^HTTP\/1\.1 502 /);
  expect(origin.requests).toEqual([]);
  expect(client.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
  expect(proxy.logged.join('')).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
});

test('an agent that does not trust the authority sends nothing', async () => {
  const error = await inside('api.test', upstreams.caPem).then(
    () => undefined,
    (thrown: unknown) => (thrown as NodeJS.ErrnoException).code,
  );
  expect(error).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET/);
  expect(client.asked).toEqual([]);
});

test('certificates are kept per host, made of the authority, and end before it', async () => {
  const [one, two, other] = [await inside('api.test'), await inside('api.test'), await inside('b.test')];
  const serials = [one, two, other].map((socket) => socket.getPeerX509Certificate()?.serialNumber);
  expect(serials[0]).toBe(serials[1]);
  expect(serials[0]).not.toBe(serials[2]);
  const ca = new X509Certificate(readFileSync(join(folder, 'ca.pem')));
  const leaf = one.getPeerX509Certificate();
  expect(leaf?.checkIssued(ca)).toBe(true);
  expect(leaf?.subjectAltName).toBe('DNS:api.test');
  expect(leaf?.ca).toBe(false);
  for (const socket of [one, two, other]) socket.destroy();
});

test('an authority whose time is over is refused at the start', async () => {
  const pair = { certFile: join(folder, 'old.pem'), keyFile: join(folder, 'old.key') };
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=ours',
    notBefore: new Date('2026-01-01'),
    notAfter: new Date('2026-02-01'),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    keys,
    extensions: [new BasicConstraintsExtension(true, 0, true)],
  });
  writeFileSync(pair.certFile, certificate.toString('pem'));
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(pair.keyFile, key);
  const during = await createMint(pair, { now: () => Date.parse('2026-01-30') });
  const leaf = new X509Certificate((await during.leafFor('a.test')).certPem);
  expect(leaf.validToDate).toEqual(new Date('2026-02-01'));
  await expect(createMint(pair, { now: () => Date.parse('2026-02-02') })).rejects.toMatchObject({
    code: 'ERR_EGRESS_CA',
  });
});

test('a WebSocket inside is one attempt', async () => {
  origin.server.on('upgrade', (_request, socket: Duplex) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nwelcome');
    socket.on('end', () => void socket.end());
    socket.on('error', () => undefined);
  });
  const socket = await inside('api.test');
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  socket.write(
    `GET /chat HTTP/1.1\r\nHost: api.test:${origin.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n`,
  );
  while (!text.includes('welcome')) await once(socket, 'data');
  expect(text).toMatch(/^HTTP\/1\.1 101 /);
  expect(client.asked).toMatchObject([{ egress: { scheme: 'wss', method: 'GET', path: '/chat' } }]);
  socket.destroy();
});

test('a client that stops in its handshake is not waited for', async () => {
  const short = await startEgress({
    client,
    config: { intercept: { hosts: ['*.test'] }, limits: { headersTimeoutMs: 300 } },
  });
  const raw = rawClient(short.port, 'CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n');
  await raw.until('\r\n\r\n');
  raw.socket.write(await clientHello({ servername: 'api.test' }));
  await raw.all();
  await short.close();
  expect(client.asked).toEqual([]);
});

test('an authority from files is used; one whose parts do not belong together is refused at the start', async () => {
  await expect(createMint({ certFile: join(folder, 'ca.pem'), keyFile: join(folder, 'none') })).rejects.toMatchObject({
    code: 'ERR_EGRESS_CA',
  });
  const leaf = await upstreams.leafFor('x.test');
  writeFileSync(join(folder, 'leaf.pem'), leaf.certPem);
  writeFileSync(join(folder, 'leaf.key'), leaf.keyPem);
  for (const certFile of ['leaf.pem', 'ca.pem']) {
    const files = { certFile: join(folder, certFile), keyFile: join(folder, 'leaf.key') };
    await expect(createMint(files)).rejects.toMatchObject({ code: 'ERR_EGRESS_CA' });
  }
});
