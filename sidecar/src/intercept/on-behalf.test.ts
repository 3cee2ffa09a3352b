/** Every surface: the token reaches the question and nothing else; what is doubtful reaches nobody. */

import { request as httpRequest } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { createBehalfReader } from '../behalf/behalf.js';
import { behalfConfig } from '../behalf/config.js';
import { userTokenOf } from '../behalf/user-token.js';
import { onLoopback, startEgress } from '../testing/egress-harness.js';
import { type FakePolicyClient, fakePolicyClient } from '../testing/fake-policy-client.js';
import { startLlmHarness } from '../testing/llm-harness.js';
import { startHarness, surfaceParts } from '../testing/proxy-harness.js';
import { type RecordingUpstream, recordingUpstream } from '../testing/recording-upstream.js';
import { startA2aProxy } from './a2a/compose.js';
import { a2aConfig } from './a2a/config.js';
import { startAuthorizeApi } from './authorize/compose.js';
import { authorizeConfig } from './authorize/config.js';

const ANNA = 'eyJh.YW5uYQ.c2ln';
const TASK = { prompt: 'read a file' };
const KEYS = { token: 'acme.example/user-token', task: 'acme.example/task' };
const behalf = createBehalfReader(
  behalfConfig.parse({
    userToken: { header: 'x-user-token', meta: KEYS.token, required: true },
    task: { env: 'TASK', header: 'x-task', meta: KEYS.task },
  }),
  { TASK: JSON.stringify(TASK) },
);
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

interface Sent {
  readonly port: number;
  readonly path: string;
  readonly body: string | undefined;
  readonly headers?: readonly string[];
}

function send({ port, path, body, headers = [] }: Sent, more: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const all = [
      ...headers,
      ...more,
      ...(body === undefined ? [] : ['content-length', String(Buffer.byteLength(body))]),
    ];
    const named = all.some((name) => name === 'host') ? all : ['host', `127.0.0.1:${port}`, ...all];
    const method = body === undefined ? 'GET' : 'POST';
    const asked = httpRequest({ host: '127.0.0.1', port, method, path, headers: named, agent: false }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

const JSON_TYPE = ['content-type', 'application/json'];
const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read', arguments: { path: '/a' } } };

type Start = (client: FakePolicyClient, upstream: RecordingUpstream) => Promise<Sent>;
const SURFACES: readonly (readonly [string, Start])[] = [
  [
    'MCP',
    async (client, upstream) => {
      const harness = await startHarness({ client, upstreamUrl: upstream.url, behalf });
      closing.push(() => harness.close());
      const headers = [
        ...JSON_TYPE,
        'accept',
        'application/json, text/event-stream',
        'mcp-protocol-version',
        '2025-11-25',
      ];
      return { port: harness.port, path: '/mcp/files', body: JSON.stringify(CALL), headers };
    },
  ],
  [
    'a model',
    async (client, upstream) => {
      const harness = await startLlmHarness({ client, url: upstream.url, behalf });
      closing.push(() => harness.close());
      const body = JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'hi' }] });
      return { port: harness.port, path: '/v1/chat/completions', body, headers: JSON_TYPE };
    },
  ],
  [
    'the list of models',
    async (client, upstream) => {
      const harness = await startLlmHarness({ client, url: upstream.url, behalf });
      closing.push(() => harness.close());
      return { port: harness.port, path: '/v1/models', body: undefined };
    },
  ],
  [
    'egress',
    async (client, upstream) => {
      const harness = await startEgress({ client, behalf, config: { specialAddresses: onLoopback(upstream.port) } });
      closing.push(() => harness.close());
      const host = `origin.example:${upstream.port}`;
      return { port: harness.port, path: `http://${host}/x`, body: undefined, headers: ['host', host] };
    },
  ],
  [
    'another agent',
    async (client, upstream) => {
      upstream.script = ({ method, body }, response) => {
        const url = `http://127.0.0.1:${upstream.port}/rpc`;
        const card = { name: 'b', supportedInterfaces: [{ url, protocolBinding: 'JSONRPC', protocolVersion: '1.0' }] };
        const { id } = JSON.parse(body || '{}') as { id?: unknown };
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(method === 'GET' ? card : { jsonrpc: '2.0', id, result: {} }));
      };
      const peers = [{ name: 'books', card: `http://127.0.0.1:${upstream.port}/card` }];
      const proxy = await startA2aProxy(a2aConfig.parse({ peers }), { ...surfaceParts(client), behalf });
      closing.push(
        () => proxy.close(),
        () => proxy.disconnect(),
      );
      const message = { messageId: 'm', role: 'ROLE_USER', parts: [{ text: 'hi' }] };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'SendMessage', params: { message } });
      return { port: Number(proxy.address.split(':').pop()), path: '/a2a/books', body, headers: JSON_TYPE };
    },
  ],
  [
    'a program',
    async (client) => {
      const api = await startAuthorizeApi(authorizeConfig.parse({}), { ...surfaceParts(client), behalf });
      closing.push(() => api.close());
      const body = JSON.stringify({ tool: { server: 'files', name: 'read' } });
      return { port: Number(api.address.split(':').pop()), path: '/v1/authorize', body, headers: JSON_TYPE };
    },
  ],
  [
    'an interceptor’s host',
    async (client) => {
      const api = await startAuthorizeApi(authorizeConfig.parse({}), { ...surfaceParts(client), behalf });
      closing.push(() => api.close());
      const params = { name: 'portcullis', event: 'tools/call', phase: 'request', payload: CALL.params };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'interceptor/invoke', params });
      return { port: Number(api.address.split(':').pop()), path: '/interceptor', body, headers: JSON_TYPE };
    },
  ],
];

describe.each(SURFACES)('%s', (name, start) => {
  async function started() {
    const client = fakePolicyClient();
    const upstream = await recordingUpstream();
    closing.push(() => upstream.close());
    return { client, upstream, to: await start(client, upstream) };
  }
  const users = (asked: readonly CanonicalRequest[]) => [...new Set(asked.map((one) => userTokenOf(one)?.secret))];

  test('asks for the user and the task that are named, and hands them to nobody else', async () => {
    const { client, upstream, to } = await started();
    // What the upstream makes of it is not the point.
    expect(await send(to, ['x-user-token', ANNA, 'x-task', '{"tools":["read"]}'])).not.toBe(400);
    expect(client.asked.length).toBeGreaterThan(0);
    expect(users(client.asked)).toEqual([ANNA]);
    for (const asked of client.asked) {
      expect(asked.context).toMatchObject({ task: TASK, attributes: { declared_scope: ['read'] } });
      expect(JSON.stringify(asked)).not.toContain(ANNA);
    }
    const received = JSON.stringify(upstream.requests).toLowerCase();
    expect(received).not.toContain(ANNA.toLowerCase());
    expect(received).not.toContain('x-task');
  });

  test.each([
    ['no user is named', []],
    ['two are', ['x-user-token', ANNA, 'x-user-token', ANNA]],
    ['what is named is none', ['x-user-token', 'anna']],
    ['the agent would declare its own task', ['x-user-token', ANNA, 'x-task', '{"prompt":"pay","tools":["pay"]}']],
  ])('is refused unasked when %s', async (_what, headers) => {
    const { client, upstream, to } = await started();
    // An interceptor answers a question that it refuses; what it says is in the body.
    const isAnswered = name.startsWith('an interceptor') && headers.length === 0;
    expect(await send(to, headers)).toBe(isAnswered ? 200 : 400);
    expect(client.asked).toEqual([]);
    expect(upstream.requests).toEqual([]);
  });
});

test('an interceptor reads both in the message that it is asked about', async () => {
  const client = fakePolicyClient();
  const api = await startAuthorizeApi(authorizeConfig.parse({}), { ...surfaceParts(client), behalf });
  closing.push(() => api.close());
  const to = { port: Number(api.address.split(':').pop()), path: '/interceptor', headers: JSON_TYPE };
  const invoke = (meta: object, more: readonly string[] = []): Promise<number> => {
    const payload = { ...CALL.params, _meta: meta };
    const params = { name: 'portcullis', event: 'tools/call', phase: 'request', payload };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'interceptor/invoke', params });
    return send({ ...to, body }, more);
  };
  await invoke({ [KEYS.token]: ANNA, [KEYS.task]: { tools: ['find'] } });
  expect(client.asked.map((asked) => userTokenOf(asked)?.secret)).toEqual([ANNA]);
  expect(client.asked[0]?.context.attributes).toEqual({ declared_scope: ['find'] });
  expect(JSON.stringify(client.asked)).not.toContain(ANNA);
  await invoke({ [KEYS.token]: ANNA }, ['x-user-token', 'eyJh.Ym9i.c2ln']);
  expect(client.asked).toHaveLength(1);
});

test('MCP takes both out of the message, and off nothing else', async () => {
  const client = fakePolicyClient();
  const upstream = await recordingUpstream();
  const harness = await startHarness({ client, upstreamUrl: upstream.url, behalf });
  closing.push(
    () => harness.close(),
    () => upstream.close(),
  );
  const meta = { [KEYS.token]: ANNA, [KEYS.task]: { tools: ['read'] }, progressToken: 7 };
  await harness.post({ ...CALL, params: { ...CALL.params, _meta: meta } });
  expect(users(client.asked)).toEqual([ANNA]);
  expect(client.asked[0]?.context.attributes).toEqual({ declared_scope: ['read'] });
  expect(JSON.parse(upstream.requests.at(-1)?.body ?? '')).toEqual({
    ...CALL,
    params: { ...CALL.params, _meta: { progressToken: 7 } },
  });
  function users(asked: readonly CanonicalRequest[]) {
    return asked.map((one) => userTokenOf(one)?.secret);
  }
});

test('MCP takes both out of an answer to the server as well', async () => {
  const ask = { jsonrpc: '2.0', id: 5, method: 'elicitation/create', params: { message: 'm' } };
  const done = { jsonrpc: '2.0', id: 1, result: { content: [] } };
  const upstream = await recordingUpstream(({ body }, response) => {
    if (!body.includes('tools/call')) return void response.writeHead(202).end();
    const events = [ask, done].map((message) => `data: ${JSON.stringify(message)}\n\n`);
    return void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(events.join(''));
  });
  const harness = await startHarness({ client: fakePolicyClient(), upstreamUrl: upstream.url, behalf });
  closing.push(
    () => harness.close(),
    () => upstream.close(),
  );
  const session = ['mcp-session-id', 's', 'x-user-token', ANNA];
  await harness.post(CALL, session);
  const meta = { [KEYS.token]: ANNA, [KEYS.task]: { tools: ['read'] } };
  const answer = (more: object) => ({ jsonrpc: '2.0', id: 5, result: { action: 'accept', ...more } });
  expect((await harness.post(answer({ _meta: { ...meta, kept: 1 } }), session)).status).toBe(202);
  await harness.post(CALL, session);
  expect((await harness.post(answer({ _meta: meta }), session)).status).toBe(202);
  const answers = upstream.requests.map(({ body }) => body).filter((body) => body.includes('accept'));
  expect(answers).toEqual([JSON.stringify(answer({ _meta: { kept: 1 } })), JSON.stringify(answer({}))]);
});
