import { type IncomingHttpHeaders, request, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  allow,
  type Behaviour,
  deny,
  type FakePolicyClient,
  fail,
  fakePolicyClient,
  hold,
  silence,
  wrongly,
} from '../../testing/fake-policy-client.js';
import { surfaceParts } from '../../testing/proxy-harness.js';
import { type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';
import type { Surface } from '../surface.js';
import { startA2aProxy } from './compose.js';
import { a2aConfig } from './config.js';
import { METHOD_NAMES, methodRow } from './methods.js';

const running: (Surface | RecordingUpstream)[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.close()));
});

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
  readonly json: {
    readonly id?: unknown;
    readonly result?: unknown;
    readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
  };
}

const MESSAGE = { messageId: 'm1', role: 'user', parts: [{ kind: 'text', text: 'hi' }] };
const CALL = { jsonrpc: '2.0', id: 1, method: 'message/send', params: { message: MESSAGE } };
const STREAM = { ...CALL, method: 'message/stream' };

/** A peer that speaks both generations by hand; what it answers is up to the test. */
async function started(
  options: {
    policy?: FakePolicyClient;
    answer?: (response: ServerResponse, body: string) => void;
    /** As it is, or made once the port of the peer is known. */
    card?: object | string | ((port: number) => object);
    peer?: object;
    limits?: object;
    depth?: number;
  } = {},
) {
  const policy = options.policy ?? fakePolicyClient();
  const upstream = await recordingUpstream((recorded, response) => {
    if (recorded.method === 'GET') {
      const card = options.card ?? {
        name: 'books',
        supportedInterfaces: [
          {
            url: `http://127.0.0.1:${upstream.port}/v1`,
            protocolBinding: 'JSONRPC',
            protocolVersion: '1.0',
            tenant: 't',
          },
        ],
        url: `http://127.0.0.1:${upstream.port}/old`,
        protocolVersion: '0.3.0',
        skills: [{ id: 'report', name: 'Report', security: [{ oauth: [] }] }],
      };
      response.writeHead(200, { 'content-type': 'application/json' });
      if (typeof card === 'string') response.end(card);
      else
        response.end(
          JSON.stringify(typeof card === 'function' ? (card as (port: number) => object)(upstream.port) : card),
        );
      return;
    }
    if (options.answer !== undefined) return options.answer(response, recorded.body);
    const { id, params } = JSON.parse(recorded.body) as { id: unknown; params: unknown };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: { echo: params ?? null } }));
  });
  const parts = surfaceParts(policy);
  const card = `http://127.0.0.1:${upstream.port}/.well-known/agent-card.json`;
  const proxy = await startA2aProxy(
    a2aConfig.parse({
      peers: [{ name: 'books', card, ...options.peer }],
      limits: options.limits ?? {},
      maxDelegationDepth: options.depth ?? 4,
    }),
    { ...parts, env: { KEY: 'peer-key' } },
  );
  running.push(proxy, upstream);
  const port = Number(proxy.address.split(':').pop());
  const send = (
    body: unknown,
    { method = 'POST', path = '/a2a/books', headers = [] as readonly string[], host = `127.0.0.1:${port}` } = {},
  ) =>
    new Promise<Answered>((resolve, reject) => {
      const text =
        body === undefined
          ? undefined
          : typeof body === 'string' || Buffer.isBuffer(body)
            ? body
            : JSON.stringify(body);
      const all = [
        'host',
        host,
        ...(headers.some((name) => name.toLowerCase() === 'content-type') || text === undefined
          ? []
          : ['content-type', 'application/json']),
        ...(text === undefined ? [] : ['content-length', String(Buffer.byteLength(text))]),
        ...headers,
      ];
      const asked = request({ host: '127.0.0.1', port, method, path, headers: all, agent: false }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const got = Buffer.concat(chunks).toString();
          const isJson = answer.headers['content-type'] === 'application/json';
          resolve({
            status: answer.statusCode ?? 0,
            text: got,
            headers: answer.headers,
            json: isJson ? JSON.parse(got) : {},
          });
        });
      });
      asked.on('error', reject);
      asked.end(text);
    });
  const posts = () => upstream.requests.filter(({ method }) => method === 'POST');
  return { policy, upstream, proxy, parts, send, posts, port };
}

describe('every method', () => {
  const params = { message: MESSAGE, id: 't1', taskId: 't1' };

  test.each(METHOD_NAMES)('%s is asked about and goes to the endpoint of its version', async (method) => {
    const { policy, send, posts } = await started();
    const row = methodRow(method);
    const { json } = await send({ jsonrpc: '2.0', id: 'x', method, params });
    expect(json.error).toBeUndefined();
    expect(policy.asked[0]).toMatchObject({
      source: 'a2a_proxy',
      kind: 'a2a',
      peer: { agent_id: 'books', skill: 'report' },
      tool: {
        server: 'books',
        operation: method,
        arguments: params,
        attributes: { protocol_version: row?.generation },
      },
    });
    expect(posts()).toMatchObject([
      {
        url: row?.generation === '1.0' ? '/v1' : '/old',
        body: JSON.stringify({ jsonrpc: '2.0', id: 'x', method, params }),
        headers: { 'a2a-version': row?.generation },
      },
    ]);
  });

  test.each(['tasks/destroy', 'tools/call', 'SendMessages', 'sendmessage', 'toString', 'MESSAGE/SEND'])(
    '%s is none, and refused unasked',
    async (method) => {
      const { policy, send, posts } = await started();
      const { json } = await send({ ...CALL, method });
      expect(json.error).toMatchObject({ code: -32601 });
      expect([policy.asked, posts()]).toEqual([[], []]);
    },
  );
});

describe('the HTTP+JSON binding', () => {
  const configs = '/a2a/books/tasks/t1/pushNotificationConfigs';

  test('answers with the status of its endpoints, and asks what JSON-RPC would', async () => {
    const { send, policy, posts } = await started();
    const created = await send({ url: 'https://hook.example' }, { path: configs });
    expect([created.status, JSON.parse(created.text)]).toEqual([
      201,
      { echo: { url: 'https://hook.example', taskId: 't1' } },
    ]);
    const deleted = await send(undefined, { method: 'DELETE', path: `/a2a/books/acme${configs.slice(10)}/c1` });
    expect([deleted.status, deleted.text]).toEqual([204, '']);
    expect(policy.asked.map(({ tool }) => [tool?.operation, tool?.arguments])).toEqual([
      ['CreateTaskPushNotificationConfig', { url: 'https://hook.example', taskId: 't1' }],
      ['DeleteTaskPushNotificationConfig', { tenant: 'acme', taskId: 't1', id: 'c1' }],
    ]);
    expect(posts().map(({ url, body }) => [url, JSON.parse(body).jsonrpc])).toEqual([
      ['/v1', '2.0'],
      ['/v1', '2.0'],
    ]);
  });

  test.each<[string, Behaviour, number, string]>([
    ['denied', deny(), 403, 'PERMISSION_DENIED'],
    ['held', hold(), 403, 'PERMISSION_DENIED'],
    ['undecided', fail('PDP_UNAVAILABLE'), 503, 'UNAVAILABLE'],
  ])('says what is %s as its errors are', async (_what, behaviour, status, name) => {
    const { send, posts } = await started({ policy: fakePolicyClient(behaviour) });
    const answered = await send({ message: MESSAGE }, { path: '/a2a/books/message:stream' });
    expect([answered.status, posts()]).toEqual([status, []]);
    expect(answered.json.error).toMatchObject({ code: status, status: name, details: [{}, {}] });
  });

  test('tells in a stream that the peer failed', async () => {
    const { send } = await started({
      answer(response) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const result = { artifactUpdate: { taskId: 't' } };
        response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result })}\n\n`);
        response.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id: 2, result })}\n\n`);
      },
    });
    const { text } = await send({ message: MESSAGE }, { path: '/a2a/books/message:stream' });
    const [first, second] = text.trim().split('\n\n');
    expect(first).toBe('data: {"artifactUpdate":{"taskId":"t"}}');
    expect(second).toMatch(/^event: error\ndata: \{"error":\{"code":502,"status":"UNAVAILABLE"/);
  });
});

describe('a decision that orders redaction', () => {
  const CARD = '4111 1111 1111 1111';
  const masked = '**** **** **** 1111';
  const conditions = [{ type: 'redact', value: { method: 'mask' } }] as const;
  const saying = (text: string) => ({ ...CALL, params: { message: { ...MESSAGE, parts: [{ kind: 'text', text }] } } });

  test('is carried out on what is sent, on answers, and on errors', async () => {
    const { send, posts } = await started({
      policy: fakePolicyClient(allow({ conditions })),
      answer(response, body) {
        const { id, params } = JSON.parse(body) as { id: number; params: typeof CALL.params };
        const [part] = params.message.parts;
        const isBroken = part?.text === 'break';
        const result = { kind: 'message', messageId: 'm', parts: [{ kind: 'text', text: `charged ${CARD}` }] };
        const said = isBroken ? { error: { code: -32000, message: `no ${CARD}` } } : { result };
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ jsonrpc: '2.0', id, ...said }));
      },
    });
    const answered = await send(saying(`use ${CARD}`));
    expect(posts().at(-1)?.body).toContain(`use ${masked}`);
    expect(answered.json.result).toMatchObject({ parts: [{ text: `charged ${masked}` }] });
    expect((await send(saying('break'))).json.error?.message).toBe(`no ${masked}`);
  });

  test.each([
    ['as they come', undefined],
    ['and the session hears of what is left', [{ type: 'report_result', value: { max_bytes: 4096 } }]],
  ] as const)('is carried out on streams, %s', async (_what, obligations) => {
    const pieces = ['charged 4111', ' 1111 1111', ' 1111 today'];
    const policy = fakePolicyClient(allow({ conditions, ...(obligations === undefined ? {} : { obligations }) }));
    const { send } = await started({
      policy,
      answer(response) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (const text of pieces) {
          const artifact = { artifactId: 'a', parts: [{ kind: 'text', text }] };
          const result = { kind: 'artifact-update', taskId: 't', contextId: 'c', artifact, append: true };
          response.write(`: note\nid: 7\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result })}\n\n`);
        }
        response.end();
      },
    });
    const { text } = await send(STREAM);
    const events = text.split('\n').filter((line) => line.startsWith('data: '));
    const said = events.map((line) => JSON.parse(line.slice(6)).result.artifact.parts[0].text);
    expect(said.join('')).toBe(`charged ${masked} today`);
    expect(text.split('\n').filter((line) => line === 'id: 7')).toHaveLength(3);
    if (obligations !== undefined) expect(JSON.stringify(policy.reported)).not.toContain('1111 1111');
    expect(policy.reported).toHaveLength(obligations === undefined ? 0 : 1);
  });

  test('ends a stream that cannot be redacted', async () => {
    const { send, policy } = await started({
      policy: fakePolicyClient(allow({ conditions })),
      answer(response) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (const text of ['4111 1111 ', '1111 1111']) {
          const artifact = { artifactId: 'a', parts: [{ kind: 'text', text }] };
          const result = {
            kind: 'artifact-update',
            taskId: 't',
            contextId: 'c',
            artifact,
            append: true,
            lastChunk: true,
          };
          response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result })}\n\n`);
        }
        response.end();
      },
    });
    const { text } = await send(STREAM);
    expect(text).toContain('could not be redacted');
    expect(text).not.toContain('1111 1111"');
    expect(policy.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
  });
});

describe('a refusal', () => {
  test.each<[string, Behaviour, number, string]>([
    ['denied', deny(), -31403, 'POLICY_DENIED'],
    ['held', hold(), -31428, 'APPROVAL_REQUIRED'],
    ['unanswered', silence(), -31503, 'PDP_TIMEOUT'],
    ['nobody to ask', fail('PDP_UNAVAILABLE'), -31503, 'PDP_UNAVAILABLE'],
    ['about another request', wrongly({ request_digest: '0'.repeat(64) }), -31503, 'PDP_REPLY_INVALID'],
    [
      'of both minds',
      wrongly({ deny: [{ code: 'POLICY_DENIED', message: '', path: '' }] }),
      -31503,
      'PDP_REPLY_INVALID',
    ],
    [
      'with a redaction that is not understood',
      allow({ conditions: [{ type: 'redact', value: { ner: true } }] }),
      -31503,
      'OBLIGATION_UNSUPPORTED',
    ],
  ])('%s is a JSON-RPC error in the shape of its version', async (_what, behaviour, code, name) => {
    const { send, posts } = await started({ policy: fakePolicyClient(behaviour) });
    const old = await send(CALL);
    expect([old.status, old.json.id, old.json.error]).toMatchObject([200, 1, { code, data: { code: name } }]);
    const v1 = await send({ ...CALL, method: 'SendMessage' });
    expect(v1.json.error).toMatchObject({
      code,
      data: [
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: name, domain: 'portcullis' },
        { '@type': 'type.googleapis.com/google.protobuf.Struct', value: { code: name } },
      ],
    });
    expect(posts()).toEqual([]);
  });
});

describe('hostile requests are refused unasked', () => {
  const text = JSON.stringify(CALL);
  const withMessage = (message: object) => ({ ...CALL, params: { message } });
  test.each<[string, unknown]>([
    ['no JSON', '{'],
    ['nothing', ''],
    ['a byte order mark', `\ufeff${text}`],
    ['broken UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
    ['a batch', [CALL]],
    ['an empty batch', []],
    ['a notification', { ...CALL, id: undefined }],
    ['a null id', { ...CALL, id: null }],
    ['a fractional id', { ...CALL, id: 1.5 }],
    ['an answer', { jsonrpc: '2.0', id: 1, result: {} }],
    ['a key twice', text.replace('"id":1', '"id":1,"id":2')],
    ['a key twice, escaped', text.replace('"text":"hi"', '"text":"hi","te\\u0078t":"no"')],
    ['a prototype key', text.replace('"role"', '"__proto__"')],
    ['another member', { ...CALL, extra: 1 }],
    ['parameters as a list', { ...CALL, params: [MESSAGE] }],
    ['no message', { ...CALL, params: {} }],
    ['a message without parts', withMessage({ messageId: 'm' })],
    ['no parts', withMessage({ ...MESSAGE, parts: [] })],
    ['a snake case name', withMessage({ ...MESSAGE, task_id: 't1' })],
    ['another case', withMessage({ ...MESSAGE, Parts: [] })],
    ['another case in a part', withMessage({ ...MESSAGE, parts: [{ Text: 'hi' }] })],
    ['long s', withMessage({ ...MESSAGE, part\u017f: [] })],
    ['a task without id', { ...CALL, method: 'tasks/get', params: {} }],
    ['a task whose id is a number', { ...CALL, method: 'GetTask', params: { id: 7 } }],
    ['too deep', text.replace('"hi"', `${'['.repeat(80)}${']'.repeat(80)}`)],
    ['too large', { ...CALL, params: { message: { ...MESSAGE, parts: [{ text: 'x'.repeat(5000) }] } } }],
  ])('%s', async (_what, body) => {
    const { policy, send, posts } = await started({ limits: { maxBodyBytes: 4096 } });
    const { json } = await send(body);
    expect(json.error?.code).toBeLessThan(0);
    expect([policy.asked, posts()]).toEqual([[], []]);
  });

  test.each<[string, Parameters<Awaited<ReturnType<typeof started>>['send']>[1], number]>([
    ['another host', { host: 'evil.example' }, 403],
    ['another origin', { headers: ['origin', 'https://evil.example'] }, 403],
    ['an unknown peer', { path: '/a2a/other' }, 404],
    ['no peer', { path: '/a2a/' }, 404],
    ['a path that climbs', { path: '/a2a/books/../other' }, 404],
    ['an escaped path', { path: '/a2a/b%6Foks' }, 404],
    ['a query', { path: '/a2a/books?x' }, 404],
    ['JSON-RPC at an endpoint of the other binding', { path: '/a2a/books/message:send' }, 400],
    ['an endpoint of no binding', { path: '/a2a/books/message:shout' }, 404],
    ['a verb of no binding', { method: 'PUT', path: '/a2a/books/message:send' }, 405],
    ['a body where there is none', { method: 'DELETE', path: '/a2a/books/tasks/t/pushNotificationConfigs/c' }, 400],
    ['a compressed body', { path: '/a2a/books/message:send', headers: ['content-encoding', 'gzip'] }, 415],
    ['gRPC', { headers: ['content-type', 'application/grpc'] }, 415],
    ['a form', { headers: ['content-type', 'text/plain'] }, 415],
    ['a compressed body', { headers: ['content-encoding', 'gzip'] }, 415],
    ['GET', { method: 'GET' }, 405],
    ['PUT', { method: 'PUT' }, 405],
    ['a second content type', { headers: ['content-type', 'application/json', 'content-type', 'text/plain'] }, 400],
    ['a second version', { headers: ['a2a-version', '0.3', 'a2a-version', '1.0'] }, 400],
    ['an upgrade', { headers: ['upgrade', 'h2c', 'connection', 'upgrade'] }, 400],
    [
      'too many fields',
      { headers: Array.from({ length: 240 }, (_field, at) => (at % 2 === 0 ? `x-${at}` : 'y')) },
      431,
    ],
  ])('%s', async (_what, options, status) => {
    const { policy, send, upstream } = await started();
    expect((await send(CALL, options)).status).toBe(status);
    expect([policy.asked, upstream.requests]).toEqual([[], []]);
  });

  test('a version that the method is not of', async () => {
    const { policy, send } = await started();
    const { json } = await send(CALL, { headers: ['a2a-version', '1.0'] });
    expect(json.error?.message).toContain('a2a-version must be 0.3');
    expect(policy.asked).toEqual([]);
  });
});

describe('what goes upstream', () => {
  test('are our credentials, and none of the agent’s', async () => {
    const { send, posts } = await started({
      peer: { headers: { authorization: { env: 'KEY' } }, decisionHeaders: true },
    });
    await send(CALL, {
      headers: [
        ...['authorization', 'Bearer agent-secret', 'cookie', 'session=agent-secret', 'x-api-key', 'agent-secret'],
        ...[
          'a2a-extensions',
          'https://example.com/ext',
          'traceparent',
          '00-aa-bb-01',
          'portcullis-decision-id',
          'forged',
        ],
      ],
    });
    const [sent] = posts();
    expect(JSON.stringify(sent)).not.toMatch(/agent-secret|forged/);
    expect(sent?.headers).toMatchObject({
      authorization: 'peer-key',
      'a2a-extensions': 'https://example.com/ext',
      traceparent: '00-aa-bb-01',
      'portcullis-decision-id': expect.stringContaining('decision-'),
    });
  });

  test('extensions change what is asked for, so they are part of the question', async () => {
    const { send, policy } = await started();
    await send(CALL, { headers: ['a2a-extensions', 'https://example.com/ext'] });
    expect(policy.asked[0]?.tool?.attributes).toMatchObject({ extensions: 'https://example.com/ext' });
  });
});

describe('the chain of delegation', () => {
  const LINK = { agent: 'acme/planner', decision_id: 'd-1' };
  const chain = (...links: object[]) => JSON.stringify({ version: 1, chain: links });

  test('is read, told to policies, and handed on with this agent and its decision', async () => {
    const { send, policy, posts } = await started();
    await send(CALL, { headers: ['portcullis-delegation', chain(LINK)] });
    expect(policy.asked[0]?.context.delegation).toEqual({
      depth: 1,
      agents: ['acme/planner'],
      chain: [LINK],
      asserted_by: 'agent',
    });
    const sent = JSON.parse(String(posts()[0]?.headers['portcullis-delegation'])) as unknown;
    expect(sent).toEqual({
      version: 1,
      chain: [LINK, { agent: 'acme/agent-7', decision_id: expect.stringContaining('decision-') }],
    });
  });

  test('is not told to a peer that is not to know it', async () => {
    const { send, posts } = await started({ peer: { delegationHeader: false } });
    await send(CALL, { headers: ['portcullis-delegation', chain(LINK)] });
    expect(posts()[0]?.headers).not.toHaveProperty('portcullis-delegation');
  });

  test.each([
    ['goes round in a circle', chain({ agent: 'acme/agent-7', decision_id: 'd' })],
    ['is too long', chain(LINK, LINK, LINK)],
    ['is no JSON', 'acme/planner'],
    ['is of another version', '{"version":2,"chain":[]}'],
    ['has another member', '{"version":1,"chain":[],"depth":0}'],
    ['has a key twice', '{"version":1,"chain":[],"chain":[]}'],
    ['names no agent', chain({ agent: 'planner', decision_id: 'd' })],
    ['names no decision', chain({ agent: 'acme/planner' })],
  ])('that %s is refused unasked', async (_what, header) => {
    const { send, policy, posts } = await started({ depth: 2 });
    const { json } = await send(CALL, { headers: ['portcullis-delegation', header] });
    expect(json.error?.message).toContain('portcullis-delegation');
    expect([policy.asked, posts()]).toEqual([[], []]);
  });
});

describe('a card', () => {
  const at = (url: string) => ({
    name: 'n',
    supportedInterfaces: [{ url, protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
  });
  test.each<[string, object | string]>([
    ['is no JSON', '<html>'],
    ['has a key twice', '{"name":"a","name":"b"}'],
    ['is a list', '[]'],
    ['is too large', { name: 'x'.repeat(5000) }],
    ['leads to another host', at('http://evil.example/rpc')],
    ['leads to another port', at('http://127.0.0.1:1/rpc')],
    ['speaks gRPC only', { supportedInterfaces: [{ url: 'x', protocolBinding: 'GRPC', protocolVersion: '1.0' }] }],
    ['speaks another version', { url: 'http://127.0.0.1/', protocolVersion: '0.2.6' }],
    ['has a skill twice', { ...at('http://127.0.0.1/'), skills: [{ id: 'a' }, { id: 'a' }] }],
    ['has a skill without id', { ...at('http://127.0.0.1/'), skills: [{ name: 'a' }] }],
  ])('that %s does not count, and nothing is sent', async (_what, card) => {
    const { send, policy, posts } = await started({ card, limits: { maxCardBytes: 1024 } });
    const { json } = await send(CALL);
    expect(json.error).toMatchObject({ code: -31503, data: { code: 'IDENTITY_REJECTED' } });
    expect([policy.asked, posts()]).toEqual([[], []]);
    expect((await send(undefined, { method: 'GET', path: '/a2a/books/.well-known/agent-card.json' })).status).toBe(502);
  });

  test('of both generations leads to the sidecar in both', async () => {
    const { send, port, upstream } = await started();
    const { json, text } = await send(undefined, { method: 'GET', path: '/a2a/books/.well-known/agent.json' });
    const url = `http://127.0.0.1:${port}/a2a/books`;
    expect(json).toMatchObject({
      url,
      preferredTransport: 'JSONRPC',
      supportedInterfaces: [
        { url, protocolBinding: 'JSONRPC', protocolVersion: '1.0', tenant: 't' },
        { url, protocolBinding: 'JSONRPC', protocolVersion: '0.3' },
        { url, protocolBinding: 'HTTP+JSON', protocolVersion: '1.0', tenant: 't' },
      ],
      skills: [{ id: 'report', name: 'Report' }],
    });
    expect(text).not.toMatch(new RegExp(`${upstream.port}|oauth`));
  });

  test.each([
    [256, 200],
    [257, 503],
  ])('with %i skills is answered with %i: each costs a question', async (count, status) => {
    const skills = Array.from({ length: count }, (_skill, index) => ({ id: `s${index}` }));
    const { send, policy } = await started({ card: (port) => ({ ...at(`http://127.0.0.1:${port}/`), skills }) });
    const answered = await send(undefined, { method: 'GET', path: '/a2a/books/.well-known/agent-card.json' });
    expect(answered.status).toBe(status);
    expect(policy.asked.length).toBe(status === 200 ? count + 1 : 1);
  });

  test('is not shown when it may not be seen', async () => {
    const { send, upstream } = await started({ policy: fakePolicyClient(deny()) });
    const answered = await send(undefined, { method: 'GET', path: '/a2a/books/.well-known/agent-card.json' });
    expect([answered.status, upstream.requests]).toEqual([403, []]);
  });
});

describe('an answer', () => {
  const answering =
    (body: string, type = 'application/json', status = 200) =>
    (response: ServerResponse) =>
      void response.writeHead(status, { 'content-type': type }).end(body);
  const GOOD = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { kind: 'task', id: 't' } });

  test('passes byte for byte', async () => {
    const odd = ' { "result" : {"n":1.0e2} , "id":1,\n"jsonrpc":"2.0"}';
    const { send } = await started({ answer: answering(odd) });
    expect((await send(CALL)).text).toBe(odd);
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ['to another request', answering(GOOD.replace('"id":1', '"id":2'))],
    ['that is an error to another request', answering('{"jsonrpc":"2.0","id":2,"error":{"code":1,"message":"m"}}')],
    ['that is an error of no shape', answering('{"jsonrpc":"2.0","id":1,"error":{"message":"m"}}')],
    ['with a result that HTTP calls a failure', answering(GOOD, 'application/json', 500)],
    ['with a key twice', answering(GOOD.replace('"id":1', '"id":1,"id":1'))],
    ['that is neither', answering('{"jsonrpc":"2.0","id":1}')],
    ['with another member', answering(GOOD.replace('"id":1', '"id":1,"x":1'))],
    ['that is no JSON', answering('hello')],
    ['that is HTML', answering('<p>', 'text/html')],
    ['that redirects', (response) => void response.writeHead(307, { location: 'http://evil.example/' }).end()],
    ['that asks for credentials', (response) => void response.writeHead(401, { 'www-authenticate': 'Basic' }).end()],
    [
      'that is compressed',
      (response) =>
        void response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end('x'),
    ],
    ['that streams where nothing is to be streamed', answering(`data: ${GOOD}\n\n`, 'text/event-stream')],
    ['that is too large', answering(JSON.stringify({ jsonrpc: '2.0', id: 1, result: 'x'.repeat(9000) }))],
    ['that breaks off', (response) => void response.destroy()],
  ])('%s is not delivered', async (_what, answer) => {
    const { send, policy } = await started({ answer, limits: { maxResponseBytes: 4096 } });
    const { json, headers } = await send(CALL);
    expect(json).toMatchObject({ id: 1, error: { code: -31502 } });
    expect(headers).not.toHaveProperty('www-authenticate');
    expect(policy.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
  });

  test('that is an error passes as one', async () => {
    const error = '{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"Task not found"}}';
    const { send, policy } = await started({ answer: answering(error) });
    expect((await send(CALL)).text).toBe(error);
    expect(policy.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
  });

  test.each([
    ['reported', true],
    ['not taken', false],
  ])('that has to be reported is %s before the agent gets it', async (_what, isTaken) => {
    const policy = fakePolicyClient(allow({ obligations: [{ type: 'report_result', value: { max_bytes: 1024 } }] }));
    policy.taking = async () => isTaken;
    const { send } = await started({ policy, answer: answering(GOOD) });
    expect((await send(CALL)).text === GOOD).toBe(isTaken);
    expect(policy.reported).toMatchObject([{ result: { value: { kind: 'task', id: 't' } } }]);
  });
});

describe('a stream', () => {
  const event = (result: unknown, id: unknown = 1): string =>
    `data: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`;
  const streaming =
    (...events: string[]) =>
    (response: ServerResponse) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const one of events) response.write(one);
      response.end();
    };

  test('passes event by event, as it comes', async () => {
    let sent: ServerResponse | undefined;
    const { port, policy } = await started({
      answer: (response) => {
        sent = response;
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`: hello\n\nid: 7\n${event({ kind: 'task', id: 't' })}`);
      },
    });
    const got = await fetch(`http://127.0.0.1:${port}/a2a/books`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(STREAM),
    });
    const reader = (got.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('"t"')) text += (await reader.read()).value ?? '';
    expect(policy.settled).toEqual([]);
    sent?.end(event({ kind: 'status-update', taskId: 't' }));
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    expect(text).toBe(
      `: hello\n\nid: 7\n${event({ kind: 'task', id: 't' })}${event({ kind: 'status-update', taskId: 't' })}`,
    );
    expect(policy.settled).toMatchObject([{ outcome: 'forwarded' }]);
  });

  test.each<[string, string[]]>([
    ['another request', [event({}, 2)]],
    ['no JSON', ['data: {\n\n']],
    ['a key twice', ['data: {"jsonrpc":"2.0","id":1,"id":1,"result":{}}\n\n']],
    ['another type', [`event: endpoint\n${event('http://evil.example')}`]],
    ['half an event', ['data: {"jsonrpc"']],
    ['nothing', []],
    ['an event that is too large', [event('x'.repeat(9000))]],
  ])('is ended by %s', async (_what, events) => {
    const { send, policy } = await started({ answer: streaming(...events), limits: { maxEventBytes: 4096 } });
    const { text } = await send(STREAM);
    expect(text).toContain('-31502');
    expect(text).not.toContain('evil.example');
    expect(policy.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
  });

  test.each([
    ['reported', true],
    ['not taken', false],
  ])('that has to be reported is held until it is %s', async (_what, isTaken) => {
    const policy = fakePolicyClient(allow({ obligations: [{ type: 'report_result', value: { max_bytes: 1024 } }] }));
    policy.taking = async () => isTaken;
    const { send } = await started({ policy, answer: streaming(event({ n: 1 }), event({ n: 2 })) });
    const { text } = await send(STREAM);
    expect(text === event({ n: 1 }) + event({ n: 2 })).toBe(isTaken);
    expect(text.includes('"n"')).toBe(isTaken);
    expect(policy.reported).toMatchObject([{ result: { value: [{ n: 1 }, { n: 2 }] } }]);
  });

  test('is cut off by the kill switch', async () => {
    let closed: () => void = () => undefined;
    const left = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const { port, policy, parts } = await started({
      answer: (response) => {
        response.on('close', closed);
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write(event({ n: 1 }));
      },
    });
    const got = await fetch(`http://127.0.0.1:${port}/a2a/books`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(STREAM),
    });
    const reader = (got.body ?? new ReadableStream()).getReader();
    await reader.read();
    policy.behaviour = deny({ code: 'KILL_SWITCH' });
    parts.open.killEpoch('pdp', 1);
    await expect(reader.read()).rejects.toThrow();
    await left;
  });
});

test('an agent that leaves ends what it asked for', async () => {
  let closed: () => void = () => undefined;
  const left = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const { port } = await started({
    answer: (response) => {
      response.on('close', closed);
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    },
  });
  const abort = new AbortController();
  await fetch(`http://127.0.0.1:${port}/a2a/books`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(STREAM),
    signal: abort.signal,
  });
  abort.abort();
  await expect(left).resolves.toBeUndefined();
});
