/** What a card could slip through: words that come again, in pieces, as a number, beside the answer, or under another decision. */

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Condition } from '@portcullis/policy/model';
import { systemClock } from '@portcullis/runtime';
import { redactionConfig } from '../../redact/config.js';
import { createRedactor } from '../../redact/redactor.js';
import { allow, type FakePolicyClient, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type LlmHarness, startLlmHarness } from '../../testing/llm-harness.js';
import {
  chatCompletion,
  chunk,
  DONE,
  message,
  messageEvents,
  responseEvents,
  responseOf,
  sendEvents,
} from '../../testing/provider-wire.js';
import { answerJson, type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';
import { redactingFilters } from './redacting.js';

const CARD = '4111111111111111';
const HALVES = ['41111111', '11111111'] as const;
const CHAT = { model: 'gpt-4o', messages: [{ role: 'user', content: 'hello' }] };
const MESSAGE = { model: 'claude-sonnet', max_tokens: 50, messages: [{ role: 'user', content: 'hello' }] };
const redact = (value: object): Condition => ({
  type: 'redact',
  value: { detectors: ['card'], ...value },
});

let client: FakePolicyClient;
let provider: RecordingUpstream;
let gateway: LlmHarness;

beforeEach(async () => {
  client = fakePolicyClient(allow({ conditions: [redact({ direction: 'response' })] }));
  provider = await recordingUpstream();
  const redactor = createRedactor({
    config: redactionConfig.parse({}),
    hashKey: Buffer.alloc(32, 1),
    clock: systemClock,
    observer: { redacted: () => undefined },
  });
  gateway = await startLlmHarness({ client, url: provider.url, filters: redactingFilters(redactor, 'acme') });
});
afterEach(async () => {
  await gateway.close();
  await provider.close();
});

/** Whether the digits of the card come out, whatever stands between them. */
const leaks = (text: string): boolean =>
  [...text.matchAll(/"(?:content|text|transcript|token|partial_json|delta|reasoning|thinking)":"([^"]*)"/g)]
    .map(([, said]) => said)
    .join('')
    .replaceAll(/[^0-9]/g, '')
    .includes(CARD) || text.includes(CARD);

describe('a card does not pass', () => {
  test('token by token, as probabilities that the agent asked for', async () => {
    const tokens = HALVES.map((token) => ({ token, logprob: -1, bytes: [...Buffer.from(token)], top_logprobs: [] }));
    const answer = chatCompletion('x') as { choices: { logprobs?: object }[] };
    for (const choice of answer.choices) choice.logprobs = { content: tokens };
    provider.script = (_request, response) => answerJson(response, answer);
    const whole = await gateway.send({ body: { ...CHAT, logprobs: true, top_logprobs: 1 } });
    expect(JSON.parse(provider.requests[0]?.body ?? '')).not.toHaveProperty('logprobs');
    expect(whole.json?.choices?.[0]).toHaveProperty('message');
    expect([leaks(whole.text), whole.text.includes('49,49,49')]).toEqual([false, false]);
    const events = tokens.map((token) => ({
      ...chunk({ content: 'x' }),
      choices: [{ index: 0, delta: { content: 'x' }, logprobs: { content: [token] }, finish_reason: null }],
    }));
    provider.script = (_request, response) => sendEvents(response, [...events, chunk({}, 'stop'), DONE]);
    const streamed = await gateway.send({ body: { ...CHAT, stream: true, logprobs: true } });
    expect(streamed.text).toContain('[DONE]');
    expect(leaks(streamed.text)).toBe(false);
  });

  test('beside the answer, in a comment, or in an error', async () => {
    provider.script = (_request, response) => answerJson(response, { ...chatCompletion('x'), note: `pay ${CARD}` });
    expect((await gateway.send({ body: CHAT })).text).not.toContain(CARD);
    provider.script = (_request, response) =>
      answerJson(response, { error: { message: `cannot charge ${CARD}`, type: 'x' } }, 400);
    const failed = await gateway.send({ body: CHAT });
    expect([failed.status, failed.text.includes(CARD)]).toEqual([400, false]);
    expect(failed.text).toContain('cannot charge');
    provider.script = (_request, response) =>
      sendEvents(response, [
        `: ${CARD}\ndata: ${JSON.stringify({ ...chunk({ content: 'x' }), note: `pay ${CARD}` })}\n\n`,
        chunk({}, 'stop'),
        DONE,
      ]);
    const streamed = await gateway.send({ body: { ...CHAT, stream: true } });
    expect(streamed.text).toContain('[DONE]');
    expect(streamed.text).not.toContain(CARD);
  });

  test.each<[string, string, object, readonly unknown[]]>([
    [
      'of a transcript',
      '/v1/chat/completions',
      CHAT,
      [...HALVES.map((transcript) => chunk({ audio: { transcript } })), chunk({}, 'stop'), DONE],
    ],
    [
      'of a member that nobody knows',
      '/v1/chat/completions',
      CHAT,
      [...HALVES.map((text) => chunk({ musings: [{ text }] })), chunk({}, 'stop'), DONE],
    ],
    [
      'of a transcript of a response',
      '/v1/responses',
      { model: 'gpt-4o', input: 'x' },
      [
        ...HALVES.map((delta, at) => ({ type: 'response.audio.transcript.delta', delta, sequence_number: at })),
        { type: 'response.audio.transcript.done', sequence_number: 2 },
        ...responseEvents([]).map((event, at) => ({ ...event, sequence_number: at + 3 })),
      ],
    ],
    [
      'of what a tool of the provider was told',
      '/v1/messages',
      MESSAGE,
      messageEvents([{ name: 'web_search', pieces: ['{"query":"', ...HALVES, '"}'] }]).map((event) => {
        const begun = event as { content_block?: object };
        return begun.content_block === undefined
          ? event
          : { ...event, content_block: { ...begun.content_block, type: 'server_tool_use' } };
      }),
    ],
  ])('in pieces %s', async (_what, path, body, events) => {
    provider.script = (_request, response) => sendEvents(response, events);
    const { text } = await gateway.send({ path, body: { ...body, stream: true } });
    expect(text).not.toContain('UPSTREAM_FAILED');
    expect(leaks(text)).toBe(false);
  });

  test('as a number, or with escapes, in the arguments of a call', async () => {
    const escaped = String.raw`{"card":"\u0034111111111111111","n":1}`;
    const call = (input: object): object => message([{ type: 'tool_use', id: 't', name: 'pay', input }], 'tool_use');
    const asked = [{ type: 'tool_use', id: 't', name: 'pay', input: { card: 4_111_111_111_111_111 } }];
    client.behaviour = allow({ conditions: [redact({ direction: 'both' })] });
    provider.script = (_request, response) => answerJson(response, call({ card: 4_111_111_111_111_111 }));
    const named = await gateway.send({
      path: '/v1/messages',
      body: { ...MESSAGE, messages: [{ role: 'assistant', content: asked }] },
    });
    expect(provider.requests[0]?.body).not.toContain(CARD);
    expect(named.json?.content?.[0]?.input?.['card']).toMatch(/^\*+1111$/);
    provider.script = (_request, response) => answerJson(response, chatCompletion(null, [['pay', escaped]]));
    const openai = await gateway.send({ body: CHAT });
    const given = openai.json?.choices?.[0]?.message.tool_calls?.[0]?.function.arguments ?? '';
    expect(JSON.parse(given)).toEqual({ card: '************1111', n: 1 });
    provider.script = (_request, response) =>
      sendEvents(response, messageEvents([{ name: 'pay', pieces: [escaped] }], 'tool_use'));
    const streamed = await gateway.send({ path: '/v1/messages', body: { ...MESSAGE, stream: true } });
    expect(streamed.text).toContain('************1111');
    expect(streamed.text).not.toContain('0034');
  });
});

describe('of a stream,', () => {
  const words = (text: string): string =>
    [...text.matchAll(/"(?:content|text|delta)":"([^"]*)"/g)].map(([, said]) => said).join('');
  const SAID = `so pay ${CARD}, and no more than that`;

  test('the words that a block begins with are a part of what its deltas say', async () => {
    for (let cut = 1; cut < SAID.length; cut += 1) {
      const events = messageEvents(['']).map((event) =>
        'content_block' in event ? { ...event, content_block: { type: 'text', text: SAID.slice(0, cut) } } : event,
      );
      const delta = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: SAID.slice(cut) } };
      for (const more of [[delta], []]) {
        provider.script = (_request, response) =>
          sendEvents(response, [...events.slice(0, 2), ...more, ...events.slice(2)]);
        const { text } = await gateway.send({ path: '/v1/messages', body: { ...MESSAGE, stream: true } });
        expect(leaks(text)).toBe(false);
        if (more.length > 0) expect(words(text)).toBe(SAID.replace(CARD, '************1111'));
      }
    }
  });

  test('a choice that has no end has all its words', async () => {
    const pieces = SAID.match(/.{1,3}/g) ?? [];
    provider.script = (_request, response) =>
      sendEvents(response, [...pieces.map((content) => chunk({ content })), DONE]);
    const { text } = await gateway.send({ body: { ...CHAT, stream: true } });
    expect(words(text)).toBe(SAID.replace(CARD, '************1111'));
    expect(text.endsWith(DONE)).toBe(true);
  });

  test('two choices at once are two texts', async () => {
    const pieces = SAID.match(/.{1,3}/g) ?? [];
    const at = (index: number, delta: object, finish: string | null = null): object => ({
      ...chunk({}),
      choices: [{ index, delta, finish_reason: finish }],
    });
    provider.script = (_request, response) =>
      sendEvents(response, [
        ...pieces.flatMap((content) => [at(1, { content }), at(0, { content })]),
        at(0, {}, 'stop'),
        at(1, {}, 'stop'),
        DONE,
      ]);
    const { text } = await gateway.send({ body: { ...CHAT, stream: true, n: 2 } });
    for (const index of [0, 1]) {
      const own = text.split('\n').filter((line) => line.includes(`"index":${index}`));
      expect(words(own.join('\n'))).toBe(SAID.replace(CARD, '************1111'));
    }
  });

  test('the name of a call is looked at', async () => {
    const called = { index: 0, id: 'c', type: 'function', function: { name: '4111-1111-1111-1111', arguments: '{}' } };
    provider.script = (_request, response) =>
      sendEvents(response, [chunk({ tool_calls: [called] }), chunk({}, 'tool_calls'), DONE]);
    const { text } = await gateway.send({ body: { ...CHAT, stream: true } });
    expect(text).toContain('****-****-****-1111');
    expect(text).not.toContain('4111-1111');
  });

  test('an item may have another id in every event', async () => {
    const events = responseEvents([SAID]).map((event, at) =>
      'item_id' in event ? { ...event, item_id: `rotated_${at}` } : event,
    );
    provider.script = (_request, response) => sendEvents(response, events);
    const { text } = await gateway.send({ path: '/v1/responses', body: { model: 'gpt-4o', input: 'x', stream: true } });
    const deltas = text.split('\n').filter((line) => line.includes('output_text.delta'));
    expect(words(deltas.join('\n').replaceAll('"delta"', '"text"'))).toBe(SAID.replace(CARD, '************1111'));
    expect(leaks(text)).toBe(false);
  });

  const piece = (more: object): object => ({
    type: 'response.output_text.delta',
    content_index: 0,
    sequence_number: 1,
    ...more,
  });
  const RESPONSE = { model: 'gpt-4o', input: 'x' };
  test.each<[string, string, object, readonly unknown[]]>([
    ['numbers', '/v1/chat/completions', CHAT, [...HALVES.map((half) => chunk({ content: Number(half) })), DONE]],
    ['numbers', '/v1/responses', RESPONSE, HALVES.map((half) => piece({ output_index: 0, delta: Number(half) }))],
    [
      'words that were complete',
      '/v1/responses',
      RESPONSE,
      [
        {
          type: 'response.content_part.added',
          sequence_number: 0,
          output_index: 0,
          content_index: 0,
          part: { type: 'output_text', text: HALVES[0] },
        },
        piece({ output_index: 0, delta: HALVES[1] }),
      ],
    ],
    [
      'texts without number',
      '/v1/responses',
      RESPONSE,
      Array.from({ length: 5_000 }, (_one, output_index) => piece({ output_index, delta: 'x' })),
    ],
  ])('%s where words should be end it (%s)', async (_what, path, body, events) => {
    provider.script = (_request, response) => sendEvents(response, events);
    const { text } = await gateway.send({ path, body: { ...body, stream: true } });
    expect(text).toContain('its stream is not one of its API');
    expect(leaks(text)).toBe(false);
  });
});

test('names of what a tool is given are looked at, both ways', async () => {
  client.behaviour = allow({ conditions: [redact({ detectors: ['email'] })] });
  const use = (input: object): object => ({ type: 'tool_use', id: 't', name: 'share', input });
  const table = { rights: { 'jo@example.com': 1, 'al@example.com': 2 } };
  provider.script = (_request, response) => answerJson(response, message([use(table)], 'tool_use'));
  const { json } = await gateway.send({
    path: '/v1/messages',
    body: { ...MESSAGE, messages: [{ role: 'assistant', content: [use(table)] }] },
  });
  expect(provider.requests[0]?.body).not.toContain('example.com');
  expect(json?.content?.[0]?.input).toEqual({ rights: { '**@*******.***': 1, '**@*******.*** (2)': 2 } });
});

describe('a second decision', () => {
  test('about the answer that wants words out of it is not an allow', async () => {
    client.behaviour = (request) =>
      allow(
        request.request?.action === 'completion'
          ? { conditions: [redact({})] }
          : { obligations: [{ type: 'decide_output', value: true }] },
      )(request);
    provider.script = (_request, response) => answerJson(response, chatCompletion(`it is ${CARD}`));
    const refused = await gateway.send({ body: CHAT });
    expect([refused.status, refused.json?.error?.code]).toEqual([503, 'OBLIGATION_UNSUPPORTED']);
    expect(client.settled.some(({ outcome }) => outcome === 'refused')).toBe(true);
    provider.script = (_request, response) => answerJson(response, chatCompletion('it is gone'));
    expect((await gateway.send({ body: CHAT })).json?.choices?.[0]?.message.content).toBe('it is gone');
  });

  test.each<[string, Condition]>([
    ['a card out of its arguments', redact({})],
    ['a limit of tokens', { type: 'max_tokens', value: 5 }],
  ])('about a call that wants %s is not an allow', async (_what, condition) => {
    client.behaviour = (request) => allow(request.kind === 'tool_call' ? { conditions: [condition] } : {})(request);
    provider.script = (_request, response) => answerJson(response, chatCompletion('', [['pay', `{"card":"${CARD}"}`]]));
    const { json, text } = await gateway.send({ body: CHAT });
    expect(json?.choices?.[0]?.message.content).toContain('OBLIGATION_UNSUPPORTED');
    expect(text).not.toContain(CARD);
  });

  test('about the request without the card does not forget what the first said of the answer', async () => {
    client.behaviour = (request) =>
      allow(request.request?.query?.includes(CARD) === true ? { conditions: [redact({ method: 'tokenize' })] } : {})(
        request,
      );
    provider.script = (_request, response) => answerJson(response, chatCompletion('[CARD_1], not 5555555555554444'));
    const { json } = await gateway.send({ body: { ...CHAT, messages: [{ role: 'user', content: `pay ${CARD}` }] } });
    expect(provider.requests[0]?.body).toContain('[CARD_1]');
    expect(json?.choices?.[0]?.message.content).toBe(`${CARD}, not [CARD_2]`);
  });
});

test('a response says nothing beside its items either', async () => {
  provider.script = (_request, response) => answerJson(response, { ...responseOf([]), instructions: CARD });
  const { text } = await gateway.send({ path: '/v1/responses', body: { model: 'gpt-4o', input: 'x' } });
  expect(text).toContain('"output":[]');
  expect(text).not.toContain(CARD);
});

describe('events of a stream say nothing beside what is looked at:', () => {
  const beside = (events: readonly object[]): object[] =>
    events.map((event) => ({
      ...event,
      note: CARD,
      ...('delta' in event && typeof event.delta === 'object' ? { delta: { ...event.delta, more: CARD } } : {}),
    }));

  test.each([
    ['/v1/messages', MESSAGE, messageEvents(['hello there', { name: 'read', pieces: ['{"a":1}'] }])],
    ['/v1/responses', { model: 'gpt-4o', input: 'x' }, responseEvents(['hello there', { name: 'read', args: '{}' }])],
  ])('%s', async (path, body, events) => {
    provider.script = (_request, response) => sendEvents(response, beside(events));
    const { text } = await gateway.send({ path, body: { ...body, stream: true } });
    expect(text).not.toContain(CARD);
    expect(text).toContain('read');
    const words = [...text.matchAll(/"(?:text|delta)":"([^"]*)"/g)].map(([, said]) => said).join('');
    expect(words).toContain('hello there');
  });
});
