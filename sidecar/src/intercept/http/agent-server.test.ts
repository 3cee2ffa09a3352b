/** The server that all HTTP surfaces listen with, and clients that misbehave on its connections. */

import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../../ask/ask-bench.js';
import type { RefusedAttempt } from '../../ask/port.js';
import { createRefuser } from '../../enforce/refuse.js';
import { rawClient } from '../../testing/egress-harness.js';
import { memoryLog } from '../../testing/proxy-harness.js';
import { type AgentServer, type AgentServerOptions, startAgentServer } from './agent-server.js';

let server: AgentServer;
let recorded: RefusedAttempt[];

async function start(over: Partial<AgentServerOptions> = {}): Promise<number> {
  recorded = [];
  const refuser = createRefuser({
    source: 'mcp_proxy',
    log: memoryLog().log,
    observer: { refused: () => undefined, failedClosed: () => undefined },
    records: { refused: (attempt) => recorded.push(attempt) },
  });
  server = await startAgentServer({
    what: 'the test port',
    listen: { host: '127.0.0.1', port: 0 },
    refuser,
    serve: async (_request, response) => void response.end('served'),
    refuse: (response, refusal) => void response.writeHead(refusal.httpStatus).end(refusal.code),
    limits: { maxHeaderBytes: 4096, headersTimeoutMs: 300, maxConnections: 10 },
    ...over,
  });
  return Number(server.address.split(':').pop());
}

let port: number;
const CONNECT = 'CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\n\r\n';
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

beforeEach(async () => {
  port = await start();
});
afterEach(() => server.close());

describe('CONNECT where there is none', () => {
  test('is answered, and a client that resets the connection harms nobody', async () => {
    for (let round = 0; round < 20; round += 1) {
      const client = rawClient(port, CONNECT);
      await once(client.socket, 'connect');
      client.socket.resetAndDestroy();
    }
    const client = rawClient(port, CONNECT);
    expect(await client.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 405 /);
    client.socket.resetAndDestroy();
    expect(await rawClient(port, GET).until('served')).toContain('served');
  });

  test('does not keep the connection of a client that never ends its side', async () => {
    const client = rawClient(port, CONNECT);
    client.socket.allowHalfOpen = true;
    await client.until('405');
    // Resolves when the last connection is closed.
    await expect(server.close()).resolves.toBeUndefined();
    client.socket.destroy();
  });
});

test.each([
  ['CONNECT', CONNECT],
  ['an upgrade', 'GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
])('%s behind a request that has no answer ends the connection, and is on record', async (_what, text) => {
  await server.close();
  const taken: string[] = [];
  port = await start({
    serve: (_request, response) => once(response, 'close').then(() => undefined),
    connect: ({ method }) => void taken.push(method ?? ''),
    upgrade: async ({ method }) => void taken.push(method ?? ''),
  });
  expect(await rawClient(port, `${GET}${text}`).all()).toBe('');
  expect(recorded).toMatchObject([{ code: 'REQUEST_INVALID', target: { operation: text.split(' ', 1)[0] } }]);
  expect(taken).toEqual([]);
});

describe('what is not HTTP', () => {
  test.each([
    ['no request line', 'rubbish\r\n\r\n', 400],
    ['two framings', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['a head that is too large', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(8_000)}\r\n\r\n`, 431],
    ['half a head', 'GET / HTTP/1.1\r\nHos', 408],
  ])('%s is answered, and on record once', async (_name, text, status) => {
    expect(await rawClient(port, text).all()).toContain(` ${status} `);
    expect(recorded).toEqual([{ source: 'mcp_proxy', code: 'REQUEST_INVALID', reason: undefined, status, target: {} }]);
  });

  test('a connection that nothing came on is no attempt', async () => {
    expect(await rawClient(port).all()).toContain(' 408 ');
    expect(recorded).toEqual([]);
  });

  test('a client that leaves in the middle of its head is no attempt either', async () => {
    const client = rawClient(port, 'GET / HTTP/1.1\r\nHos');
    await once(client.socket, 'connect');
    client.socket.resetAndDestroy();
    expect(await rawClient(port, GET).until('served')).toContain('served');
    expect(recorded).toEqual([]);
  });

  test('that follows a request is not answered in its place', async () => {
    await server.close();
    const answer = Promise.withResolvers<void>();
    port = await start({
      async serve(_request, response) {
        await answer.promise;
        response.end('late');
      },
    });
    const client = rawClient(port, `${GET}rubbish\r\n\r\n`);
    await until(() => recorded.length === 1);
    answer.resolve();
    const said = await client.all();
    expect(said).toContain('late');
    expect(said).not.toContain('400');
  });

  test('and goes on is on record once', async () => {
    const client = rawClient(port, 'rubbish\r\n\r\n');
    await client.until('400');
    for (let round = 0; round < 5; round += 1) client.socket.write('rubbish\r\n\r\n');
    await client.all();
    expect(recorded).toHaveLength(1);
  });

  test('inside of an answer that has begun is not put into it', async () => {
    await server.close();
    port = await start({
      async serve(_request, response) {
        response.writeHead(200, { 'content-length': 1000 }).write('begun');
        await once(response, 'close');
      },
    });
    const client = rawClient(port, 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    await client.until('begun');
    client.socket.write('rubbish\r\n');
    expect(await client.all()).toMatch(/begun$/);
  });
});
