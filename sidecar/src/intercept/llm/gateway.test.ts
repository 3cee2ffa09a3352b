import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CanonicalRequest } from '@portcullis/policy/model';
import {
  allow,
  type decisionOn,
  deny,
  type FakePolicyClient,
  fail,
  fakePolicyClient,
  hold,
} from '../../testing/fake-policy-client.js';
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
  usageChunk,
} from '../../testing/provider-wire.js';
import { answerJson, type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';

let client: FakePolicyClient;
let provider: RecordingUpstream;
let gateway: LlmHarness;

beforeEach(async () => {
  client = fakePolicyClient();
  provider = await recordingUpstream((_request, response) => answerJson(response, chatCompletion('hello')));
  gateway = await startLlmHarness({ client, url: provider.url });
});
afterEach(async () => {
  await gateway.close();
  await provider.close();
});

const CHAT = { model: 'gpt-4o', messages: [{ role: 'user', content: 'say hello' }], max_tokens: 50 };
const MESSAGE = { model: 'claude-sonnet', max_tokens: 50, messages: [{ role: 'user', content: 'say hello' }] };
const only = <T>(list: readonly T[]): T => {
  expect(list).toHaveLength(1);
  return list[0] as T;
};
/** Denies calls of this tool, and allows everything else. */
const denyTool = (name: string) => (request: CanonicalRequest) =>
  (request.kind === 'tool_call' && request.tool?.name === name ? deny() : allow())(request);
const inferences = (): readonly CanonicalRequest[] => client.asked.filter(({ kind }) => kind === 'inference');

describe('what is asked', () => {
  test('a chat completion, and the digest covers what is forwarded', async () => {
    const answered = await gateway.send({
      body: { ...CHAT, temperature: 0.5, tools: [{ type: 'function', function: { name: 'look', parameters: {} } }] },
      headers: { authorization: 'Bearer of-the-agent' },
    });
    expect(answered.json.choices[0].message.content).toBe('hello');
    const sent = only(provider.requests);
    const asked = only(client.asked);
    expect(asked).toMatchObject({
      source: 'llm_proxy',
      kind: 'inference',
      tool: {
        server: 'acme-openai',
        operation: 'chat.completions',
        attributes: { params: { temperature: 0.5 }, tools: ['look'] },
      },
      request: {
        action: 'chat',
        model: 'gpt-4o',
        model_provider: 'acme-openai',
        model_endpoint: `http://127.0.0.1:${provider.port}/v1/chat/completions`,
        max_tokens: 50,
        stream: false,
        query: 'say hello\nlook',
      },
    });
    expect(asked.tool?.attributes?.['body_sha256']).toBe(createHash('sha256').update(sent.body).digest('hex'));
    expect(sent.headers['authorization']).toBe('Bearer sk-provider');
    expect(JSON.stringify(sent)).not.toContain('of-the-agent');
    const estimate = asked.request?.estimated_tokens ?? 0;
    expect(estimate).toBe(50 + Math.ceil(sent.body.length / 2));
  });

  test('an alias is forwarded under its own name, which is what policies see', async () => {
    await gateway.send({ body: { ...CHAT, model: 'small' } });
    expect(JSON.parse(only(provider.requests).body).model).toBe('gpt-4o-mini');
    const asked = only(client.asked);
    expect(asked.request?.model).toBe('gpt-4o-mini');
    expect(asked.tool?.attributes?.['model_alias']).toBe('small');
  });

  test.each([
    ['/v1/responses', { model: 'gpt-4o', input: 'say hello', instructions: 'be kind' }, 'be kind', 'chat'],
    ['/v1/embeddings', { model: 'embedder', input: ['one', 'two'] }, 'one\ntwo', 'embed'],
    ['/openai/acme-openai/v1/chat/completions', CHAT, 'say hello', 'chat'],
    ['/v1/messages', { ...MESSAGE, system: 'be kind' }, 'be kind', 'chat'],
    ['/v1/messages?beta=true', MESSAGE, 'say hello', 'chat'],
    ['/anthropic/acme-anthropic/v1/messages', MESSAGE, 'say hello', 'chat'],
    ['/v1/messages/count_tokens', { ...MESSAGE, max_tokens: undefined }, 'say hello', 'count_tokens'],
  ])('%s', async (path, body, query, action) => {
    provider.script = (_request, response) =>
      answerJson(response, {
        ...(path.includes('messages') ? message([{ type: 'text', text: 'hi' }]) : responseOf([])),
        data: [],
        input_tokens: 3,
        choices: [],
      });
    const answered = await gateway.send({ path, body });
    expect(answered.status).toBe(200);
    const asked = only(client.asked);
    expect(asked.request?.query).toContain(query);
    expect(asked.request?.action).toBe(action);
    expect(only(provider.requests).url).toBe(path.replace(/^\/(openai|anthropic)\/[a-z-]+/, ''));
  });

  test('the credential of an Anthropic provider, and its version', async () => {
    provider.script = (_request, response) => answerJson(response, message([{ type: 'text', text: 'hi' }]));
    await gateway.send({
      path: '/v1/messages',
      body: MESSAGE,
      headers: { 'x-api-key': 'agents', 'anthropic-beta': 'b-1' },
    });
    const { headers } = only(provider.requests);
    expect([headers['x-api-key'], headers['anthropic-version'], headers['anthropic-beta']]).toEqual([
      'ak-provider',
      '2023-06-01',
      'b-1',
    ]);
    expect(only(client.asked).tool?.attributes?.['headers']).toEqual({ 'anthropic-beta': 'b-1' });
  });
});

test('the same request asks the same, so that an approval of it fits, for the request and for a call in its answer', async () => {
  provider.script = (_request, response) => answerJson(response, chatCompletion('x', [['look', '{"at":1}']]));
  const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }];
  await gateway.send({ body: { ...CHAT, tools } });
  const again = { ...(chatCompletion('x', [['look', '{"at":1}']]) as object), id: 'chatcmpl-2' };
  provider.script = (_request, response) =>
    answerJson(response, JSON.parse(JSON.stringify(again).replaceAll('call_0', 'call_9')));
  await gateway.send({ body: { ...CHAT, tools } });
  const bound = client.asked.map(({ context: { timestamp: _timestamp, request_id: _id, ...context }, ...rest }) => ({
    ...rest,
    context,
  }));
  expect(bound).toHaveLength(4);
  expect(bound.slice(2)).toEqual(bound.slice(0, 2));
  expect(bound[1]?.tool).toMatchObject({
    definition_digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    attributes: { offered: true },
  });
});

test('a call of a tool that was not offered says so', async () => {
  provider.script = (_request, response) => answerJson(response, chatCompletion('x', [['look', '{}']]));
  await gateway.send({ body: CHAT });
  expect(client.asked.at(-1)?.tool?.attributes).toEqual({ carried_out: 'agent', offered: false });
});

test('headers of a provider are injected', async () => {
  await gateway.close();
  const headers = { 'Api-Key': { env: 'OPENAI_KEY' } };
  const models = [{ name: 'gpt-4o' }];
  const providers = [{ name: 'p', kind: 'openai', baseUrl: provider.url.replace('/mcp', '/v1/'), models, headers }];
  gateway = await startLlmHarness({ client, url: provider.url, config: { providers } });
  await gateway.send({ body: CHAT, headers: { 'api-key': 'of-the-agent', authorization: 'of-the-agent' } });
  const sent = only(provider.requests);
  expect([sent.url, sent.headers['api-key'], sent.headers.authorization]).toEqual([
    '/v1/chat/completions',
    'sk-provider',
    undefined,
  ]);
});

describe('what is refused, in the shape of the API', () => {
  test.each([
    ['a denial', deny(), 403, 'POLICY_DENIED'],
    ['a hold', hold(), 403, 'APPROVAL_REQUIRED'],
    ['a quota', deny({ code: 'QUOTA_EXCEEDED' }), 429, 'QUOTA_EXCEEDED'],
    ['nobody answers', fail('PDP_UNAVAILABLE'), 503, 'PDP_UNAVAILABLE'],
    [
      'a redaction that is not there',
      allow({ conditions: [{ type: 'redact', value: {} }] }),
      503,
      'OBLIGATION_UNSUPPORTED',
    ],
  ])('%s', async (_name, behaviour, status, code) => {
    client.behaviour = behaviour;
    const openai = await gateway.send({ body: CHAT });
    expect([openai.status, openai.json.error.code]).toEqual([status, code]);
    expect(typeof openai.json.error.type).toBe('string');
    // Or both clients would send a refused request twice more.
    expect(openai.headers['x-should-retry']).toBe(String(status === 503));
    const anthropic = await gateway.send({ path: '/v1/messages', body: MESSAGE });
    expect([anthropic.status, anthropic.json.type, anthropic.json.error.code]).toEqual([status, 'error', code]);
    expect(provider.requests).toHaveLength(0);
  });

  test('a hold names the approval and where to poll', async () => {
    client.behaviour = (request) => {
      const held = hold()(request) as { decision: ReturnType<typeof decisionOn> };
      const value = { approval_id: 'ap-1', poll: '/v1/approvals/ap-1' };
      return { kind: 'decision', decision: { ...held.decision, conditions: [{ type: 'require_hitl', value }] } };
    };
    const { json, headers } = await gateway.send({ body: CHAT });
    expect(json.error.portcullis.approval).toEqual({ id: 'ap-1', poll: '/v1/approvals/ap-1' });
    expect(headers['x-should-retry']).toBe('false');
  });

  test.each<[string, unknown, number]>([
    ['no JSON', '{', 400],
    ['a duplicate key', '{"model":"gpt-4o","model":"other","messages":[]}', 400],
    ['a prototype key', '{"model":"gpt-4o","messages":[],"__proto__":{}}', 400],
    ['a list', '[]', 400],
    ['no model', { messages: [] }, 400],
    ['a model that is a number', { ...CHAT, model: 4 }, 400],
    ['a model that nobody serves', { ...CHAT, model: 'other' }, 404],
    ['a model behind its alias', { ...CHAT, model: 'gpt-4o-mini' }, 404],
    ['a stream that is a text', { ...CHAT, stream: 'yes' }, 400],
    ['a limit that is a text', { ...CHAT, max_tokens: '50' }, 400],
    ['no messages', { model: 'gpt-4o' }, 400],
    ['tools that are none', { ...CHAT, tools: ['look'] }, 400],
    ['a tool without a name', { ...CHAT, tools: [{ type: 'function', function: {} }] }, 400],
    ['too many answers', { ...CHAT, n: 1_000 }, 400],
    ['a body that is too large', Buffer.alloc(5_000_000, 0x20), 413],
  ])('%s', async (_name, body, status) => {
    const answered = await gateway.send({ body });
    expect(answered.status).toBe(status);
    expect(answered.json.error.message).toEqual(expect.any(String));
    expect(client.asked).toHaveLength(0);
    expect(provider.requests).toHaveLength(0);
  });

  test.each([
    ['POST', '/v1/completions', {}, 404],
    ['GET', '/v1/files', {}, 404],
    ['POST', '/v1/chat/completions?x=1', {}, 404],
    ['POST', '/openai/nobody/v1/chat/completions', {}, 404],
    ['POST', '/openai/acme-anthropic/v1/chat/completions', {}, 404],
    ['POST', '/v1/chat/completions', { host: 'evil.example' }, 403],
    ['POST', '/v1/chat/completions', { origin: 'https://evil.example' }, 403],
    ['POST', '/v1/chat/completions', { 'content-type': 'text/plain' }, 415],
    ['POST', '/v1/chat/completions', { 'content-encoding': 'gzip' }, 415],
  ])('%s %s %j', async (method, path, headers, status) => {
    const answered = await gateway.send({ method, path, headers, ...(method === 'POST' ? { body: CHAT } : {}) });
    expect(answered.status).toBe(status);
    expect(provider.requests).toHaveLength(0);
  });

  test('a background response, whose answer would come from where nobody decides', async () => {
    const { status } = await gateway.send({
      path: '/v1/responses',
      body: { model: 'gpt-4o', input: 'x', background: true },
    });
    expect(status).toBe(400);
  });
});

describe('the list of models', () => {
  test('has what the agent may use, and draws on nothing', async () => {
    client.behaviour = (request) => (request.request?.model === 'gpt-4o' ? deny() : allow())(request);
    const { json } = await gateway.send({ method: 'GET', path: '/v1/models' });
    expect(json.data.map(({ id }: { id: string }) => id)).toEqual(['small', 'embedder']);
    expect(client.settled.map(({ outcome }) => outcome)).toEqual(['refused', 'refused']);
    const anthropic = await gateway.send({
      method: 'GET',
      path: '/v1/models',
      headers: { 'anthropic-version': '2023-06-01' },
    });
    expect(anthropic.json.data).toEqual([expect.objectContaining({ type: 'model', id: 'claude-sonnet' })]);
  });

  test('is empty when nobody can be asked', async () => {
    client.behaviour = fail('PDP_UNAVAILABLE');
    const { json } = await gateway.send({ method: 'GET', path: '/v1/models' });
    expect(json.data).toEqual([]);
  });
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
    const [choice] = json.choices;
    expect(choice.finish_reason).toBe('tool_calls');
    expect(choice.message.tool_calls.map((call: { function: { name: string } }) => call.function.name)).toEqual([
      'look',
    ]);
    expect(choice.message.content).toMatch(/^let me see\n\[Portcullis\] The call of the tool "delete" was not allowed/);
    expect(client.asked.filter(({ kind }) => kind === 'tool_call')).toMatchObject([
      { source: 'llm_proxy', tool: { server: 'acme-openai', name: 'delete', arguments: { path: '/' } } },
      { tool: { name: 'look', arguments: { at: 1 } } },
    ]);
  });

  test('without a call that is left the answer ends as one in words', async () => {
    client.behaviour = denyTool('delete');
    provider.script = (_request, response) => answerJson(response, chatCompletion(null, [['delete', '{}']]));
    const { json } = await gateway.send({ body: CHAT });
    expect(json.choices[0].finish_reason).toBe('stop');
    expect(json.choices[0].message).not.toHaveProperty('tool_calls');
  });

  test.each([
    ['duplicate members', '{"a":1,"a":2}'],
    ['no object', '[1]'],
    ['no JSON', '{"a":'],
  ])('arguments that could be read in two ways are not passed on: %s', async (_name, args) => {
    provider.script = (_request, response) => answerJson(response, chatCompletion(null, [['look', args]]));
    const { json } = await gateway.send({ body: CHAT });
    expect(json.choices[0].message.content).toContain('REQUEST_INVALID');
    expect(JSON.stringify(json)).not.toContain('tool_calls');
  });

  test('a refused call takes the answer with it where that is configured', async () => {
    await gateway.close();
    gateway = await startLlmHarness({ client, url: provider.url, config: { tools: { refused: 'refuse' } } });
    client.behaviour = denyTool('delete');
    provider.script = (_request, response) => answerJson(response, chatCompletion('x', [['delete', '{}']]));
    const { status, json } = await gateway.send({ body: CHAT });
    expect([status, json.error.code]).toEqual([403, 'POLICY_DENIED']);
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
    expect(responses.json.output).toEqual([expect.objectContaining({ type: 'message', role: 'assistant' })]);
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
    expect(only(client.settled)).toMatchObject({ outcome: 'forwarded', usage: { tokens: 18 } });
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
    expect(client.settled.find(({ usage }) => usage !== undefined)).toMatchObject({ usage: { tokens: 18 } });
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

describe('budgets', () => {
  const capped = (cap: number) => (request: CanonicalRequest) =>
    allow({ conditions: request.kind === 'inference' ? [{ type: 'max_tokens', value: cap }] : [] })(request);

  test('a request that may use more is asked about again with a lower limit, and sent with it', async () => {
    client.behaviour = capped(20);
    await gateway.send({ body: CHAT });
    expect(inferences().map(({ request }) => request?.max_tokens)).toEqual([50, 20]);
    expect(JSON.parse(only(provider.requests).body).max_tokens).toBe(20);
    expect(client.settled.map(({ outcome }) => outcome)).toEqual(['refused', 'forwarded']);
  });

  test('a request without a limit gets one', async () => {
    client.behaviour = capped(20);
    await gateway.send({ body: { ...CHAT, max_tokens: undefined } });
    expect(JSON.parse(only(provider.requests).body).max_completion_tokens).toBe(20);
  });

  test('no answer has more than was counted for it, where that is configured', async () => {
    await gateway.close();
    const estimate = { outputTokens: 10, enforced: true };
    gateway = await startLlmHarness({ client, url: provider.url, config: { estimate } });
    provider.script = (_request, response) => sendEvents(response, [chunk({ content: 'x'.repeat(100) }), DONE]);
    const { text } = await gateway.send({ body: { ...CHAT, max_tokens: undefined, stream: true } });
    expect(JSON.parse(only(provider.requests).body).max_completion_tokens).toBe(10);
    expect(only(client.asked).request?.max_tokens).toBe(10);
    expect(text).toContain('"finish_reason":"length"');
  });

  test('or it is refused, where that is configured, and where it cannot be lowered', async () => {
    client.behaviour = capped(1);
    expect((await gateway.send({ body: { ...CHAT, n: 2 } })).status).toBe(403);
    await gateway.close();
    gateway = await startLlmHarness({ client, url: provider.url, config: { maxTokens: 'refuse' } });
    expect((await gateway.send({ body: CHAT })).json.error.message).toContain('at most 1 tokens');
    expect(provider.requests).toHaveLength(0);
  });

  test.each([
    [
      '/v1/chat/completions',
      CHAT,
      [chunk({ content: 'x'.repeat(400) }), chunk({}, 'stop'), DONE],
      '"finish_reason":"length"',
    ],
    ['/v1/messages', MESSAGE, messageEvents(['x'.repeat(400)]), '"stop_reason":"max_tokens"'],
    [
      '/v1/responses',
      { model: 'gpt-4o', input: 'x' },
      responseEvents(['x'.repeat(400)]),
      '"reason":"max_output_tokens"',
    ],
  ])(
    'a stream of %s that goes on beyond its limit is cut off, as its API would end it',
    async (path, body, events, end) => {
      client.behaviour = capped(10);
      provider.script = (_request, response) => sendEvents(response, events);
      const { text, status } = await gateway.send({ path, body: { ...body, stream: true } });
      expect(status).toBe(200);
      expect(text).toContain(end);
      expect(client.settled.at(-1)?.usage?.tokens).toBeGreaterThan(10);
      expect(await gateway.registry.metrics()).toContain('portcullis_sidecar_llm_streams_cut_total 1');
    },
  );

  test('what a provider refuses has used nothing; what it does not count stays estimated', async () => {
    provider.script = (_request, response) => answerJson(response, { error: { message: 'no', type: 'x' } }, 400);
    const refused = await gateway.send({ body: CHAT });
    expect([refused.status, refused.json.error.message]).toEqual([400, 'no']);
    expect(client.settled.at(-1)).toMatchObject({ outcome: 'upstream_failed', usage: { tokens: 0, cost: 0 } });
    provider.script = (_request, response) => answerJson(response, { ...chatCompletion('x'), usage: undefined });
    await gateway.send({ body: CHAT });
    expect(client.settled.at(-1)).not.toHaveProperty('usage');
  });
});

test('what tokens cost, where that is configured', async () => {
  await gateway.close();
  const models = [{ name: 'gpt-4o', price: { input: 2, output: 8 } }];
  const providers = [{ name: 'p', kind: 'openai', baseUrl: provider.url.replace('/mcp', '/v1'), models }];
  gateway = await startLlmHarness({ client, url: provider.url, config: { providers } });
  await gateway.send({ body: CHAT });
  expect(only(client.settled).usage).toEqual({ tokens: 18, cost: (11 * 2 + 7 * 8) / 1_000_000 });
});

describe('what comes back', () => {
  test('is asked about where a policy reads it, whole, before anybody has a word of it', async () => {
    client.behaviour = (request) => {
      if (request.request?.action === 'completion') return deny()(request);
      return allow({ obligations: [{ type: 'decide_output', value: true }] })(request);
    };
    provider.script = (_request, response) =>
      sendEvents(response, [chunk({ content: 'se' }), chunk({ content: 'cret' }), chunk({}, 'stop'), DONE]);
    const { status, text } = await gateway.send({ body: { ...CHAT, stream: true } });
    expect(status).toBe(403);
    expect(text).not.toContain('cret"');
    expect(client.asked.at(-1)?.request).toMatchObject({ action: 'completion', output: 'secret', estimated_tokens: 0 });
  });

  test('is asked about by its texts, each in one piece', async () => {
    client.behaviour = (request) =>
      allow(request.request?.action === 'chat' ? { obligations: [{ type: 'decide_output', value: true }] } : {})(
        request,
      );
    const two = (first: string, second: string) => ({
      choices: [first, second].map((content, index) => ({ index, delta: { content }, finish_reason: null })),
    });
    const end = { choices: [0, 1].map((index) => ({ index, delta: {}, finish_reason: 'stop' })) };
    provider.script = (_request, response) => sendEvents(response, [two('se', 'o'), two('cret', 'ther'), end, DONE]);
    const { events } = await gateway.send({ body: { ...CHAT, n: 2, stream: true } });
    expect(client.asked.at(-1)?.request).toMatchObject({ action: 'completion', output: 'secret\nother' });
    expect(events).toHaveLength(4);
  });

  test('is asked about with what only the end of a stream says', async () => {
    client.behaviour = (request) =>
      allow(request.request?.action === 'chat' ? { obligations: [{ type: 'decide_output', value: true }] } : {})(
        request,
      );
    const events = (responseEvents(['fine']) as readonly { readonly type: string }[]).map((one) =>
      one.type === 'response.completed' ? { ...one, response: responseOf([messageItem('m', 'forbidden')]) } : one,
    );
    provider.script = (_request, response) => sendEvents(response, events);
    await gateway.send({ path: '/v1/responses', body: { model: 'gpt-4o', input: 'x', stream: true } });
    expect(client.asked.at(-1)?.request?.output).toBe('fine\nforbidden');
  });

  test('is reported where that is ordered, before the agent has it', async () => {
    client.behaviour = allow({ obligations: [{ type: 'report_result', value: { max_bytes: 1_000 } }] });
    await gateway.send({ body: CHAT });
    expect(only(client.reported)).toMatchObject({ usage: { tokens: 18 }, result: { session_id: 'run-1' } });
    client.taking = async () => false;
    const { status, text } = await gateway.send({ body: CHAT });
    expect(status).toBe(502);
    expect(text).not.toContain('hello');
  });
});

describe('providers that misbehave', () => {
  const raw = (text: string) => (_request: unknown, response: Parameters<typeof sendEvents>[0]) =>
    sendEvents(response, [text]);
  const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;

  test.each<[string, string]>([
    ['no JSON', 'data: {\n\n'],
    ['duplicate members', 'data: {"choices":[],"choices":[]}\n\n'],
    ['no chunk', 'data: {"choices":4}\n\n'],
    [
      'a call that changes its name',
      `${data(chunk({ tool_calls: [{ index: 0, id: 'a', function: { name: 'look', arguments: '' } }] }))}${data(chunk({ tool_calls: [{ index: 0, function: { name: 'delete', arguments: '{}' } }] }))}`,
    ],
    ['a call without a name', data(chunk({ tool_calls: [{ index: 0, function: 4 }] }))],
    [
      'nothing more',
      data(chunk({ tool_calls: [{ index: 0, id: 'a', function: { name: 'delete', arguments: '{}' } }] })),
    ],
    ['an error', 'data: {"error":{"message":"overloaded"}}\n\n'],
    ['words after the end of a choice', `${data(chunk({}, 'stop'))}${data(chunk({ content: 'x' }))}`],
  ])('a stream with %s ends in an error, and no call passes', async (_name, text) => {
    provider.script = raw(text);
    const answered = await gateway.send({ body: { ...CHAT, stream: true } });
    expect(answered.text).toContain('UPSTREAM_FAILED');
    expect(answered.text).not.toContain('delete');
    expect(client.settled.at(-1)?.outcome).toBe('upstream_failed');
  });

  test.each<[string, readonly unknown[]]>([
    [
      'a start with content',
      [{ type: 'message_start', message: { content: [{ type: 'tool_use', name: 'delete', input: {} }] } }],
    ],
    [
      'a block that was not begun',
      [{ type: 'content_block_delta', index: 3, delta: { type: 'text_delta', text: 'x' } }],
    ],
    [
      'a call with words',
      [
        { type: 'content_block_start', index: 0, content_block: { type: 'tool_use', name: 'delete' } },
        { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'x' } },
      ],
    ],
    ['an event under another name', ['event: ping\ndata: {"type":"message_stop"}\n\n']],
    [
      'an end inside a call',
      [
        { type: 'content_block_start', index: 0, content_block: { type: 'tool_use', name: 'delete' } },
        { type: 'message_delta', delta: {} },
      ],
    ],
  ])('messages with %s', async (_name, events) => {
    provider.script = (_request, response) => sendEvents(response, events);
    const answered = await gateway.send({ path: '/v1/messages', body: { ...MESSAGE, stream: true } });
    expect(answered.text).toContain('UPSTREAM_FAILED');
    expect(answered.text).not.toContain('delete');
  });

  test('responses that hide a call at their end are found out', async () => {
    client.behaviour = denyTool('delete');
    const call = { type: 'function_call', id: 'f', call_id: 'c', name: 'delete', arguments: '{}' };
    const events = responseEvents(['x']) as readonly { readonly type: string }[];
    const hidden = events.map((one) =>
      one.type === 'response.completed' ? { ...one, response: responseOf([call]) } : one,
    );
    provider.script = (_request, response) => sendEvents(response, hidden);
    const answered = await gateway.send({ path: '/v1/responses', body: { model: 'gpt-4o', input: 'x', stream: true } });
    expect(answered.text).not.toContain('"name":"delete"');
    expect(answered.text).toContain('was not allowed');
    const early = [{ type: 'response.in_progress', response: responseOf([call]), sequence_number: 0 }];
    provider.script = (_request, response) => sendEvents(response, early);
    expect(
      (await gateway.send({ path: '/v1/responses', body: { model: 'gpt-4o', input: 'x', stream: true } })).text,
    ).toContain('UPSTREAM_FAILED');
  });

  test.each([
    ['compressed', 200, { 'content-encoding': 'gzip', 'content-type': 'application/json' }, '{}'],
    ['a redirect', 302, { location: 'http://elsewhere' }, ''],
    ['no JSON', 200, { 'content-type': 'text/html' }, '<html>'],
    ['no answer', 200, { 'content-type': 'application/json' }, '{"choices":"x"}'],
    ['our credentials refused', 401, { 'content-type': 'application/json' }, '{"error":{"message":"key sk-provider"}}'],
  ])('%s', async (_name, status, headers, text) => {
    provider.script = (_request, response) =>
      void response.writeHead(status, headers as Record<string, string>).end(text);
    const answered = await gateway.send({ body: CHAT });
    expect([answered.status, answered.json.error.code]).toEqual([502, 'UPSTREAM_FAILED']);
    expect(answered.text).not.toContain('sk-provider');
  });

  test('an endless stream is ended at its limit, a silent one in time', async () => {
    await gateway.close();
    gateway = await startLlmHarness({
      client,
      url: provider.url,
      config: { limits: { maxResponseBytes: 4_096, streamIdleMs: 100 } },
    });
    provider.script = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (let at = 0; at < 100; at += 1) response.write(data(chunk({ content: 'x'.repeat(100) })));
    };
    expect((await gateway.send({ body: { ...CHAT, stream: true } })).text).toContain('too large');
    provider.script = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(data(chunk({ content: 'x' })));
    };
    expect((await gateway.send({ body: { ...CHAT, stream: true } })).text).toContain('silent for too long');
  });

  test('one that is not there', async () => {
    await provider.close();
    const answered = await gateway.send({ body: CHAT });
    expect([answered.status, answered.json.error.code]).toEqual([502, 'UPSTREAM_FAILED']);
    expect(only(client.settled)).toMatchObject({ outcome: 'upstream_failed', usage: { tokens: 0 } });
    provider = await recordingUpstream();
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

describe('what ends early', () => {
  test('an agent that leaves ends the call of the provider', async () => {
    const left = new Promise<void>((resolve) => {
      provider.script = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`data: ${JSON.stringify(chunk({ content: 'x' }))}\n\n`);
        response.on('close', resolve);
      };
    });
    const leaving = new AbortController();
    const sent = gateway.send({ body: { ...CHAT, stream: true }, signal: leaving.signal }).catch(() => undefined);
    while (provider.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    leaving.abort();
    await Promise.all([left, sent]);
    while (client.settled.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(client.settled.map(({ outcome }) => outcome)).toEqual(['upstream_failed']);
  });

  test('the kill switch ends an open stream with an error', async () => {
    provider.script = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`data: ${JSON.stringify(chunk({ content: 'x' }))}\n\n`);
      client.behaviour = deny({ code: 'KILL_SWITCH' });
      gateway.killEpoch('pdp', 1);
    };
    const { text } = await gateway.send({ body: { ...CHAT, stream: true } });
    expect(text).toContain('KILL_SWITCH');
    expect(only(client.settled).outcome).toBe('upstream_failed');
  });
});
