import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { allow, type decisionOn, deny, type FakePolicyClient, fail, hold } from '../../testing/fake-policy-client.js';
import { type LlmHarness, startLlmHarness } from '../../testing/llm-harness.js';
import { CHAT, MESSAGE, only, startLlmWorld } from '../../testing/llm-world.js';
import { chatCompletion, message, responseOf } from '../../testing/provider-wire.js';
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

describe('what is asked', () => {
  test('a chat completion, and the digest covers what is forwarded', async () => {
    const answered = await gateway.send({
      body: { ...CHAT, temperature: 0.5, tools: [{ type: 'function', function: { name: 'look', parameters: {} } }] },
      headers: { authorization: 'Bearer of-the-agent' },
    });
    expect(answered.json?.choices?.[0]?.message.content).toBe('hello');
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
  const again = { ...chatCompletion('x', [['look', '{"at":1}']]), id: 'chatcmpl-2' };
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
    expect([openai.status, openai.json?.error?.code]).toEqual([status, code]);
    expect(typeof openai.json?.error?.type).toBe('string');
    // Or both clients would send a refused request twice more.
    expect(openai.headers['x-should-retry']).toBe(String(status === 503));
    const anthropic = await gateway.send({ path: '/v1/messages', body: MESSAGE });
    expect([anthropic.status, anthropic.json?.type, anthropic.json?.error?.code]).toEqual([status, 'error', code]);
    expect(provider.requests).toHaveLength(0);
  });

  test('a hold names the approval and where to poll', async () => {
    client.behaviour = (request) => {
      const held = hold()(request) as { decision: ReturnType<typeof decisionOn> };
      const value = { approval_id: 'ap-1', poll: '/v1/approvals/ap-1' };
      return { kind: 'decision', decision: { ...held.decision, conditions: [{ type: 'require_hitl', value }] } };
    };
    const { json, headers } = await gateway.send({ body: CHAT });
    expect(json?.error?.portcullis?.['hold']).toEqual({ approval_id: 'ap-1', poll: '/v1/approvals/ap-1', asked: [{}] });
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
    // As other gateways read them: here a name is that name.
    ...[
      'GPT-4O',
      'gpt-4o ',
      ' gpt-4o',
      'gpt-4o\n',
      'openai/gpt-4o',
      'gpt-4o-2024-08-06',
      'gpt-4о',
      'ｇpt-4o',
      'gpt-4o\u200b',
    ].map((model): [string, unknown, number] => [
      `a name that is like a model: ${JSON.stringify(model)}`,
      { ...CHAT, model },
      404,
    ]),
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
    expect(answered.json?.error?.message).toEqual(expect.any(String));
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

  test('too many header fields', async () => {
    const headers = Object.fromEntries(Array.from({ length: 101 }, (_field, at) => [`x-${at}`, 'y']));
    expect((await gateway.send({ path: '/v1/chat/completions', headers, body: CHAT })).status).toBe(431);
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
    expect(json?.data?.map(({ id }) => id)).toEqual(['small', 'embedder']);
    expect(client.settled.map(({ outcome }) => outcome)).toEqual(['refused', 'refused']);
    const anthropic = await gateway.send({
      method: 'GET',
      path: '/v1/models',
      headers: { 'anthropic-version': '2023-06-01' },
    });
    expect(anthropic.json?.data).toEqual([expect.objectContaining({ type: 'model', id: 'claude-sonnet' })]);
  });

  test('has what people have to agree to', async () => {
    client.behaviour = (request) => (request.request?.model === 'gpt-4o' ? hold() : deny())(request);
    const { json } = await gateway.send({ method: 'GET', path: '/v1/models' });
    expect(json?.data).toEqual([expect.objectContaining({ id: 'gpt-4o', owned_by: 'acme-openai' })]);
  });

  test('is empty when nobody can be asked', async () => {
    client.behaviour = fail('PDP_UNAVAILABLE');
    const { json } = await gateway.send({ method: 'GET', path: '/v1/models' });
    expect(json?.data).toEqual([]);
  });
});
