import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { allow, type FakePolicyClient, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type LlmHarness, startLlmHarness } from '../../testing/llm-harness.js';
import {
  chatCompletion,
  chunk,
  DONE,
  message,
  messageEvents,
  messageItem,
  responseEvents,
  responseOf,
  sendEvents,
} from '../../testing/provider-wire.js';
import { answerJson, type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';
import type { ChangeText } from './content.js';
import type { ContentFilters, RequestFilter } from './content-filters.js';

const mask = (text: string): string => text.replaceAll('secret', 'MASKED');
const always = (change: ChangeText): RequestFilter => ({ needsTexts: false, looked: async () => change });
/** Masks one word, wherever it is cut. */
const MASKING: ContentFilters = {
  capabilities: { redact: () => undefined },
  request: ({ conditions }) => (conditions.some(({ type }) => type === 'redact') ? always(mask) : undefined),
  answer() {
    const held = new Map<string, string>();
    return {
      isActive: true,
      whole: mask,
      say(channel, piece) {
        const known = mask(`${held.get(channel) ?? ''}${piece}`);
        const back = Math.max(0, known.length - 5);
        held.set(channel, known.slice(back));
        return known.slice(0, back);
      },
      rest(channel) {
        const rest = held.get(channel) ?? '';
        held.delete(channel);
        return rest;
      },
    };
  },
};

let client: FakePolicyClient;
let provider: RecordingUpstream;
let gateway: LlmHarness;

beforeEach(async () => {
  client = fakePolicyClient(allow({ conditions: [{ type: 'redact', value: {} }] }));
  provider = await recordingUpstream();
  gateway = await startLlmHarness({ client, url: provider.url, filters: MASKING });
});
afterEach(async () => {
  await gateway.close();
  await provider.close();
});

const SAID = 'the word is secret, they say: secret';
const ARGS = '{"word":"secret"}';
const pieces = (text: string): readonly string[] => text.match(/.{1,3}/gsu) ?? [];
const CALL = { type: 'function', id: 'c0', function: { name: 'look', arguments: '' } };

const ASKED = {
  '/v1/chat/completions': { model: 'gpt-4o', messages: [{ role: 'user', content: 'my secret' }] },
  '/v1/messages': { model: 'claude-sonnet', max_tokens: 9, messages: [{ role: 'user', content: 'my secret' }] },
  '/v1/responses': { model: 'gpt-4o', input: 'my secret' },
} as const;
const WHOLE = {
  '/v1/chat/completions': chatCompletion(SAID, [['look', ARGS]]),
  '/v1/messages': message([
    { type: 'text', text: SAID, citations: [{ cited_text: 'secret' }] },
    { type: 'tool_use', id: 't', name: 'look', input: { word: 'secret' } },
  ]),
  '/v1/responses': responseOf([
    messageItem('m', SAID),
    { type: 'function_call', id: 'f', call_id: 'c', name: 'look', arguments: ARGS },
  ]),
} as const;
const STREAMED = {
  '/v1/chat/completions': [
    ...pieces(SAID).map((content) => chunk({ content })),
    chunk({ tool_calls: [{ index: 0, ...CALL }] }),
    ...pieces(ARGS).map((args) => chunk({ tool_calls: [{ index: 0, function: { arguments: args } }] })),
    chunk({}, 'tool_calls'),
    DONE,
  ],
  '/v1/messages': messageEvents([SAID, { name: 'look', pieces: pieces(ARGS) }], 'tool_use'),
  '/v1/responses': responseEvents([SAID, { name: 'look', args: ARGS }]),
} as const;
type Path = keyof typeof ASKED;
const PATHS = Object.keys(ASKED) as readonly Path[];

/** Everything that an agent would put together of the answer, one piece after the other. */
function spoken(events: readonly string[]): string {
  return events
    .filter((one) => one !== '[DONE]')
    .map((one) => JSON.parse(one))
    .map(
      (one) =>
        one.choices?.[0]?.delta?.content ??
        one.delta?.text ??
        (one.type === 'response.output_text.delta' ? one.delta : ''),
    )
    .join('');
}

test.each(PATHS)(
  '%s: a request is changed, asked about as it is then, and sent as it was asked about',
  async (path) => {
    provider.script = (_request, response) => answerJson(response, WHOLE[path]);
    expect((await gateway.send({ path, body: ASKED[path] })).status).toBe(200);
    const asked = client.asked.filter(({ kind }) => kind === 'inference');
    expect(asked.map(({ request }) => request?.query)).toEqual(['my secret', 'my MASKED']);
    expect(provider.requests.map(({ body }) => body.includes('secret'))).toEqual([false]);
  },
);

test('what would have the words token by token is not asked for', async () => {
  provider.script = (_request, response) => answerJson(response, WHOLE['/v1/chat/completions']);
  const chat = { ...ASKED['/v1/chat/completions'], logprobs: true, top_logprobs: 2 };
  await gateway.send({ body: chat });
  const include = ['message.output_text.logprobs', 'reasoning.encrypted_content'];
  await gateway.send({ path: '/v1/responses', body: { ...ASKED['/v1/responses'], include } });
  expect(provider.requests.map(({ body }) => body.includes('logprobs'))).toEqual([false, false]);
});

test.each(PATHS)('%s: an answer is changed before its calls are decided', async (path) => {
  provider.script = (_request, response) => answerJson(response, WHOLE[path]);
  const { text } = await gateway.send({ path, body: ASKED[path] });
  expect(text).not.toContain('secret');
  expect(text).toContain('the word is MASKED, they say: MASKED');
  expect(client.asked.at(-1)?.tool?.arguments).toEqual({ word: 'MASKED' });
});

test.each(PATHS)('%s: a stream is changed wherever its words are cut, and nothing is lost', async (path) => {
  provider.script = (_request, response) => sendEvents(response, STREAMED[path]);
  const { text, events } = await gateway.send({ path, body: { ...ASKED[path], stream: true } });
  expect(text).not.toContain('secret');
  expect(spoken(events)).toBe('the word is MASKED, they say: MASKED');
  expect(client.asked.at(-1)?.tool?.arguments).toEqual({ word: 'MASKED' });
  expect(text).toContain('MASKED\\"}');
  const numbers = events.flatMap((one) => (one.includes('sequence_number') ? [JSON.parse(one).sequence_number] : []));
  expect(numbers).toEqual(numbers.map((_, at) => at));
});

test('what a chunk says in other members than those for words is changed as well', async () => {
  const parts = [{ type: 'text', text: 'secret' }];
  const annotations = [{ type: 'url_citation', url_citation: { title: 'secret', url: 'https://x.example/secret' } }];
  provider.script = (_request, response) =>
    sendEvents(response, [
      chunk({ content: parts }),
      chunk({ annotations }),
      chunk({ audio: { transcript: 'secret' } }, 'stop'),
      DONE,
    ]);
  const { text } = await gateway.send({ body: { ...ASKED['/v1/chat/completions'], stream: true } });
  expect(text).not.toContain('secret');
  const said = (name: string): string =>
    [...text.matchAll(new RegExp(`"${name}":"([^"]*)"`, 'g'))].map(([, word]) => word).join('');
  expect(['text', 'title', 'url', 'transcript'].map(said)).toEqual([
    'MASKED',
    'MASKED',
    'https://x.example/MASKED',
    'MASKED',
  ]);
});

const ends = (said: object): boolean => JSON.stringify(said).includes('finish_reason');
test.each<[string, object]>([
  [
    'a choice has beside its delta',
    { choices: [{ index: 0, text: 'secret', delta: { role: 'assistant', content: 'hi' } }] },
  ],
  ['the last choice has', { choices: [{ index: 0, text: 'secret', delta: {}, finish_reason: 'stop' }] }],
  [
    'a choice has token by token',
    { choices: [{ index: 0, delta: { content: 'hi' }, logprobs: { content: 'secret' } }] },
  ],
  ['stands beside the choices, with a type', { type: 'chunk', note: 'secret', choices: [] }],
  ['is where a count should be', { id: { of: 'secret' }, usage: { by: 'secret' }, choices: [{ index: 0, delta: {} }] }],
])('what %s does not pass', async (_what, said) => {
  provider.script = (_request, response) =>
    sendEvents(response, ends(said) ? [said, DONE] : [said, chunk({}, 'stop'), DONE]);
  const { text, status } = await gateway.send({ body: { ...ASKED['/v1/chat/completions'], stream: true } });
  expect([status, text.includes('[DONE]')]).toEqual([200, true]);
  expect(text).not.toContain('secret');
});

test('a choice ends for a reason, and not with a sentence', async () => {
  provider.script = (_request, response) => sendEvents(response, [chunk({}, 'the secret'), DONE]);
  const { text, status } = await gateway.send({ body: { ...ASKED['/v1/chat/completions'], stream: true } });
  expect([status, text.includes('secret')]).toEqual([502, false]);
});

test.each<[string, boolean]>([
  ['whole', false],
  ['in a stream', true],
])(
  'what a choice says beside its message is decided or left out where the answer is decided, %s',
  async (_how, stream) => {
    await gateway.close();
    client.behaviour = allow({ obligations: [{ type: 'decide_output', value: true }] });
    gateway = await startLlmHarness({ client, url: provider.url });
    const beside = { index: 0, text: 'secret' };
    provider.script = (_request, response) =>
      stream
        ? sendEvents(response, [{ choices: [{ ...beside, delta: { content: 'hi' } }] }, chunk({}, 'stop'), DONE])
        : answerJson(response, { choices: [{ ...beside, message: { role: 'assistant', content: 'hi' } }] });
    const { text } = await gateway.send({ body: { ...ASKED['/v1/chat/completions'], stream } });
    const decided = client.asked.at(-1)?.request;
    expect(decided?.action).toBe('completion');
    expect(text).toContain('hi');
    expect(text.includes('secret') && decided?.output?.includes('secret') !== true).toBe(false);
  },
);

test('a request that would be changed again and again is refused', async () => {
  await gateway.close();
  let round = 0;
  const restless: ContentFilters = {
    ...MASKING,
    request: () => {
      round += 1;
      return always(() => `round ${round}`);
    },
  };
  gateway = await startLlmHarness({ client, url: provider.url, filters: restless });
  const { status } = await gateway.send({ body: ASKED['/v1/chat/completions'] });
  expect(status).toBe(503);
  expect(provider.requests).toHaveLength(0);
  expect(client.settled.every(({ outcome }) => outcome === 'refused')).toBe(true);
});
