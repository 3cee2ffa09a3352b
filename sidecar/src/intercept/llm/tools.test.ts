import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { FakePolicyClient } from '../../testing/fake-policy-client.js';
import { type LlmHarness, startLlmHarness } from '../../testing/llm-harness.js';
import { CHAT, denyTool, MESSAGE, only, startLlmWorld } from '../../testing/llm-world.js';
import {
  chatCompletion,
  chunk,
  DONE,
  message,
  messageEvents,
  responseEvents,
  responseOf,
  sendEvents,
  usageChunk,
} from '../../testing/provider-wire.js';
import { answerJson, type RecordingUpstream } from '../../testing/recording-upstream.js';

let client: FakePolicyClient;
let provider: RecordingUpstream;
let gateway: LlmHarness;

beforeEach(async () => {
  ({ client, provider, gateway } = await startLlmWorld());
});
afterEach(async () => {
  await gateway.close();
  await provider.close();
});

test('a call of a tool that was not offered says so', async () => {
  provider.script = (_request, response) => answerJson(response, chatCompletion('x', [['look', '{}']]));
  await gateway.send({ body: CHAT });
  expect(client.asked.at(-1)?.tool?.attributes).toEqual({ carried_out: 'agent', offered: false });
});

describe('tools', () => {
  test('a call in a chat completion is asked about, and a denied one is replaced', async () => {
    client.behaviour = denyTool('delete');
    provider.script = (_request, response) =>
      answerJson(
        response,
        chatCompletion('let me see', [
          ['delete', '{"path":"/"}'],
          ['look', '{"at":1}'],
        ]),
      );
    const { json } = await gateway.send({ body: CHAT });
    const choice = json?.choices?.[0];
    expect(choice?.finish_reason).toBe('tool_calls');
    expect(choice?.message.tool_calls?.map((call) => call.function.name)).toEqual(['look']);
    expect(choice?.message.content).toMatch(
      /^let me see\n\[Portcullis\] The call of the tool "delete" was not allowed/,
    );
    expect(client.asked.filter(({ kind }) => kind === 'tool_call')).toMatchObject([
      { source: 'llm_proxy', tool: { server: 'acme-openai', name: 'delete', arguments: { path: '/' } } },
      { tool: { name: 'look', arguments: { at: 1 } } },
    ]);
  });

  test('without a call that is left the answer ends as one in words', async () => {
    client.behaviour = denyTool('delete');
    provider.script = (_request, response) => answerJson(response, chatCompletion(null, [['delete', '{}']]));
    const { json } = await gateway.send({ body: CHAT });
    expect(json?.choices?.[0]?.finish_reason).toBe('stop');
    expect(json?.choices?.[0]?.message).not.toHaveProperty('tool_calls');
  });

  test.each([
    ['duplicate members', '{"a":1,"a":2}'],
    ['no object', '[1]'],
    ['no JSON', '{"a":'],
  ])('arguments that could be read in two ways are not passed on: %s', async (_name, args) => {
    provider.script = (_request, response) => answerJson(response, chatCompletion(null, [['look', args]]));
    const { json } = await gateway.send({ body: CHAT });
    expect(json?.choices?.[0]?.message.content).toContain('REQUEST_INVALID');
    expect(JSON.stringify(json)).not.toContain('tool_calls');
  });

  test('a refused call takes the answer with it where that is configured', async () => {
    await gateway.close();
    gateway = await startLlmHarness({ client, url: provider.url, config: { tools: { refused: 'refuse' } } });
    client.behaviour = denyTool('delete');
    provider.script = (_request, response) => answerJson(response, chatCompletion('x', [['delete', '{}']]));
    const { status, json } = await gateway.send({ body: CHAT });
    expect([status, json?.error?.code]).toEqual([403, 'POLICY_DENIED']);
  });

  test('names of a namespace are those of its server', async () => {
    await gateway.close();
    const tools = {
      namespaces: [
        { prefix: 'mcp__', server: 'other' },
        { prefix: 'mcp__files__', server: 'files' },
      ],
    };
    gateway = await startLlmHarness({ client, url: provider.url, config: { tools } });
    provider.script = (_request, response) => answerJson(response, chatCompletion('x', [['mcp__files__read', '{}']]));
    await gateway.send({ body: CHAT });
    expect(client.asked.at(-1)?.tool).toMatchObject({
      server: 'files',
      name: 'read',
      attributes: { carried_out: 'mcp' },
    });
  });

  test('a tool of the provider is asked about before anything is sent', async () => {
    client.behaviour = denyTool('web_search');
    const tools = [{ type: 'web_search', filters: { allowed_domains: ['example.com'] } }];
    const { status } = await gateway.send({ path: '/v1/responses', body: { model: 'gpt-4o', input: 'x', tools } });
    expect(status).toBe(403);
    expect(client.asked.at(-1)?.tool).toMatchObject({ name: 'web_search', attributes: { carried_out: 'provider' } });
    expect(provider.requests).toHaveLength(0);
  });

  test('calls in a message and in a response', async () => {
    client.behaviour = denyTool('delete');
    provider.script = ({ url }, response) =>
      answerJson(
        response,
        url === '/v1/messages'
          ? message([{ type: 'tool_use', id: 't1', name: 'delete', input: { a: 1 } }], 'tool_use')
          : responseOf([{ type: 'function_call', id: 'f1', call_id: 'c1', name: 'delete', arguments: '{"a":1}' }]),
      );
    const anthropic = await gateway.send({ path: '/v1/messages', body: MESSAGE });
    expect(anthropic.json).toMatchObject({ stop_reason: 'end_turn', content: [{ type: 'text' }] });
    const responses = await gateway.send({ path: '/v1/responses', body: { model: 'gpt-4o', input: 'x' } });
    expect(responses.json?.output).toEqual([expect.objectContaining({ type: 'message', role: 'assistant' })]);
  });
});

describe('streams', () => {
  test('of chat completions: bytes pass, usage is asked for, counted and not shown', async () => {
    const events = [
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'hel' }),
      chunk({ content: 'lo' }),
      chunk({}, 'stop'),
    ];
    provider.script = (_request, response) => sendEvents(response, [...events, usageChunk(11, 7), DONE]);
    const { events: got } = await gateway.send({ body: { ...CHAT, stream: true } });
    expect(got).toEqual([...events.map((one) => JSON.stringify(one)), '[DONE]']);
    expect(JSON.parse(only(provider.requests).body).stream_options).toEqual({ include_usage: true });
    expect(only(client.settled)).toMatchObject({ outcome: 'forwarded', usage: { input_tokens: 11, output_tokens: 7 } });
  });

  test('of chat completions: the usage is shown to those who asked for it', async () => {
    provider.script = (_request, response) =>
      sendEvents(response, [chunk({ content: 'x' }, 'stop'), usageChunk(1, 2), DONE]);
    const { events } = await gateway.send({ body: { ...CHAT, stream: true, stream_options: { include_usage: true } } });
    expect(events).toContain(JSON.stringify(usageChunk(1, 2)));
  });

  test('of chat completions: calls are held back until they are decided, words flow', async () => {
    client.behaviour = denyTool('delete');
    const call = (index: number, id: string | undefined, name: string | undefined, args: string) =>
      chunk({
        tool_calls: [
          {
            index,
            ...(id === undefined ? {} : { id, type: 'function' }),
            function: { ...(name === undefined ? {} : { name }), arguments: args },
          },
        ],
      });
    provider.script = (_request, response) =>
      sendEvents(response, [
        chunk({ role: 'assistant', content: 'see' }),
        call(0, 'c0', 'delete', ''),
        call(0, undefined, undefined, '{"path"'),
        call(1, 'c1', 'look', '{"a'),
        call(0, undefined, undefined, ':"/"}'),
        call(1, undefined, undefined, 't":1}'),
        chunk({}, 'tool_calls'),
        DONE,
      ]);
    const { events, text } = await gateway.send({ body: { ...CHAT, stream: true } });
    const chunks = events.slice(0, -1).map((one) => JSON.parse(one));
    const calls = chunks.flatMap((one) => one.choices[0].delta.tool_calls ?? []);
    expect(calls).toEqual([
      { index: 0, id: 'c1', type: 'function', function: { name: 'look', arguments: '{"at":1}' } },
    ]);
    expect(text).toContain('The call of the tool \\"delete\\" was not allowed');
    expect(chunks.at(-1).choices[0].finish_reason).toBe('tool_calls');
  });

  test('of chat completions: calls without numbers, and comments', async () => {
    const unnumbered = (id: string, name: string) =>
      chunk({ tool_calls: [{ id, function: { name, arguments: '{}' } }] });
    provider.script = (_request, response) =>
      sendEvents(response, [
        ': still here, secretly\n\n',
        unnumbered('a', 'look'),
        unnumbered('b', 'list'),
        chunk({}, 'tool_calls'),
        DONE,
      ]);
    const { events, text } = await gateway.send({ body: { ...CHAT, stream: true } });
    const chunks = events.slice(0, -1).map((one) => JSON.parse(one));
    const calls = chunks.flatMap((one) => one.choices[0].delta.tool_calls ?? []);
    expect(calls.map(({ index, id }) => [index, id])).toEqual([
      [0, 'a'],
      [1, 'b'],
    ]);
    expect(text).toMatch(/^: waiting\n\n/);
    expect(text).not.toContain('secretly');
  });

  test('of messages: a denied call becomes words, in its own block', async () => {
    client.behaviour = denyTool('delete');
    const events = messageEvents(['let me see', { name: 'delete', pieces: ['{"pa', 'th":"/"}'] }], 'tool_use');
    provider.script = (_request, response) => sendEvents(response, events);
    const { events: got } = await gateway.send({ path: '/v1/messages', body: { ...MESSAGE, stream: true } });
    const seen = got.map((one) => JSON.parse(one));
    expect(JSON.stringify(seen)).not.toContain('tool_use');
    expect(seen.find(({ type }) => type === 'message_delta').delta.stop_reason).toBe('end_turn');
    expect(client.asked.at(-1)?.tool).toMatchObject({ name: 'delete', arguments: { path: '/' } });
    expect(client.settled.find(({ usage }) => usage !== undefined)).toMatchObject({
      usage: { input_tokens: 11, output_tokens: 7 },
    });
  });

  test('of messages: what is allowed is byte for byte what came', async () => {
    const events = messageEvents(['words', { name: 'look', pieces: ['{}'] }], 'tool_use');
    provider.script = (_request, response) => sendEvents(response, events);
    const { events: got } = await gateway.send({ path: '/v1/messages', body: { ...MESSAGE, stream: true } });
    expect(got).toEqual(events.map((one) => JSON.stringify(one)));
  });

  test('of responses: a denied call becomes a message, in the events and in the end', async () => {
    client.behaviour = denyTool('delete');
    const events = responseEvents(['words', { name: 'delete', args: '{"path":"/"}' }, { name: 'look', args: '{}' }]);
    provider.script = (_request, response) => sendEvents(response, events);
    const { events: got } = await gateway.send({
      path: '/v1/responses',
      body: { model: 'gpt-4o', input: 'x', stream: true },
    });
    const seen = got.map((one) => JSON.parse(one));
    expect(seen.map(({ sequence_number: number }) => number)).toEqual(seen.map((_, at) => at));
    expect(JSON.stringify(seen)).not.toContain('"name":"delete"');
    const end = seen.at(-1);
    expect(end.response.output.map(({ type }: { type: string }) => type)).toEqual([
      'message',
      'message',
      'function_call',
    ]);
    expect(client.asked.filter(({ kind }) => kind === 'tool_call')).toHaveLength(2);
  });

  test('of responses: what is allowed is byte for byte what came', async () => {
    const events = responseEvents(['words', { name: 'look', args: '{"a":1}' }]);
    provider.script = (_request, response) => sendEvents(response, events);
    const { events: got } = await gateway.send({
      path: '/v1/responses',
      body: { model: 'gpt-4o', input: 'x', stream: true },
    });
    expect(got).toEqual(events.map((one) => JSON.stringify(one)));
  });
});

test.each([
  [
    '/v1/chat/completions',
    CHAT,
    chatCompletion(
      null,
      Array.from({ length: 300 }, () => ['look', '{}'] as const),
    ),
  ],
  [
    '/v1/messages',
    MESSAGE,
    message(Array.from({ length: 300 }, (_, id) => ({ type: 'tool_use', id, name: 'look', input: {} }))),
  ],
])('%s: more calls than anybody makes are not asked about', async (path, body, answer) => {
  provider.script = (_request, response) => answerJson(response, answer);
  const { status } = await gateway.send({ path, body });
  expect(status).toBe(502);
  expect(client.asked).toHaveLength(1);
});
