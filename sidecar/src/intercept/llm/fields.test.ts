/** Fields at the model gateway: members of what tools are given and of texts that are JSON, in requests, answers and streams. */

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Condition, Json } from '@portcullis/policy/model';
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
import { testRedactor } from '../../testing/proxy-harness.js';
import { answerJson, type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';
import { redactingFilters } from './redacting.js';

const SSN = '219-09-9999';
const masking = (...paths: readonly string[]): Condition => ({ type: 'mask_fields', value: paths });

let provider: RecordingUpstream;
let gateway: LlmHarness;
let client: FakePolicyClient;
let counted: Record<string, number>;

beforeEach(async () => {
  counted = {};
  provider = await recordingUpstream();
});
afterEach(async () => {
  await gateway.close();
  await provider.close();
});

/** Orders this about requests to models; calls that they propose are allowed. */
async function start(...conditions: readonly Condition[]): Promise<void> {
  client = fakePolicyClient((request) => allow(request.kind === 'inference' ? { conditions } : {})(request));
  const redactor = testRedactor({
    redacted: (_direction, _bytes, _seconds, counts) => {
      for (const [kind, count] of Object.entries(counts)) counted[kind] = (counted[kind] ?? 0) + count;
    },
  });
  gateway = await startLlmHarness({ client, url: provider.url, filters: redactingFilters(redactor, 'acme') });
}

const PATHS = { chat: '/v1/chat/completions', messages: '/v1/messages', responses: '/v1/responses' } as const;
type Api = keyof typeof PATHS;
const APIS = Object.keys(PATHS) as readonly Api[];

const PATIENT = { ssn: SSN, pin: 7, name: 'Ada', more: { ssn: [SSN], email: 'ada@example.org' } };
const TEXT = JSON.stringify(PATIENT);
const TOOL = {
  name: 'find',
  description: 'finds',
  schema: { properties: { ssn: { type: 'string' }, input: { ssn: 1 } } },
};

/** A conversation in which a tool was given a patient and has brought one back. */
const ASKED: Readonly<Record<Api, object>> = {
  chat: {
    model: 'gpt-4o',
    tools: [{ type: 'function', function: { name: TOOL.name, description: 'finds', parameters: TOOL.schema } }],
    messages: [
      { role: 'user', content: `the ssn is ${SSN}` },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'find', arguments: TEXT } }],
      },
      { role: 'tool', tool_call_id: 'c', content: TEXT },
    ],
  },
  messages: {
    model: 'claude-sonnet',
    max_tokens: 50,
    tools: [{ name: TOOL.name, description: 'finds', input_schema: TOOL.schema }],
    messages: [
      { role: 'user', content: `the ssn is ${SSN}` },
      { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'find', input: PATIENT }] },
      {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: TEXT }] }],
      },
    ],
  },
  responses: {
    model: 'gpt-4o',
    tools: [{ type: 'function', name: TOOL.name, parameters: TOOL.schema }],
    input: [
      { role: 'user', content: `the ssn is ${SSN}` },
      { type: 'function_call', call_id: 'c', name: 'find', arguments: TEXT },
      { type: 'function_call_output', call_id: 'c', output: TEXT },
    ],
  },
};

/** The JSON in a request or an answer: what tools are given, and what other texts are. */
function documentsIn(value: Json): { readonly given: readonly unknown[]; readonly texts: readonly unknown[] } {
  const given: unknown[] = [];
  const texts: unknown[] = [];
  JSON.stringify(value, (name, member: unknown) => {
    if (typeof member === 'string' && member.startsWith('{'))
      (name === 'arguments' ? given : texts).push(JSON.parse(member));
    if (name === 'input' && typeof member === 'object' && !Array.isArray(member) && 'pin' in (member as object))
      given.push(member);
    return member;
  });
  return { given, texts };
}

const answers: Readonly<Record<Api, object>> = {
  chat: chatCompletion(TEXT, [['find', TEXT]]),
  messages: message(
    [
      { type: 'text', text: TEXT },
      { type: 'tool_use', id: 't', name: 'find', input: PATIENT },
    ],
    'tool_use',
  ),
  responses: responseOf([
    messageItem('m', TEXT),
    { type: 'function_call', id: 'f', call_id: 'c', name: 'find', arguments: TEXT, status: 'completed' },
  ]),
};

const sent = (): Json => JSON.parse(provider.requests.at(-1)?.body ?? 'null') as Json;
const decidedCalls = (): readonly unknown[] =>
  client.asked.flatMap(({ kind, tool }) => (kind === 'tool_call' ? [tool?.arguments] : []));

const BARE = { ssn: '***', pin: '***', name: 'Ada', more: { ssn: '***', email: 'ada@example.org' } };

describe.each(APIS)('%s', (api) => {
  const answer = (): void => {
    provider.script = (_request, response) => answerJson(response, answers[api]);
  };
  const send = (more: object = {}): ReturnType<LlmHarness['send']> =>
    gateway.send({ path: PATHS[api], body: { ...ASKED[api], ...more } });

  test('members of that name are masked wherever JSON has them, whatever they are, on the way out and back', async () => {
    await start(masking('ssn', 'pin'));
    answer();
    const { status, json } = await send();
    expect(status).toBe(200);
    expect(documentsIn(sent())).toEqual({ given: [BARE], texts: [BARE] });
    expect(documentsIn(json as Json)).toEqual({ given: [BARE], texts: [BARE] });
    // What was decided is what the agent got.
    expect(decidedCalls()).toEqual([BARE]);
    expect(counted).toEqual({ field: 4 });
  });

  test('the API’s own members stay, and words that are no JSON', async () => {
    await start(masking('ssn', 'pin', 'name', 'role', 'type', 'description', 'email'));
    answer();
    await send();
    const body = sent() as { readonly tools: Json };
    expect(body.tools).toEqual((ASKED[api] as { readonly tools: Json }).tools);
    expect(JSON.stringify(body)).toContain(`the ssn is ${SSN}`);
    expect(JSON.stringify(body)).toContain('"name":"find"');
  });

  test('a path says whether what a tool is given is meant, or what else is said', async () => {
    await start(masking('tool.arguments.ssn', 'result.pin'));
    answer();
    const { json } = await send();
    const expected = { given: [{ ...PATIENT, ssn: '***' }], texts: [{ ...PATIENT, pin: '***' }] };
    expect(documentsIn(sent())).toEqual(expected);
    expect(documentsIn(json as Json)).toEqual(expected);
  });

  test('a search limited to fields leaves the rest', async () => {
    await start({ type: 'redact', value: { detectors: ['ssn'], fields: ['more'], method: 'drop' } });
    answer();
    const { json } = await send();
    const left = { ...PATIENT, more: { ...PATIENT.more, ssn: [''] } };
    expect(documentsIn(sent())).toEqual({ given: [left], texts: [left] });
    expect(documentsIn(json as Json)).toEqual({ given: [left], texts: [left] });
    expect(JSON.stringify(sent())).toContain(`the ssn is ${SSN}`);
  });

  test.each([1, 3, 7, 1000])('a stream in pieces of %d gives JSON when it is whole, and masked', async (size) => {
    await start(masking('ssn', 'pin'));
    const pieces = TEXT.match(new RegExp(`.{1,${size}}`, 'gsu')) ?? [];
    provider.script = (_request, response) => sendEvents(response, streams[api](pieces));
    const { text, events } = await send({ stream: true });
    expect(text).not.toContain('219');
    expect(said(events)).toEqual({ words: 'ok', texts: [BARE], given: [BARE] });
    expect(decidedCalls()).toEqual([BARE]);
  });

  test.each<[string, string]>([
    ['cut off', TEXT.slice(0, 25)],
    ['several', `${TEXT}\n${TEXT}`],
    ['in the words of another language', `{'ssn': '${SSN}'}`],
    ['a list that is cut off', `[ ${TEXT}, {"ssn": "219`],
  ])('JSON that nobody can read (%s) goes whole', async (_what, text) => {
    await start(masking('ssn'));
    const whole = {
      chat: chatCompletion(text),
      messages: message([{ type: 'text', text }]),
      responses: responseOf([messageItem('m', text)]),
    };
    provider.script = (_request, response) => answerJson(response, whole[api]);
    const answered = await send();
    expect([answered.status, answered.text.includes('219'), answered.text.includes('"***"')]).toEqual([
      200,
      false,
      true,
    ]);
    const streamed = {
      chat: [...Array.from(text, (content) => chunk({ content })), chunk({}, 'length'), DONE],
      messages: messageEvents([text], 'max_tokens'),
      responses: responseEvents([text]),
    };
    provider.script = (_request, response) => sendEvents(response, streamed[api]);
    const { status, text: came } = await send({ stream: true });
    expect([status, came.includes('219'), came.includes('***')]).toEqual([200, false, true]);
  });

  test('JSON that is cut off is left where no field is meant', async () => {
    await start(masking('arguments.ssn'));
    const text = '{"name": "Ada", "ss';
    provider.script = (_request, response) =>
      sendEvents(
        response,
        {
          chat: [chunk({ content: text }), chunk({}, 'length'), DONE],
          messages: messageEvents([text], 'max_tokens'),
          responses: responseEvents([text]),
        }[api],
      );
    expect((await send({ stream: true })).text).not.toContain('***');
  });

  test('arguments that nobody can read do not reach the agent', async () => {
    await start(masking('ssn'));
    const broken = TEXT.slice(0, 25);
    provider.script = (_request, response) => sendEvents(response, streams[api]([broken]));
    const { text } = await send({ stream: true });
    expect([text.includes('219'), text.includes('its arguments are not strict JSON')]).toEqual([false, true]);
  });
});

/** A stream that says `ok`, then a text and a call with these pieces; as each API does. */
const streams: Readonly<Record<Api, (pieces: readonly string[]) => readonly (object | string)[]>> = {
  chat: (pieces) => [
    chunk({ role: 'assistant', reasoning: 'ok' }),
    ...pieces.map((content) => chunk({ content })),
    chunk({ tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'find', arguments: '' } }] }),
    ...pieces.map((piece) => chunk({ tool_calls: [{ index: 0, function: { arguments: piece } }] })),
    chunk({}, 'tool_calls'),
    DONE,
  ],
  messages: (pieces) => messageEvents(['ok', pieces.join(''), { name: 'find', pieces }], 'tool_use'),
  responses: (pieces) => responseEvents(['ok', pieces.join(''), { name: 'find', args: pieces.join('') }]),
};

interface Event {
  readonly type?: string;
  readonly choices?: readonly { readonly delta: Readonly<Record<string, unknown>> }[];
  readonly delta?: string | { readonly text?: string; readonly partial_json?: string };
  readonly item?: { readonly type: string; readonly arguments?: string };
}

/** What a client puts together of a stream. */
function said(events: readonly string[]): { words: string; texts: readonly unknown[]; given: readonly unknown[] } {
  let [words, given] = ['', ''];
  for (const data of events) {
    if (data === '[DONE]') continue;
    const { type, choices, delta, item } = JSON.parse(data) as Event;
    const said = choices?.[0]?.delta ?? {};
    const calls = said['tool_calls'] as readonly { readonly function: { readonly arguments?: string } }[] | undefined;
    given += calls?.[0]?.function.arguments ?? '';
    words += `${(said['reasoning'] as string | undefined) ?? ''}${(said['content'] as string | undefined) ?? ''}`;
    if (type === 'response.output_text.delta') words += delta as string;
    if (typeof delta === 'object') words += delta.text ?? '';
    if (typeof delta === 'object') given += delta.partial_json ?? '';
    if (type === 'response.output_item.done' && item?.type === 'function_call') given += item.arguments ?? '';
  }
  return { words: words.slice(0, 2), texts: [JSON.parse(words.slice(2))], given: [JSON.parse(given)] };
}

describe('what is refused', () => {
  test.each(['content', 'messages.content', 'request.query', 'input', 'result', 'output', '*', 'a..b'])(
    'the path %s, before anything is sent',
    async (path) => {
      await start(masking(path));
      const { status, json } = await gateway.send({ body: ASKED.chat });
      expect([status, json?.error?.code, provider.requests.length]).toEqual([503, 'OBLIGATION_UNSUPPORTED', 0]);
    },
  );

  test.each<[Api, object, boolean]>([
    ['messages', message([{ type: 'mind_use', id: 't', thought: { ssn: SSN } }], 'tool_use'), false],
    ['responses', responseOf([{ type: 'shell_call', id: 's', call_id: 's', action: { ssn: SSN } }]), false],
    ['messages', message([{ type: 'mind_use', id: 't', thought: { ssn: SSN } }], 'tool_use'), true],
  ])('%s: a call of a kind in which nobody knows the fields', async (api, answer, stream) => {
    await start(masking('ssn'));
    const { content: [block] = [] } = answer as { readonly content?: readonly object[] };
    const [begun, ...rest] = messageEvents([]);
    provider.script = (_request, response) =>
      stream
        ? sendEvents(response, [
            begun,
            { type: 'content_block_start', index: 0, content_block: block },
            { type: 'content_block_stop', index: 0 },
            ...rest,
          ])
        : answerJson(response, answer);
    const { text } = await gateway.send({ path: PATHS[api], body: { ...ASKED[api], ...(stream ? { stream } : {}) } });
    expect(text).not.toContain('219');
    expect(text).toContain('error');
  });

  test('a call whose own decision masks what is in it; and not one without', async () => {
    await start();
    client.behaviour = (request) =>
      allow(request.kind === 'tool_call' ? { conditions: [masking('ssn')] } : {})(request);
    for (const [args, kept] of [
      ['{"ssn":"1"}', false],
      ['{"name":"1"}', true],
    ] as const) {
      provider.script = (_request, response) => answerJson(response, chatCompletion(null, [['find', args]]));
      const { text } = await gateway.send({ body: ASKED.chat });
      expect([text.includes('tool_calls'), text.includes('OBLIGATION_UNSUPPORTED')]).toEqual([kept, !kept]);
    }
  });
});

test('what a stored prompt is filled with has fields', async () => {
  await start(masking('ssn'));
  provider.script = (_request, response) => answerJson(response, responseOf([]));
  const prompt = { id: 'pmpt_1', variables: { ssn: SSN, name: 'Ada' } };
  await gateway.send({ path: PATHS.responses, body: { model: 'gpt-4o', prompt } });
  expect(sent()).toMatchObject({ prompt: { id: 'pmpt_1', variables: { ssn: '***', name: 'Ada' } } });
});

test('what a tool without a schema is given is its input', async () => {
  await start(masking('arguments.input'));
  const call = { id: 'c', type: 'custom', custom: { name: 'run', input: `psql ${SSN}` } };
  const asked = { model: 'gpt-4o', messages: [{ role: 'assistant', content: null, tool_calls: [call] }] };
  provider.script = (_request, response) =>
    sendEvents(response, [chunk({ tool_calls: [{ index: 0, ...call }] }), chunk({}, 'tool_calls'), DONE]);
  const { text } = await gateway.send({ body: { ...asked, stream: true } });
  expect([JSON.stringify(sent()).includes('219'), text.includes('219'), text.includes('"input":"***"')]).toEqual([
    false,
    false,
    true,
  ]);
  // A prompt may be called so as well.
  await gateway.send({ path: PATHS.responses, body: { model: 'gpt-4o', input: 'a prompt' } });
  expect(JSON.stringify(sent())).toContain('a prompt');
});
