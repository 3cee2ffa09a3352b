/** Answers in event streams: what passes as it is, what ends them, and who is told when one side leaves. */

import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RPC_CODE } from '../../enforce/refuse.js';
import type { FakePolicyClient } from '../../testing/fake-policy-client.js';
import { ANSWER, CALL, event, NOTE, open, startMcpWorld, streams } from '../../testing/mcp-world.js';
import type { Harness } from '../../testing/proxy-harness.js';
import type { RecordingUpstream } from '../../testing/recording-upstream.js';

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

describe('event streams', () => {
  test('the first event arrives while the upstream is still open', async () => {
    let finish = (): void => undefined;
    upstream.script = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(event(NOTE));
      finish = () => response.end(event(ANSWER));
    };
    const [, incoming] = await open(harness, 'POST', CALL);
    const [first] = (await once(incoming, 'data')) as [Buffer];
    expect(first.toString()).toBe(event(NOTE));
    finish();
    const rest: Buffer[] = [];
    for await (const chunk of incoming) rest.push(chunk as Buffer);
    expect(Buffer.concat(rest).toString()).toBe(event(ANSWER));
    expect(client.settled).toMatchObject([{ outcome: 'forwarded' }]);
  });

  test.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])('original bytes pass with %s', async (_name, eol) => {
    const bytes = `: hello${eol}${eol}id: 1${eol}data:${eol}${eol}retry: 10${eol}${eol}event: message${eol}data: ${JSON.stringify(NOTE)}${eol}${eol}data: ${JSON.stringify(ANSWER)}${eol}${eol}`;
    upstream.script = streams(...[...Buffer.from(bytes)].map((byte) => Buffer.from([byte])));
    expect((await harness.post(CALL)).text).toBe(bytes);
  });

  test('a character that is split over two chunks survives', async () => {
    const bytes = Buffer.from(event({ ...NOTE, params: { level: 'info', data: 'дом😀' } }) + event(ANSWER));
    upstream.script = streams(...[...bytes].map((byte) => Buffer.from([byte])));
    expect((await harness.post(CALL)).text).toBe(bytes.toString());
  });

  test.each<[string, readonly (string | Buffer)[], string]>([
    ['a wrong id', [event({ ...ANSWER, id: 2 })], 'a response to a request that was not made here'],
    ['an id of another type', [event({ ...ANSWER, id: '1' })], 'a response to a request that was not made here'],
    ['an answer without id', [event({ jsonrpc: '2.0', error: { code: 1, message: 'x' } })], 'a response to'],
    ['not JSON', ['data: nope\n\n'], 'not acceptable JSON'],
    ['a duplicate key', ['data: {"jsonrpc":"2.0","id":1,"id":1,"result":{}}\n\n'], 'not acceptable JSON'],
    ['a batch', [`data: [${JSON.stringify(ANSWER)}]\n\n`], 'batches'],
    ['an event over the cap', [`data: ${'x'.repeat(5000)}\n\n`], 'larger than allowed'],
    ['an event that never ends', [`data: ${'x'.repeat(1500)}\n`, `data: ${'x'.repeat(1500)}\n`], 'larger than allowed'],
    ['an end without an answer', [event(NOTE)], 'ended without an answer'],
    [
      'invalid UTF-8',
      [Buffer.from('data: {"jsonrpc":"2.0","id":1,"result":{"a":"'), Buffer.from([0xff]), Buffer.from('"}}\n\n')],
      'not acceptable JSON',
    ],
  ])('%s ends the stream with an error for the request', async (_name, parts, reason) => {
    upstream.script = streams(...parts, event(NOTE));
    const { text } = await harness.post(CALL);
    const last = text.trim().split('\n\n').pop() ?? '';
    expect(JSON.parse(last.replace('data: ', ''))).toMatchObject({
      id: 1,
      error: { code: RPC_CODE.upstreamFailed, message: expect.stringContaining(reason) },
    });
    expect(client.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
  });

  test('a second answer is not delivered', async () => {
    upstream.script = streams(event(ANSWER), event({ ...ANSWER, result: { evil: true } }), event(NOTE));
    expect((await harness.post(CALL)).text).toBe(event(ANSWER));
  });

  test('events of other types and unknown notifications are left out', async () => {
    const evil = { jsonrpc: '2.0', method: 'notifications/evil' };
    upstream.script = streams('event: endpoint\ndata: /elsewhere\n\n', event(evil), event(ANSWER));
    expect((await harness.post(CALL)).text).toBe(event(ANSWER));
  });

  test('a resumable stream may break off; its answer comes on the resumed one, once', async () => {
    const session = ['mcp-session-id', 's'];
    upstream.script = streams('id: e1\ndata:\n\n');
    expect((await harness.post(CALL, session)).text).toBe('id: e1\ndata:\n\n');
    upstream.script = streams(event(ANSWER), event(ANSWER));
    const resume = { method: 'GET', headers: ['accept', 'text/event-stream', ...session, 'last-event-id', 'e1'] };
    expect((await harness.send(resume)).text).toBe(event(ANSWER));
    expect(upstream.requests.at(-1)?.headers['last-event-id']).toBe('e1');
    expect((await harness.send(resume)).text).toBe('');
  });

  test('an answer on a stream that was not resumed is not delivered', async () => {
    upstream.script = streams(event(ANSWER));
    expect((await harness.send({ method: 'GET', headers: ['accept', 'text/event-stream'] })).text).toBe('');
  });

  test('a slow agent holds up the upstream, not our memory', async () => {
    let written = 0;
    let full = (): void => undefined;
    const filled = new Promise<void>((resolve) => {
      full = resolve;
    });
    const chunk = event({ ...NOTE, params: { level: 'info', data: 'x'.repeat(1000) } });
    upstream.script = async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (let at = 0; at < 100_000; at += 1) {
        written += 1;
        if (!response.write(chunk)) {
          const drained = await Promise.race([
            once(response, 'drain').then(() => true),
            new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 1_000)),
          ]);
          if (!drained) break;
        }
      }
      full();
    };
    const [outgoing, incoming] = await open(harness, 'POST', CALL);
    incoming.pause();
    await filled;
    outgoing.destroy();
    expect(written).toBeLessThan(50_000);
  });

  test('when the agent leaves, the upstream is told; when the upstream leaves, the agent is', async () => {
    let left = (): void => undefined;
    const upstreamLeft = new Promise<void>((resolve) => {
      left = resolve;
    });
    upstream.script = (_request, response) => {
      response.on('close', left);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(event(NOTE));
    };
    const [outgoing, incoming] = await open(harness, 'POST', CALL);
    await once(incoming, 'data');
    outgoing.destroy();
    await upstreamLeft;

    upstream.script = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(event(NOTE), () => response.destroy());
    };
    expect((await harness.post(CALL)).text).toContain('broke off');
  });
});
