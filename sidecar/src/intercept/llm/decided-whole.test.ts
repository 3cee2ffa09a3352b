/** Where an answer is decided, the agent gets nothing that was not: words around the answer, and beside its parts. */

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { allow, type FakePolicyClient, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type LlmHarness, startLlmHarness } from '../../testing/llm-harness.js';
import {
  chatCompletion,
  chunk,
  DONE,
  eventText,
  message,
  messageEvents,
  messageItem,
  responseEvents,
  responseOf,
  sendEvents,
} from '../../testing/provider-wire.js';
import { answerJson, type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';

const WORD = 'zebra crossing';
const BODIES = {
  '/v1/chat/completions': { model: 'gpt-4o', messages: [{ role: 'user', content: 'hello' }] },
  '/v1/messages': { model: 'claude-sonnet', max_tokens: 50, messages: [{ role: 'user', content: 'hello' }] },
  '/v1/responses': { model: 'gpt-4o', input: 'hello' },
  '/v1/embeddings': { model: 'embedder', input: 'hello' },
} as const;
type Path = keyof typeof BODIES;
type Typed = { readonly type: string };

let client: FakePolicyClient;
let provider: RecordingUpstream;
let gateway: LlmHarness;

beforeEach(async () => {
  client = fakePolicyClient((request) =>
    allow(request.kind === 'inference' ? { obligations: [{ type: 'decide_output', value: true }] } : {})(request),
  );
  provider = await recordingUpstream();
  gateway = await startLlmHarness({ client, url: provider.url });
});
afterEach(async () => {
  await gateway.close();
  await provider.close();
});

const decided = (): string =>
  client.asked
    .map(({ request, tool }) =>
      request?.action === 'completion' ? (request.output ?? '') : JSON.stringify(tool?.arguments ?? ''),
    )
    .join('\n');

async function answered(path: Path, stream: boolean): Promise<string> {
  const { status, text } = await gateway.send({ path, body: { ...BODIES[path], ...(stream ? { stream } : {}) } });
  expect([status, text.includes('UPSTREAM_FAILED')]).toEqual([200, false]);
  expect(client.asked.at(-1)?.request?.action).toBe('completion');
  return text;
}

/** The event of this type with more in it. */
const withMore = (events: readonly object[], type: string, more: (event: Typed) => object): readonly object[] =>
  events.map((event) => ((event as Typed).type === type ? { ...event, ...more(event as Typed) } : event));

describe('of a whole answer', () => {
  const chat = chatCompletion('x', [['look', '{}']]) as {
    choices: { message: { tool_calls: object[] } }[];
  };
  const [choice] = chat.choices;
  const inChoice = (more: object): object => ({ ...chat, choices: [{ ...choice, ...more }] });
  const inCall = (more: object): object =>
    inChoice({
      message: { ...choice?.message, tool_calls: choice?.message.tool_calls.map((one) => ({ ...one, ...more })) },
    });
  const call = { type: 'tool_use', id: 'toolu_1', name: 'look', input: {} };

  test.each<[string, Path, object]>([
    ['around a completion', '/v1/chat/completions', { ...chat, note: WORD }],
    [
      'in what is counted',
      '/v1/chat/completions',
      { ...chat, usage: { prompt_tokens: 1, completion_tokens: 1, note: WORD } },
    ],
    ['as why it ended', '/v1/chat/completions', inChoice({ finish_reason: WORD })],
    ['as probabilities', '/v1/chat/completions', inChoice({ logprobs: { content: [{ token: WORD }] } })],
    ['beside a call', '/v1/chat/completions', inCall({ note: WORD })],
    [
      'in a call, beside its arguments',
      '/v1/chat/completions',
      inCall({ function: { name: 'look', arguments: '{}', note: WORD } }),
    ],
    ['as a fingerprint', '/v1/chat/completions', { ...chat, system_fingerprint: WORD }],
    ['around a message', '/v1/messages', { ...message([{ type: 'text', text: 'x' }]), note: { deep: [WORD] } }],
    ['as what stopped a message', '/v1/messages', { ...message([{ type: 'text', text: 'x' }]), stop_sequence: WORD }],
    ['beside a call of a message', '/v1/messages', message([{ ...call, note: WORD }])],
    ['around a response', '/v1/responses', { ...responseOf([messageItem('m', 'x')]), note: WORD }],
    ['as what a response repeats', '/v1/responses', { ...responseOf([messageItem('m', 'x')]), instructions: WORD }],
    [
      'beside a call of a response',
      '/v1/responses',
      responseOf([{ type: 'function_call', call_id: 'c', name: 'look', arguments: '{}', note: WORD }]),
    ],
    [
      'around embeddings',
      '/v1/embeddings',
      { object: 'list', data: [], model: 'e', usage: { prompt_tokens: 1 }, note: WORD },
    ],
    [
      'in embeddings',
      '/v1/embeddings',
      { object: 'list', data: [{ embedding: [1], note: WORD }], usage: { prompt_tokens: 1 } },
    ],
  ])('%s', async (_where, path, answer) => {
    provider.script = (_request, response) => answerJson(response, answer);
    const text = await answered(path, false);
    expect(text.includes(WORD) && !decided().includes(WORD)).toBe(false);
  });
});

describe('of a stream', () => {
  const CHUNKS = [chunk({ role: 'assistant', content: 'x' }), chunk({}, 'stop')];
  const SAYS = messageEvents(['x', { name: 'look', pieces: ['{}'] }], 'tool_use');
  const RESPONSE = responseEvents(['x', { name: 'look', args: '{}' }]);
  const response = { ...responseOf([messageItem('m', 'x')]), note: WORD, instructions: WORD };

  test.each<[string, Path, readonly unknown[]]>([
    ['in a chunk', '/v1/chat/completions', [...CHUNKS.map((one) => ({ ...one, note: WORD })), DONE]],
    ['in what is counted', '/v1/chat/completions', [...CHUNKS.map((one) => ({ ...one, usage: { note: WORD } })), DONE]],
    [
      'as the id of a call',
      '/v1/chat/completions',
      [
        chunk({ tool_calls: [{ index: 0, id: WORD, function: { name: 'look', arguments: '{}' } }] }),
        ...CHUNKS.slice(-1),
        DONE,
      ],
    ],
    [
      'as the id of a text',
      '/v1/responses',
      withMore(RESPONSE, 'response.output_text.delta', () => ({ item_id: WORD })),
    ],
    [
      'as the place of a text',
      '/v1/responses',
      withMore(RESPONSE, 'response.output_text.delta', () => ({ content_index: WORD })),
    ],
    [
      'as a number in the sequence',
      '/v1/responses',
      withMore(RESPONSE, 'response.completed', () => ({ sequence_number: WORD })),
    ],
    ['in a comment', '/v1/chat/completions', [`: ${WORD}\n${eventText(CHUNKS[0])}`, CHUNKS[1], DONE]],
    ['as the name of an event', '/v1/chat/completions', [`event: ${WORD}\n${eventText(CHUNKS[0])}`, CHUNKS[1], DONE]],
    [
      'beside a call',
      '/v1/chat/completions',
      [
        chunk({ tool_calls: [{ index: 0, id: 'c', function: { name: 'look', arguments: '{}' }, note: WORD }] }),
        chunk({}, 'tool_calls'),
        DONE,
      ],
    ],
    [
      'in the start of a message',
      '/v1/messages',
      withMore(SAYS, 'message_start', () => ({ message: { ...message([]), note: WORD } })),
    ],
    [
      'in the end of a message',
      '/v1/messages',
      withMore(SAYS, 'message_delta', () => ({ delta: { stop_reason: WORD, stop_sequence: null } })),
    ],
    [
      'in what a message counts',
      '/v1/messages',
      withMore(SAYS, 'message_delta', () => ({ usage: { output_tokens: 1, note: WORD } })),
    ],
    [
      'beside a call of a message',
      '/v1/messages',
      withMore(SAYS, 'content_block_start', (one) => ({
        content_block: { ...(one as unknown as { content_block: object }).content_block, note: WORD },
      })),
    ],
    [
      'under a name that calls have',
      '/v1/messages',
      withMore(SAYS, 'content_block_start', (one) => ({
        content_block: { ...(one as unknown as { content_block: object }).content_block, note: { name: WORD } },
      })),
    ],
    [
      'in the start of a response',
      '/v1/responses',
      withMore(RESPONSE, 'response.created', () => ({ response: { ...response, output: [] } })),
    ],
    ['in the end of a response', '/v1/responses', withMore(RESPONSE, 'response.completed', () => ({ response }))],
    [
      'beside a call of a response',
      '/v1/responses',
      withMore(RESPONSE, 'response.output_item.done', (one) => ({
        item: { ...(one as unknown as { item: object }).item, note: WORD },
      })),
    ],
    ['in an event that nobody knows', '/v1/responses', [{ type: 'response.mused', input: WORD }, ...RESPONSE]],
  ])('%s', async (_where, path, events) => {
    provider.script = (_request, response) => sendEvents(response, events);
    const text = await answered(path, true);
    expect(text.includes(WORD) && !decided().includes(WORD)).toBe(false);
  });

  test('what is said piece by piece around it is not sent', async () => {
    const pieces = ['zebra ', 'crossing'].map((note, at) => ({
      ...chunk(at === 0 ? { content: 'x' } : {}, at === 0 ? null : 'stop'),
      note,
    }));
    provider.script = (_request, response) => sendEvents(response, [...pieces, DONE]);
    expect(await answered('/v1/chat/completions', true)).not.toContain('zebra');
  });
});

test('an answer as APIs have it is decided by its words alone, and passes as it is', async () => {
  const plain = message([{ type: 'text', text: 'hello' }]) as { readonly usage: object };
  const answer = { ...plain, usage: { ...plain.usage, service_tier: 'standard', server_tool_use: null } };
  provider.script = (_request, response) => answerJson(response, answer);
  expect(JSON.parse(await answered('/v1/messages', false))).toEqual(answer);
  expect(client.asked.at(-1)?.request?.output).toBe('hello');
  const chunks = [chunk({ role: 'assistant', content: 'hel' }), chunk({ content: 'lo' }), chunk({}, 'stop')];
  provider.script = (_request, response) => sendEvents(response, [...chunks, DONE]);
  expect(await answered('/v1/chat/completions', true)).toBe([...chunks, DONE].map(eventText).join(''));
  expect(client.asked.at(-1)?.request?.output).toBe('hello');
});
