/** Servers that do not answer, or answer something else. */

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RPC_CODE } from '../../enforce/refuse.js';
import type { FakePolicyClient } from '../../testing/fake-policy-client.js';
import { ANSWER, CALL, NOTE, startMcpWorld } from '../../testing/mcp-world.js';
import { type Harness, startHarness } from '../../testing/proxy-harness.js';
import { answerJson, type RecordingUpstream } from '../../testing/recording-upstream.js';

let client: FakePolicyClient;
let upstream: RecordingUpstream;
let harness: Harness;

beforeEach(async () => {
  ({ client, upstream, harness } = await startMcpWorld());
});
afterEach(async () => {
  await harness.close();
  await upstream.close();
});

describe('answers that are none', () => {
  test.each<[string, (response: ServerResponse) => void, number]>([
    ['a wrong id', (r) => answerJson(r, { ...ANSWER, id: 7 }), 200],
    ['a request', (r) => answerJson(r, CALL), 200],
    ['a notification', (r) => answerJson(r, NOTE), 200],
    ['HTML', (r) => r.writeHead(200, { 'content-type': 'text/html' }).end('<p>'), 200],
    ['nothing', (r) => r.writeHead(202).end(), 200],
    ['too much', (r) => answerJson(r, { ...ANSWER, result: { a: 'x'.repeat(9000) } }), 200],
    [
      'compressed',
      (r) => r.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end('x'),
      200,
    ],
    ['a redirect', (r) => r.writeHead(302, { location: 'http://evil.example/' }).end(), 200],
    [
      'a challenge',
      (r) => r.writeHead(401, { 'www-authenticate': 'Bearer resource_metadata="http://evil"' }).end(),
      200,
    ],
    ['500 with HTML', (r) => r.writeHead(500, { 'content-type': 'text/html' }).end('<p>'), 500],
    [
      '400 about another id',
      (r) => answerJson(r, { jsonrpc: '2.0', id: 9, error: { code: 1, message: 'm' } }, 400),
      400,
    ],
    ['a reset connection', (r) => r.destroy(), 200],
    ['silence', () => undefined, 200],
  ])('%s', async (_name, script, status) => {
    upstream.script = (_request, response) => script(response);
    const answer = await harness.post(CALL);
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ id: 1, error: { code: RPC_CODE.upstreamFailed } });
    expect(answer.headers['www-authenticate'] ?? answer.headers['location']).toBeUndefined();
    expect(client.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
  });

  test.each([null, 1])('a 4xx with a JSON-RPC error (id %j) passes as it is', async (id) => {
    const body = { jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id };
    upstream.script = (_request, response) => answerJson(response, body, 404);
    const answer = await harness.post(CALL, ['mcp-session-id', 'gone']);
    expect({ status: answer.status, json: answer.json }).toEqual({ status: 404, json: body });
  });

  test('an extra response on an idle connection reaches nobody', async () => {
    let connections = 0;
    const evil = createServer((socket: Socket) => {
      connections += 1;
      socket.on('error', () => undefined);
      socket.on('data', () => {
        const body = JSON.stringify(ANSWER);
        const one = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
        socket.write(one + one.replace('content":[]', 'content":[1'.concat(']')));
      });
    });
    evil.listen(0, '127.0.0.1');
    await once(evil, 'listening');
    const own = await startHarness({
      client,
      upstreamUrl: `http://127.0.0.1:${(evil.address() as AddressInfo).port}/`,
    });
    for (let at = 0; at < 5; at += 1) expect((await own.post(CALL)).text).toBe(JSON.stringify(ANSWER));
    expect(connections).toBe(5);
    await own.close();
    evil.close();
  });
});
