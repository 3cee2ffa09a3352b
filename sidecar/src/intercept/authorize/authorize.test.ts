import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  allow,
  deny,
  type FakePolicyClient,
  fail,
  fakePolicyClient,
  hold,
  silence,
} from '../../testing/fake-policy-client.js';
import { surfaceParts } from '../../testing/proxy-harness.js';
import type { Surface } from '../surface.js';
import { startAuthorizeApi } from './compose.js';
import { authorizeConfig } from './config.js';
import { createAuthorizeExchange } from './exchange.js';

const CALL = { tool: { server: 'files', name: 'read', operation: 'tools/call', arguments: { path: '/a' } } };
const REPORT = { obligations: [{ type: 'report_result', value: { max_bytes: 1024 } }] } as const;

const running: Surface[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((api) => api.close()));
});

interface Asked {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

async function started(client: FakePolicyClient, limits: object = {}) {
  const api = await startAuthorizeApi(authorizeConfig.parse({ limits }), surfaceParts(client));
  running.push(api);
  const send = (
    path: string,
    body: unknown,
    { method = 'POST', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
  ) =>
    new Promise<Asked>((resolve, reject) => {
      const url = new URL(path, `http://${api.address}`);
      const asked = request(url, { method, headers: { 'content-type': 'application/json', ...headers } }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, json: JSON.parse(Buffer.concat(chunks).toString() || '{}') }),
        );
      });
      asked.on('error', reject);
      asked.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  return {
    ask: (body: unknown) => send('/v1/authorize', body),
    tell: (body: unknown) => send('/v1/outcomes', body),
    send,
  };
}

describe('a question', () => {
  test('that is allowed names its decision, and asked about the sidecar’s own agent', async () => {
    const client = fakePolicyClient();
    const { ask } = await started(client);
    const { status, json } = await ask({ ...CALL, session_id: 'chat-1' });
    expect(status).toBe(200);
    expect(json).toMatchObject({ decision: 'allow', decision_id: expect.stringContaining('decision-') });
    expect(client.asked).toMatchObject([
      {
        source: 'sdk',
        kind: 'tool_call',
        tenant_id: 'acme',
        agent: { id: 'agent-7' },
        ...CALL,
        context: { session_id: 'chat-1' },
      },
    ]);
  });

  test.each([
    ['is denied', deny(), 403, { decision: 'deny', code: 'POLICY_DENIED', reason_code: 'NO_DELETES' }],
    ['is held', hold(), 403, { decision: 'hold', code: 'APPROVAL_REQUIRED' }],
    ['nobody answers', silence(), 503, { decision: 'failed_closed', code: 'PDP_TIMEOUT' }],
    ['nobody can be asked', fail('PDP_UNAVAILABLE'), 503, { decision: 'failed_closed', code: 'PDP_UNAVAILABLE' }],
    [
      'asks for what cannot be carried out',
      allow({ conditions: [{ type: 'redact', value: {} }] }),
      503,
      { decision: 'failed_closed', code: 'OBLIGATION_UNSUPPORTED' },
    ],
  ] as const)('that %s is no success', async (_what, behaviour, expected, body) => {
    const { ask } = await started(fakePolicyClient(behaviour));
    const { status, json } = await ask(CALL);
    expect(status).toBe(expected);
    expect(json).toMatchObject(body);
  });

  test.each([
    ['nothing is attempted', {}, 'the question: say what is attempted'],
    ['a field is unknown', { ...CALL, tenant_id: 'other' }, 'tenant_id: unknown member'],
    ['a member is unknown', { tool: { nam: 'read' } }, 'tool.nam: unknown member'],
    ['another source is claimed', { ...CALL, source: 'mcp_proxy' }, 'source'],
    ['it is no JSON', '{"tool": {"name": "a", "name": "b"}}', 'twice'],
    ['it is a list', [CALL], 'expected object'],
  ])('is refused unasked when %s', async (_what, body, named) => {
    const client = fakePolicyClient();
    const { ask } = await started(client);
    const { status, json } = await ask(body);
    expect([status, json['code']]).toEqual([400, 'REQUEST_INVALID']);
    expect(json['message']).toContain(named);
    expect(client.asked).toEqual([]);
  });

  test.each([
    ['another host', '/v1/authorize', { headers: { host: 'evil.example' } }, 403],
    ['another origin', '/v1/authorize', { headers: { origin: 'https://evil.example' } }, 403],
    ['another path', '/v1/authorise', {}, 404],
    ['another method', '/v1/authorize', { method: 'PUT' }, 405],
    ['a form', '/v1/authorize', { headers: { 'content-type': 'text/plain' } }, 415],
  ] as const)('from %s is refused', async (_what, path, options, expected) => {
    const client = fakePolicyClient();
    const { send } = await started(client);
    expect((await send(path, CALL, options)).status).toBe(expected);
    expect(client.asked).toEqual([]);
  });

  test('that is too large is refused', async () => {
    const { ask } = await started(fakePolicyClient(), { maxBodyBytes: 1024 });
    expect((await ask({ tool: { name: 'x'.repeat(2000) } })).status).toBe(413);
  });
});

test('an allow that nobody waits for any more is settled as not carried out', async () => {
  let left = (): void => undefined;
  const gone = new Promise<void>((resolve) => {
    left = resolve;
  });
  const client = fakePolicyClient(async (asked) => {
    await gone;
    return allow()(asked);
  });
  const exchange = createAuthorizeExchange({ ...surfaceParts(client), config: authorizeConfig.parse({}) });
  const server = createServer((incoming, response) => {
    response.on('close', left);
    void exchange(incoming, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const headers = { 'content-type': 'application/json' };
  const asking = request({ port, path: '/v1/authorize', method: 'POST', headers });
  asking.on('error', () => undefined);
  asking.end(JSON.stringify(CALL));
  while (client.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
  asking.destroy();
  while (client.settled.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(client.settled).toMatchObject([{ outcome: 'refused' }]);
  server.close();
});

describe('an outcome', () => {
  test('settles its decision, once', async () => {
    const client = fakePolicyClient();
    const { ask, tell } = await started(client);
    const { json } = await ask(CALL);
    const told = { decision_id: json['decision_id'], outcome: 'upstream_failed' };
    expect((await tell(told)).status).toBe(200);
    expect(client.settled).toMatchObject([told]);
    expect((await tell(told)).status).toBe(404);
    expect(client.settled).toHaveLength(1);
  });

  test('may be told by the program’s own name, within its session', async () => {
    const client = fakePolicyClient();
    const { ask, tell } = await started(client);
    const name = { session_id: 's', correlation_id: 'call-1' };
    await ask({ ...CALL, ...name });
    expect((await tell({ ...name, session_id: 'other', outcome: 'forwarded' })).status).toBe(404);
    expect((await tell({ ...name, outcome: 'forwarded' })).status).toBe(200);
    expect(client.settled).toHaveLength(1);
  });

  test('brings the result where it must be reported, and says when nobody took it', async () => {
    const client = fakePolicyClient(allow(REPORT));
    const { ask, tell } = await started(client);
    const { json } = await ask(CALL);
    expect(json['report_result']).toEqual({ max_bytes: 1024 });
    expect(await tell({ decision_id: json['decision_id'], outcome: 'forwarded', result: { text: 'hi' } })).toEqual({
      status: 200,
      json: { recorded: true },
    });
    expect(client.reported).toMatchObject([{ result: { value: { text: 'hi' }, truncated: false } }]);

    client.taking = async () => false;
    const second = await ask(CALL);
    const untaken = await tell({ decision_id: second.json['decision_id'], outcome: 'forwarded', result: 1 });
    expect([untaken.status, untaken.json['recorded']]).toEqual([503, false]);
  });

  test('of more attempts than are kept is unknown for the oldest', async () => {
    const { ask, tell } = await started(fakePolicyClient(), { maxOpen: 1 });
    const first = await ask(CALL);
    const second = await ask(CALL);
    expect((await tell({ decision_id: first.json['decision_id'], outcome: 'forwarded' })).status).toBe(404);
    expect((await tell({ decision_id: second.json['decision_id'], outcome: 'forwarded' })).status).toBe(200);
  });

  test.each([
    ['names nothing', { outcome: 'forwarded' }],
    ['names two', { decision_id: 'a', correlation_id: 'b', outcome: 'forwarded' }],
    ['is none', { decision_id: 'a', outcome: 'allowed' }],
  ])('that %s is refused', async (_what, body) => {
    const { tell } = await started(fakePolicyClient());
    expect((await tell(body)).status).toBe(400);
  });
});
