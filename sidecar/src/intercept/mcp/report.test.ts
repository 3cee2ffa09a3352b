/** The obligation to report a result: nobody gets it before a PDP has it, on whatever way it comes. */

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Json } from '@portcullis/policy/model';
import { requestDigestHex } from '@portcullis/proto';
import { allow, denyOnly, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type Harness, startHarness } from '../../testing/proxy-harness.js';
import { answerJson, type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';

const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read_file', arguments: { path: '/a' } } };
const SECRET = 'what the tool said';
const RESULT = { resultType: 'complete', content: [{ type: 'text', text: SECRET }] };

let upstream: RecordingUpstream;
let harness: Harness;
const client = fakePolicyClient();
const reporting = (value: Json = { max_bytes: 10_000 }) => allow({ obligations: [{ type: 'report_result', value }] });

beforeEach(async () => {
  client.behaviour = reporting();
  client.taking = async () => true;
  client.asked.length = 0;
  client.settled.length = 0;
  client.reported.length = 0;
  upstream = await recordingUpstream((_request, response) =>
    answerJson(response, { jsonrpc: '2.0', id: 1, result: RESULT }),
  );
  harness = await startHarness({ client, upstreamUrl: upstream.url });
});
afterEach(async () => {
  await harness.close();
  await upstream.close();
});

const sse = (...messages: readonly object[]): void => {
  upstream.script = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const [index, message] of messages.entries()) {
      response.write(`id: ${index}\ndata: ${JSON.stringify(message)}\n\n`);
    }
    response.end();
  };
};

describe('a result that is to be reported', () => {
  test('is given to the agent once a PDP took it, in the session of its request, and settles the decision', async () => {
    const { promise: gate, resolve: take } = Promise.withResolvers<boolean>();
    const { promise: begun, resolve: asked } = Promise.withResolvers<void>();
    client.taking = () => {
      asked();
      return gate;
    };
    let isAnswered = false;
    const answer = harness.post(CALL, ['mcp-session-id', 's-1']).finally(() => {
      isAnswered = true;
    });
    await begun;
    await new Promise((resolve) => setImmediate(resolve));
    expect(isAnswered).toBe(false);
    take(true);
    expect((await answer).json).toMatchObject({ result: RESULT });
    const [request] = client.asked;
    expect(client.reported).toEqual([
      {
        decision_id: expect.any(String),
        request_digest: request === undefined ? '' : requestDigestHex(request),
        outcome: 'forwarded',
        duration_ms: expect.any(Number),
        usage: { bytes_out: 102, bytes_in: 115 },
        result: { value: RESULT, truncated: false, session_id: 's-1' },
      },
    ]);
    expect(client.settled).toEqual([]);
  });

  test.each([
    ['as JSON', () => undefined],
    ['as an event', () => sse({ jsonrpc: '2.0', id: 1, result: RESULT })],
    [
      'as a JSON-RPC error',
      () => {
        upstream.script = (_request, response) =>
          answerJson(response, { jsonrpc: '2.0', id: 1, error: { code: 1, message: SECRET } });
      },
    ],
    [
      'with a status that says error',
      () => {
        upstream.script = (_request, response) =>
          answerJson(response, { jsonrpc: '2.0', id: 1, error: { code: 1, message: SECRET } }, 400);
      },
    ],
  ])('never reaches the agent when nobody takes it: %s', async (_name, script) => {
    script();
    client.taking = async () => false;
    const answer = await harness.post(CALL);
    expect(client.reported).toHaveLength(1);
    expect(answer.text).not.toContain(SECRET);
    expect(answer.text).toContain('could not be recorded');
    expect(client.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
    client.taking = async () => true;
    expect((await harness.post(CALL)).text).toContain(SECRET);
  });

  test('is not delivered on a resumed stream, where nobody would report it', async () => {
    sse({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'soon' } });
    await harness.post(CALL, ['mcp-session-id', 's-1']);
    client.behaviour = allow();
    sse({ jsonrpc: '2.0', id: 1, result: RESULT });
    const resumed = await harness.send({
      method: 'GET',
      headers: ['accept', 'text/event-stream', 'last-event-id', '0', 'mcp-session-id', 's-1'],
    });
    expect(resumed.text).not.toContain(SECRET);
  });

  test('is reported in part when it is too large, as text, within the bytes that were asked for', async () => {
    client.behaviour = reporting({ max_bytes: 100 });
    const large = { ...RESULT, text: '"\u0001😀'.repeat(1_000) };
    upstream.script = (_request, response) => answerJson(response, { jsonrpc: '2.0', id: 1, result: large });
    expect((await harness.post(CALL)).json).toMatchObject({ result: large });
    const [report] = client.reported;
    expect(report?.result.truncated).toBe(true);
    const value = typeof report?.result.value === 'string' ? report.result.value : '';
    expect(value.length).toBeGreaterThan(10);
    expect(JSON.stringify(large).startsWith(value)).toBe(true);
    expect(Buffer.byteLength(JSON.stringify(value))).toBeLessThanOrEqual(100);
  });
});

describe('an order that is not understood', () => {
  test.each<[Json]>([[null], [{}], [{ max_bytes: 'many' }], [{ max_bytes: 0 }], [{ max_bytes: 1e99 }], [[1_000]]])(
    'is refused, and nothing is sent: %j',
    async (value) => {
      client.behaviour = reporting(value);
      const answer = await harness.post(CALL);
      expect(answer.text).toContain('OBLIGATION_UNSUPPORTED');
      expect(upstream.requests).toEqual([]);
    },
  );
});

describe('without an order', () => {
  test('nothing is reported', async () => {
    client.behaviour = allow();
    expect((await harness.post(CALL)).text).toContain(SECRET);
    expect(client.reported).toEqual([]);
    expect(client.settled).toMatchObject([{ outcome: 'forwarded' }]);
  });
});

test.each([
  ['tools/list', {}, { tools: [{ name: 'read', description: SECRET, inputSchema: {} }] }],
  ['resources/list', {}, { resources: [{ uri: 'a://b', name: SECRET }] }],
  ['resources/templates/list', {}, { resourceTemplates: [{ uriTemplate: 'a://{b}', name: SECRET }] }],
  ['resources/read', { uri: 'a://b' }, { contents: [{ uri: 'a://b', text: SECRET }] }],
  ['prompts/list', {}, { prompts: [{ name: 'p', description: SECRET }] }],
  ['prompts/get', { name: 'p' }, { messages: [{ role: 'user', content: { type: 'text', text: SECRET } }] }],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'p' } }, { completion: { values: [SECRET] } }],
])('what %s brings is reported like the result of a call', async (method, params, result) => {
  upstream.script = (_request, response) => answerJson(response, { jsonrpc: '2.0', id: 1, result });
  client.taking = async () => false;
  const { text } = await harness.post({ jsonrpc: '2.0', id: 1, method, params });
  expect(client.reported.map((report) => report.result.value)).toEqual([result]);
  expect(text).not.toContain(SECRET);
});

test('what is reported of a list of tools is what the agent is shown of it', async () => {
  const tools = ['read', 'delete'].map((name) => ({ name, inputSchema: {} }));
  upstream.script = (_request, response) => answerJson(response, { jsonrpc: '2.0', id: 1, result: { tools } });
  const deniesOne = denyOnly('tools/list', 'delete');
  client.behaviour = (request) => (request.tool?.name === 'delete' ? deniesOne(request) : reporting()(request));
  await harness.post({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} });
  expect(client.reported.map((report) => report.result.value)).toEqual([{ tools: tools.slice(0, 1) }]);
});
