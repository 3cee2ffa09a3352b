import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ProxyAgent, WebSocket } from 'undici';
import {
  type EgressHarness,
  type Origin,
  onLoopback,
  rawClient,
  startEgress,
  startOrigin,
} from '../../testing/egress-harness.js';
import { allow, deny, fakePolicyClient } from '../../testing/fake-policy-client.js';

const client = fakePolicyClient();
let origin: Origin;
let proxy: EgressHarness;

beforeEach(async () => {
  client.asked.length = 0;
  client.settled.length = 0;
  client.behaviour = allow();
  origin = await startOrigin();
  proxy = await startEgress({ client, config: { specialAddresses: onLoopback(origin.port) } });
});
afterEach(async () => {
  await proxy.close();
  await origin.close();
});

/** Accepts a WebSocket and echoes one short unmasked text frame. */
function acceptWebSockets(): void {
  origin.server.on('upgrade', (request, socket: Duplex) => {
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on('error', () => undefined);
    socket.on('end', () => void socket.end());
    socket.on('data', (frame: Buffer) => {
      if ((frame[0] ?? 0) !== 0x81) return socket.end();
      const length = (frame[1] ?? 0) & 0x7f;
      const mask = frame.subarray(2, 6);
      const text = frame.subarray(6, 6 + length).map((byte, at) => byte ^ (mask[at % 4] ?? 0));
      return socket.write(Buffer.concat([Buffer.from([0x81, length]), text]));
    });
  });
}

const handshake = (path = '/chat'): string =>
  [
    `GET http://site.test:${origin.port}${path} HTTP/1.1`,
    `Host: site.test:${origin.port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    '',
    '',
  ].join('\r\n');

test('a WebSocket in the clear is decided as one attempt and carried both ways', async () => {
  acceptWebSockets();
  const raw = rawClient(proxy.port, handshake());
  expect(await raw.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 101 [\s\S]*s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/);
  raw.socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
  expect(await raw.until('hi')).toContain('hi');
  raw.socket.end();
  await raw.all();
  await proxy.surface.finish();
  expect(client.asked).toMatchObject([{ egress: { scheme: 'ws', host: 'site.test', method: 'GET', path: '/chat' } }]);
  expect(client.settled).toMatchObject([{ outcome: 'forwarded', usage: { bytes: 8 } }]);
});

test('undici opens one through the proxy', async () => {
  acceptWebSockets();
  const tunnelled = await startEgress({
    client,
    config: {
      specialAddresses: onLoopback(origin.port),
      tunnels: { plain: [{ host: 'site.test', ports: [origin.port] }] },
    },
  });
  // undici tunnels what is not encrypted as well, so its destination has to be known as one that is not.
  const agent = new ProxyAgent(tunnelled.url);
  const socket = new WebSocket(`ws://site.test:${origin.port}/chat`, { dispatcher: agent });
  await once(socket, 'open');
  socket.send('hello');
  const [message] = (await once(socket, 'message')) as [{ data: string }];
  expect(message.data).toBe('hello');
  socket.close();
  await agent.destroy();
  await tunnelled.close();
});

test('one that is not allowed is refused, and the host hears nothing', async () => {
  client.behaviour = deny();
  expect(await rawClient(proxy.port, handshake()).all()).toMatch(/^HTTP\/1\.1 403 [\s\S]*POLICY_DENIED/);
  expect(origin.connections()).toBe(0);
});

test('a host that does not want one answers like any other', async () => {
  const answer = await rawClient(proxy.port, handshake('/no')).all();
  expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*hello \/no/);
});

test('the answer of a host that does not want one arrives whole, however long it is', async () => {
  const long = 'x'.repeat(4 * 1024 * 1024);
  origin.serve = (_request, response) => void response.end(long);
  const answer = await rawClient(proxy.port, handshake('/no')).all();
  expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toHaveLength(long.length);
});

test('the kill switch ends it', async () => {
  acceptWebSockets();
  const raw = rawClient(proxy.port, handshake());
  await raw.until('\r\n\r\n');
  client.behaviour = deny({ code: 'KILL_SWITCH' });
  proxy.killEpoch('pdp:1', 3);
  await raw.all();
  await proxy.surface.finish();
  expect(proxy.lines('Connection ended')).toMatchObject([{ ending: 'kill_switch' }]);
});

test('any other upgrade is ignored, as HTTP has it', async () => {
  const answer = await rawClient(
    proxy.port,
    handshake('/plain')
      .replace('Upgrade: websocket', 'Upgrade: h2c')
      .replace('Connection: Upgrade', 'Connection: Upgrade, close'),
  ).all();
  expect(answer).toContain('hello /plain');
  expect(origin.requests[0]?.rawHeaders.join(' ').toLowerCase()).not.toContain('h2c');
});
