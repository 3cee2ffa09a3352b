/** Clients and origins that misbehave: each ends in an answer or a closed connection, and nothing undecided goes out. */

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type ByteRecorder,
  type EgressHarness,
  type Origin,
  onLoopback,
  rawClient,
  startByteRecorder,
  startEgress,
  startOrigin,
} from '../../testing/egress-harness.js';
import { allow, deny, fakePolicyClient, silence, wrongly } from '../../testing/fake-policy-client.js';

const client = fakePolicyClient();
let origin: Origin;
let recorder: ByteRecorder;
let proxy: EgressHarness;
const at = (): string => `site.test:${origin.port}`;

beforeEach(async () => {
  client.asked.length = 0;
  client.settled.length = 0;
  client.behaviour = allow();
  origin = await startOrigin();
  recorder = await startByteRecorder();
  proxy = await startEgress({
    client,
    config: {
      specialAddresses: onLoopback(origin.port, recorder.port),
      tunnels: { plain: [{ host: 'raw.test', ports: [recorder.port] }] },
      limits: { headersTimeoutMs: 300, maxHeaderBytes: 4096, maxHeaders: 20, answerTimeoutMs: 500 },
    },
  });
});
afterEach(async () => {
  await proxy.close();
  await origin.close();
  await recorder.close();
});

const POST = (...lines: readonly string[]): string =>
  [`POST http://${at()}/ HTTP/1.1`, `Host: ${at()}`, 'Connection: close', ...lines].join('\r\n');

describe('framing', () => {
  test.each<[string, () => string]>([
    [
      'Content-Length and Transfer-Encoding',
      () => POST('Content-Length: 4', 'Transfer-Encoding: chunked', '', '0\r\n\r\n'),
    ],
    [
      'Transfer-Encoding and Content-Length',
      () => POST('Transfer-Encoding: chunked', 'Content-Length: 4', '', '0\r\n\r\n'),
    ],
    ['two lengths', () => POST('Content-Length: 1', 'Content-Length: 2', '', 'xx')],
    ['the same length twice', () => POST('Content-Length: 1', 'Content-Length: 1', '', 'x')],
    ['a list of lengths', () => POST('Content-Length: 1, 1', '', 'x')],
    ['a signed length', () => POST('Content-Length: +1', '', 'x')],
    ['a hexadecimal length', () => POST('Content-Length: 0x1', '', 'x')],
    ['a length that is no number', () => POST('Content-Length: 1a', '', 'x')],
    ['a length beyond counting', () => POST('Content-Length: 99999999999999999999', '', 'x')],
    ['an unknown coding', () => POST('Transfer-Encoding: xchunked', '', '0\r\n\r\n')],
    ['two codings', () => POST('Transfer-Encoding: gzip, chunked', '', '0\r\n\r\n')],
    ['chunked that is not last', () => POST('Transfer-Encoding: chunked, identity', '', '0\r\n\r\n')],
    ['two coding fields', () => POST('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked', '', '0\r\n\r\n')],
    ['a space before the colon', () => POST('Content-Length : 1', '', 'x')],
    ['a folded field', () => POST('X-Folded: a', ' b', '', '')],
    ['a bare line feed', () => `POST http://${at()}/ HTTP/1.1\nHost: ${at()}\n\n`],
    ['a zero byte', () => POST('X-Zero: a\0b', '', '')],
    ['a reserved name', () => POST('__proto__: x', '', '')],
    ['another version', () => `GET http://${at()}/ HTTP/3.7\r\nHost: ${at()}\r\n\r\n`],
    ['HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['HTTP/0.9', () => `GET http://${at()}/\r\n\r\n`],
    ['a method of its own', () => `STEAL http://${at()}/ HTTP/1.1\r\nHost: ${at()}\r\n\r\n`],
    ['too many fields', () => POST(...Array.from({ length: 30 }, (_, index) => `X-${index}: y`), '', '')],
    ['a head that is too large', () => POST(`X-Large: ${'y'.repeat(8_000)}`, '', '')],
    ['a tab in the target', () => `GET http://${at()}/a\tb HTTP/1.1\r\nHost: ${at()}\r\n\r\n`],
    ['another expectation', () => POST('Expect: a-miracle', '', '')],
  ])('with %s is answered 4xx, and nobody is asked or connected to', async (_name, text) => {
    expect(await rawClient(proxy.port, text()).all()).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(client.asked).toEqual([]);
    expect(origin.connections()).toBe(0);
  });

  test('a chunk that is broken ends the request before the host could take it for whole', async () => {
    await rawClient(proxy.port, POST('Transfer-Encoding: chunked', '', '3\r\nabcd\r\n0\r\n\r\n')).all();
    expect(origin.requests).toEqual([]);
  });

  test('a body that ends early is never whole at the host', async () => {
    const raw = rawClient(proxy.port, POST('Content-Length: 10', '', 'only'));
    while (origin.connections() === 0) await new Promise((resolve) => setImmediate(resolve));
    raw.socket.destroy();
    await proxy.surface.finish();
    expect(origin.requests).toEqual([]);
    expect(proxy.lines('Connection ended')).toMatchObject([{ ending: 'client_left' }]);
  });
});

describe('a client', () => {
  test.each([
    ['says nothing', ''],
    ['stops in its head', 'GET http://site.test/ HTTP/1.1\r\nHost: si'],
    ['stops in its CONNECT', 'CONNECT site.test:443 HTTP/1.1\r\n'],
  ])('that %s is not waited for', async (_name, text) => {
    const answer = await rawClient(proxy.port, text).all();
    expect(answer === '' || answer.startsWith('HTTP/1.1 408')).toBe(true);
    expect(client.asked).toEqual([]);
  });

  test('that sends requests before answers has each decided', async () => {
    client.behaviour = (request) => (request.egress?.path === '/b' ? deny() : allow())(request);
    const one = (path: string, end = ''): string => `GET http://${at()}${path} HTTP/1.1\r\nHost: ${at()}\r\n${end}\r\n`;
    const answers = await rawClient(proxy.port, one('/a') + one('/b') + one('/c', 'Connection: close\r\n')).all();
    expect(client.asked.map(({ egress }) => egress?.path)).toEqual(['/a', '/b', '/c']);
    expect(answers.match(/HTTP\/1\.1 \d\d\d/g)?.slice(0, 2)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403']);
    expect(origin.requests.map(({ line }) => line)).not.toContain('GET /b');
  });

  test('that asks for a tunnel before it has its answer gets neither mixed', async () => {
    origin.serve = () => undefined;
    const text = `GET http://${at()}/a HTTP/1.1\r\nHost: ${at()}\r\n\r\nCONNECT raw.test:${recorder.port} HTTP/1.1\r\nHost: raw.test:${recorder.port}\r\n\r\nhello`;
    expect(await rawClient(proxy.port, text).all()).toBe('');
    expect(recorder.connections()).toBe(0);
  });

  test('that leaves while it is decided about starts nothing', async () => {
    client.behaviour = silence();
    const raw = rawClient(
      proxy.port,
      `CONNECT raw.test:${recorder.port} HTTP/1.1\r\nHost: raw.test:${recorder.port}\r\n\r\nhello`,
    );
    while (client.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    raw.socket.destroy();
    await proxy.surface.finish();
    expect(recorder.connections()).toBe(0);
  });

  test.each([
    ['about another request', wrongly({ request_digest: '0'.repeat(64) })],
    ['that allows and denies', wrongly({ effect: 'deny' })],
  ])('gets nothing out of a decision %s', async (_name, behaviour) => {
    client.behaviour = behaviour;
    const text = `CONNECT raw.test:${recorder.port} HTTP/1.1\r\nHost: raw.test:${recorder.port}\r\n\r\nhello`;
    expect(await rawClient(proxy.port, text).all()).toMatch(/^HTTP\/1\.1 503 /);
    expect(recorder.connections()).toBe(0);
  });
});

describe('an origin', () => {
  const get = (): Promise<string> =>
    rawClient(
      proxy.port,
      `GET http://site.test:${recorder.port}/ HTTP/1.1\r\nHost: site.test:${recorder.port}\r\nConnection: close\r\n\r\n`,
    ).all();

  test.each([
    ['speaks something else', 'SSH-2.0-x\r\n'],
    ['frames in two ways', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['gives two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx'],
    ['has a head without end', `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(10_000)}`],
    ['folds a field', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n'],
    [
      'switches protocols unasked',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nowned',
    ],
    ['says nothing', ''],
  ])('that %s is no answer', async (_name, text) => {
    recorder.greet = (socket) => void socket.write(text);
    expect(await get()).toMatch(text === '' ? /^HTTP\/1\.1 504 / : /^HTTP\/1\.1 502 /);
    await proxy.surface.finish();
    expect(client.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
  });

  test('that breaks off its answer leaves it visibly broken off', async () => {
    recorder.greet = (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
    const answer = await get();
    expect(answer).toContain('half');
    expect(answer).not.toMatch(/^HTTP\/1\.1 502/);
    await proxy.surface.finish();
    expect(proxy.lines('Connection ended')).toMatchObject([{ ending: 'upstream_failed' }]);
  });

  test('that sends a second answer reaches nobody with it', async () => {
    recorder.greet = (socket) =>
      void socket.write(
        'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
      );
    expect(await get()).not.toContain('evil');
    expect(await get()).not.toContain('evil');
    expect(recorder.connections()).toBe(2);
  });
});
