/** Words of a stream where an API has none, or where a reader could pass over them: nobody gets them unread. */

import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Condition } from '@portcullis/policy/model';
import { systemClock } from '@portcullis/runtime';
import { redactionConfig } from '../../redact/config.js';
import { createRedactor } from '../../redact/redactor.js';
import { allow, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type LlmHarness, startLlmHarness } from '../../testing/llm-harness.js';
import { chunk, DONE, messageEvents, responseEvents, sendEvents } from '../../testing/provider-wire.js';
import { type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';
import { redactingFilters } from './redacting.js';

const CARD = '4111111111111111';
const CHAT = { path: '/v1/chat/completions', body: { model: 'gpt-4o', messages: [{ role: 'user', content: 'x' }] } };
const RESPONSES = { path: '/v1/responses', body: { model: 'gpt-4o', input: 'x' } };
const MESSAGES = { path: '/v1/messages', body: { ...CHAT.body, model: 'claude-sonnet', max_tokens: 50 } };
type Event = Readonly<Record<string, unknown>>;

let provider: RecordingUpstream;
let gateway: LlmHarness;

beforeEach(async () => {
  const condition: Condition = { type: 'redact', value: { detectors: ['card'], direction: 'response' } };
  provider = await recordingUpstream();
  const redactor = createRedactor({
    config: redactionConfig.parse({}),
    hashKey: Buffer.alloc(32, 1),
    clock: systemClock,
    observer: { redacted: () => undefined },
  });
  gateway = await startLlmHarness({
    client: fakePolicyClient(allow({ conditions: [condition] })),
    url: provider.url,
    filters: redactingFilters(redactor, 'acme'),
  });
});
afterEach(async () => {
  await gateway.close();
  await provider.close();
});

/** The same events, those of a type with other members. */
function changed(events: readonly object[], type: string, change: (event: Event) => object): object[] {
  return events.map((event) => ((event as Event)['type'] === type ? { ...event, ...change(event as Event) } : event));
}

const SPOKEN = messageEvents(['hi']);
const CALLED = messageEvents([{ name: 'read', pieces: ['{}'] }], 'tool_use');
const SEARCHED = changed(CALLED, 'content_block_start', () => ({
  content_block: { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
}));
const PIECE = 'response.function_call_arguments.delta';
const RESPONSE = responseEvents([{ name: 'read', args: '{}' }]);
const item = (event: Event): Event => event['item'] as Event;

test.each<[string, typeof RESPONSES | typeof MESSAGES | typeof CHAT, readonly unknown[]]>([
  [
    'beside an answer after a space',
    CHAT,
    [`data:  ${JSON.stringify(chunk({ content: 'x' }, null, { note: CARD }))}\n\n`, chunk({}, 'stop'), DONE],
  ],
  [
    'as a list where words are a text',
    MESSAGES,
    changed(SPOKEN, 'content_block_delta', () => ({ delta: { type: 'text_delta', text: [CARD] } })),
  ],
  [
    'as an object where arguments are a text',
    MESSAGES,
    changed(CALLED, 'content_block_delta', () => ({ delta: { type: 'input_json_delta', partial_json: { a: CARD } } })),
  ],
  [
    'as an object where arguments of a tool of the provider are a text',
    MESSAGES,
    changed(SEARCHED, 'content_block_delta', () => ({
      delta: { type: 'input_json_delta', partial_json: { a: CARD } },
    })),
  ],
  [
    'as why a message ends',
    MESSAGES,
    changed(SPOKEN, 'message_delta', () => ({ delta: { stop_reason: `paid ${CARD}`, stop_sequence: null } })),
  ],
  [
    'in the count of tokens',
    MESSAGES,
    changed(SPOKEN, 'message_delta', () => ({ usage: { output_tokens: 7, of: CARD } })),
  ],
  [
    'as items that are none',
    RESPONSES,
    changed(RESPONSE, 'response.created', () => ({ response: { output: { a: CARD } } })),
  ],
  [
    'where a call is announced',
    RESPONSES,
    changed(RESPONSE, 'response.output_item.added', (event) => ({ item: { ...item(event), note: CARD } })),
  ],
  [
    'as an object where a piece of a call is a text',
    RESPONSES,
    changed(RESPONSE, PIECE, () => ({ delta: { a: CARD } })),
  ],
  ['as an item in a piece of a call', RESPONSES, changed(RESPONSE, PIECE, () => ({ item: { note: CARD } }))],
  [
    'in an event of a call that nobody knows',
    RESPONSES,
    changed(RESPONSE, PIECE, () => ({ type: 'response.function_call.note', arguments: CARD })),
  ],
  [
    'in the id of a call',
    CHAT,
    [
      chunk({ tool_calls: [{ index: 0, id: `of ${CARD}`, function: { name: 'read', arguments: '{}' } }] }),
      chunk({}, 'tool_calls'),
      DONE,
    ],
  ],
  ['in the item of a piece of a call', RESPONSES, changed(RESPONSE, PIECE, () => ({ item_id: `of ${CARD}` }))],
  ['as the place of a piece of a call', RESPONSES, changed(RESPONSE, PIECE, () => ({ sequence_number: CARD }))],
  ['as the number of the end', RESPONSES, changed(RESPONSE, 'response.completed', () => ({ sequence_number: CARD }))],
])('%s', async (_where, { path, body }, events) => {
  provider.script = (_request, response) => sendEvents(response, events);
  const { text } = await gateway.send({ path, body: { ...body, stream: true } });
  expect(text).not.toContain(CARD);
  expect(text).not.toBe('');
});

test.each([
  [MESSAGES, SPOKEN],
  [MESSAGES, CALLED],
  [RESPONSES, RESPONSE],
])('a stream without such words stays as it is', async ({ path, body }, events) => {
  provider.script = (_request, response) => sendEvents(response, events);
  const { text } = await gateway.send({ path, body: { ...body, stream: true } });
  for (const event of events) expect(text).toContain(JSON.stringify(event));
});
