import { afterEach, describe, expect, test } from '@jest/globals';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { Condition, JsonObject } from '@portcullis/policy/model';
import { allow, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type Harness, startHarness } from '../../testing/proxy-harness.js';
import {
  answerJson,
  type RecordingUpstream,
  recordingUpstream,
  type Script,
} from '../../testing/recording-upstream.js';

const CARD = '4111111111111111';
let closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.toReversed()) await close();
  closing = [];
});

async function start(
  conditions: readonly Condition[],
  script?: Script,
): Promise<{ harness: Harness; upstream: RecordingUpstream; client: ReturnType<typeof fakePolicyClient> }> {
  const upstream = await recordingUpstream(script);
  const client = fakePolicyClient(allow({ conditions }));
  const harness = await startHarness({ client, upstreamUrl: upstream.url });
  closing.push(
    () => upstream.close(),
    () => harness.close(),
  );
  return { harness, upstream, client };
}

const redact = (value: JsonObject): Condition => ({ type: 'redact', value });
const call = (args: JsonObject, id = 1, name = 'pay'): JsonObject => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});
const sent = ({ requests }: RecordingUpstream): string => requests.at(-1)?.body ?? '';
/** Answers a call with one text, as a server does. */
const says =
  (text: string, as: 'json' | 'sse' = 'json'): Script =>
  (request, response) => {
    const { id } = JSON.parse(request.body) as { id: number };
    const body = { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }] } };
    if (as === 'json') return answerJson(response, body);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const event = `: hello\nid: 7\ndata: ${JSON.stringify(body)}\n\n`;
    // Cut in the middle of the number.
    const cut = event.indexOf(text) + Math.floor(text.length / 2);
    response.write(event.slice(0, cut));
    setImmediate(() => response.end(event.slice(cut)));
  };

describe('a call whose decision orders redaction', () => {
  test('reaches the server redacted, and nothing else of it changes', async () => {
    const { harness, upstream } = await start([redact({ method: 'mask', direction: 'request' })]);
    const reply = await harness.post(call({ note: `card ${CARD}`, amount: 12.5 }));
    expect(sent(upstream)).toBe(JSON.stringify(call({ note: 'card ************1111', amount: 12.5 })));
    expect(reply.text).toContain('************1111');
  });

  test('has names of members redacted, both ways, and gets its own back', async () => {
    const table = { 'jo@example.com': 'reads', 'al@example.com': 'writes' };
    const masked = { '**@*******.***': 'reads', '**@*******.*** (2)': 'writes' };
    const { harness, upstream } = await start([redact({ method: 'mask' })], says(JSON.stringify(table)));
    const reply = await harness.post(call({ rights: table }));
    expect(sent(upstream)).toBe(JSON.stringify(call({ rights: masked })));
    expect(reply.text).toContain(JSON.stringify(JSON.stringify(masked)));
    const own = await start([redact({ method: 'tokenize' })]);
    const given = await own.harness.post(call({ rights: table }));
    expect(sent(own.upstream)).toContain('{"[EMAIL_1]":"reads","[EMAIL_2]":"writes"}');
    expect(given.text).toContain(JSON.stringify(table));
  });

  test('has JSON inside of texts redacted, both ways', async () => {
    const { harness, upstream } = await start([redact({ method: 'mask' })], says(JSON.stringify({ card: CARD })));
    const reply = await harness.post(call({ note: JSON.stringify([{ card: CARD }]) }));
    expect(sent(upstream)).not.toContain(CARD);
    expect(reply.text).not.toContain(CARD);
    expect(reply.text).toContain('************1111');
  });

  test('has fields searched that are in JSON inside of a text, both ways', async () => {
    const order = redact({ fields: ['card'], detectors: ['card'], method: 'drop' });
    const { harness, upstream } = await start([order], says(JSON.stringify({ card: CARD, kept: CARD })));
    const reply = await harness.post(call({ note: JSON.stringify({ card: CARD, kept: CARD }) }));
    const left = JSON.stringify({ card: '', kept: CARD });
    expect(JSON.parse(sent(upstream)).params.arguments.note).toBe(left);
    expect(reply.text).toContain(JSON.stringify(left));
  });

  test('has fields masked that are in JSON inside of a text', async () => {
    const { harness, upstream } = await start([{ type: 'mask_fields', value: ['arguments.note.card'] }]);
    await harness.post(call({ note: JSON.stringify({ card: 'blue', kept: 'red' }) }));
    expect(JSON.parse(sent(upstream)).params.arguments.note).toBe('{"card":"***","kept":"red"}');
  });

  test.each(['json', 'sse'] as const)('comes back redacted (%s)', async (as) => {
    const { harness, client } = await start(
      [redact({ method: 'mask', direction: 'response' })],
      says(`card ${CARD}`, as),
    );
    const reply = await harness.post(call({ note: CARD }));
    expect(reply.text).not.toContain(CARD);
    expect(reply.text).toContain('"text":"card ************1111"');
    if (as === 'sse') expect(reply.text).toMatch(/^: hello\nid: 7\ndata: \{/);
    expect(JSON.stringify(client.reported)).not.toContain(CARD);
  });

  test('gets its own values back where placeholders stood for them', async () => {
    const { harness, upstream } = await start([redact({ method: 'tokenize' })]);
    const reply = await harness.post(call({ a: `${CARD} and jo@example.com`, b: CARD }));
    expect(sent(upstream)).toContain('"a":"[CARD_1] and [EMAIL_1]","b":"[CARD_1]"');
    expect(reply.text).toContain(`"a":"${CARD} and jo@example.com","b":"${CARD}"`);
    expect(harness.logged.join('')).not.toContain(CARD);
  });

  test('does not get what a server tokenized back, nor what was said to another session', async () => {
    const { harness } = await start([redact({ method: 'tokenize', detectors: ['card'] })], says(`${CARD} [CARD_1]`));
    const reply = await harness.post(call({ a: 'nothing' }));
    expect(reply.text).toContain('"text":"[CARD_1] [CARD_1]"');
  });

  test('has fields masked, in arguments and results', async () => {
    const { harness, upstream } = await start([{ type: 'mask_fields', value: ['ssn', 'user.email'] }]);
    const reply = await harness.post(call({ ssn: [1, 2], user: { email: 'x', name: 'y' }, email: 'z' }));
    expect(sent(upstream)).toContain('"arguments":{"ssn":"***","user":{"email":"***","name":"y"},"email":"z"}');
    expect(reply.text).toContain('"email":"z"');
  });

  test('counts what it did', async () => {
    const { harness } = await start([redact({})]);
    await harness.post(call({ a: CARD }));
    const text = await harness.registry.metrics();
    expect(text).toContain('redacted_values_total{direction="request",kind="card"} 1');
  });

  test('works for the official client', async () => {
    const { harness } = await start([redact({ method: 'mask', direction: 'response' })], (request, response) => {
      if (request.body === '') return void response.writeHead(405).end();
      const { id, method } = JSON.parse(request.body) as { id?: number; method: string };
      if (method === 'initialize') {
        const result = {
          protocolVersion: '2025-11-25',
          capabilities: { tools: {} },
          serverInfo: { name: 's', version: '1' },
        };
        return answerJson(response, { jsonrpc: '2.0', id, result });
      }
      return id === undefined ? void response.writeHead(202).end() : says(`card ${CARD}`, 'sse')(request, response);
    });
    const client = new Client({ name: 'agent', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL(harness.url)));
    const result = await client.callTool({ name: 'pay', arguments: {} });
    expect(result.content).toEqual([{ type: 'text', text: 'card ************1111' }]);
    await client.close();
  });
});

describe('is refused, and sent to nobody', () => {
  test.each<[string, Condition]>([
    ['an unknown key', redact({ keep_last: 4 })],
    ['an unknown detector', redact({ detectors: ['iris_scan'] })],
    ['an unknown method', redact({ method: 'encrypt' })],
    ['a recogniser by context that is not there', redact({ ner: true })],
    ['no value', { type: 'redact', value: null }],
    ['a path that is none', { type: 'mask_fields', value: ['a..b'] }],
    ['paths that are none', { type: 'mask_fields', value: 'ssn' }],
  ])('with %s', async (_what, condition) => {
    const { harness, upstream, client } = await start([condition]);
    const reply = await harness.post(call({ a: 'b' }));
    expect(reply.json.error?.data?.['code']).toBe('OBLIGATION_UNSUPPORTED');
    expect(upstream.requests).toEqual([]);
    expect(client.settled).toMatchObject([{ outcome: 'refused' }]);
  });

  test('when what has to be redacted names what is called', async () => {
    const { harness, upstream } = await start([redact({})]);
    const reply = await harness.post({
      jsonrpc: '2.0',
      id: 1,
      method: 'resources/read',
      params: { uri: 'postgres://app:Tr0ub4dor9@db.internal/x' },
    });
    expect(reply.json.error?.data?.['code']).toBe('OBLIGATION_UNSUPPORTED');
    expect(upstream.requests).toEqual([]);
  });

  test('when headers repeat parameters that are redacted', async () => {
    const { harness, upstream } = await start([redact({})]);
    const reply = await harness.post(call({ a: CARD }), ['mcp-param-a', CARD]);
    expect(reply.json.error?.data?.['code']).toBe('OBLIGATION_UNSUPPORTED');
    expect(upstream.requests).toEqual([]);
  });
});
