import { afterEach, describe, expect, test } from '@jest/globals';
import { CALL, createA2aHarness, MESSAGE, STREAM } from '../../testing/a2a-harness.js';
import {
  allow,
  type Behaviour,
  deny,
  fail,
  fakePolicyClient,
  hold,
  silence,
  wrongly,
} from '../../testing/fake-policy-client.js';
import { METHOD_NAMES, methodRow } from './methods.js';

const { started, close } = createA2aHarness();
afterEach(close);

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
