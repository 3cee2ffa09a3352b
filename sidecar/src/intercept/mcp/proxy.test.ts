import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { requestDigestHex } from '@portcullis/proto';
import type { AskFailureCode } from '../../ask/port.js';
import { RPC_CODE } from '../../enforce/refuse.js';
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
import { type Harness, startHarness } from '../../testing/proxy-harness.js';
import { type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';

const CALL = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'read_file', arguments: { path: '/tmp/a' } },
};

let upstream: RecordingUpstream;
let harness: Harness;
const client = fakePolicyClient();

beforeEach(async () => {
  client.behaviour = allow();
  client.asked.length = 0;
  client.settled.length = 0;
  upstream = await recordingUpstream();
  harness = await startHarness({ client, upstreamUrl: upstream.url });
});
afterEach(async () => {
  await harness.close();
  await upstream.close();
});

describe('an allowed call', () => {
  test('reaches the upstream as the re-serialisation of what was decided, and its answer comes back', async () => {
    const answer = await harness.post(
      '{ "jsonrpc":"2.0", "id":"a", "method":"tools/call",\n"params":{"name":"read_file","arguments":{"path":"\\u002ftmp"}}}',
    );
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      jsonrpc: '2.0',
      id: 'a',
      result: { resultType: 'complete', echo: { name: 'read_file', arguments: { path: '/tmp' } } },
    });
    expect(upstream.requests.map(({ body }) => body)).toEqual([
      '{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"read_file","arguments":{"path":"/tmp"}}}',
    ]);
  });

  test('was asked about with identity, server, tool and arguments, and is settled', async () => {
    await harness.post(CALL, ['mcp-session-id', 's-1']);
    expect(client.asked).toHaveLength(1);
    const [asked] = client.asked;
    expect(asked).toMatchObject({
      version: '1.0',
      tenant_id: 'acme',
      source: 'mcp_proxy',
      kind: 'tool_call',
      agent: { id: 'agent-7' },
      tool: {
        server: 'files',
        name: 'read_file',
        operation: 'tools/call',
        arguments: { path: '/tmp/a' },
        attributes: { direction: 'client_to_server' },
      },
      context: { environment: 'dev', session_id: 's-1' },
    });
    expect(client.settled).toMatchObject([
      { outcome: 'forwarded', request_digest: asked === undefined ? '' : requestDigestHex(asked) },
    ]);
  });
});

const FAILURES: readonly AskFailureCode[] = [
  'PDP_UNAVAILABLE',
  'PDP_TIMEOUT',
  'PDP_BREAKER_OPEN',
  'PDP_REPLY_INVALID',
  'REQUEST_INVALID',
  'IDENTITY_REJECTED',
  'NO_VALID_BUNDLE',
  'AUDIT_UNAVAILABLE',
  'SHUTTING_DOWN',
  'INTERNAL_ERROR',
];

describe('no upstream bytes without an allow', () => {
  const rows: readonly { name: string; behaviour: Behaviour; code: string; rpc: number }[] = [
    { name: 'deny', behaviour: deny(), code: 'POLICY_DENIED', rpc: RPC_CODE.denied },
    { name: 'hold', behaviour: hold(), code: 'APPROVAL_REQUIRED', rpc: RPC_CODE.held },
    { name: 'silence', behaviour: silence(), code: 'PDP_TIMEOUT', rpc: RPC_CODE.failedClosed },
    {
      name: 'a client that throws',
      behaviour: () => {
        throw new Error('defect');
      },
      code: 'INTERNAL_ERROR',
      rpc: RPC_CODE.internalError,
    },
    {
      name: 'a digest of another request',
      behaviour: wrongly({ request_digest: 'f'.repeat(64) }),
      code: 'PDP_REPLY_INVALID',
      rpc: RPC_CODE.failedClosed,
    },
    {
      name: 'allow without the effect',
      behaviour: wrongly({ effect: 'deny' }),
      code: 'PDP_REPLY_INVALID',
      rpc: RPC_CODE.failedClosed,
    },
    {
      name: 'the effect without allow',
      behaviour: wrongly({ allow: false }),
      code: 'PDP_REPLY_INVALID',
      rpc: RPC_CODE.failedClosed,
    },
    {
      name: 'no decision id',
      behaviour: wrongly({ decision_id: '' }),
      code: 'PDP_REPLY_INVALID',
      rpc: RPC_CODE.failedClosed,
    },
    {
      name: 'an allow that names a denial',
      behaviour: wrongly({ deny: [{ code: 'POLICY_DENIED', message: 'x', path: 'y' }] }),
      code: 'PDP_REPLY_INVALID',
      rpc: RPC_CODE.failedClosed,
    },
    {
      name: 'a condition we cannot carry out',
      behaviour: allow({ conditions: [{ type: 'time_window', value: {} }] }),
      code: 'OBLIGATION_UNSUPPORTED',
      rpc: RPC_CODE.failedClosed,
    },
    {
      name: 'an audit level that is none',
      behaviour: allow({ conditions: [{ type: 'audit_level', value: 3 }] }),
      code: 'OBLIGATION_UNSUPPORTED',
      rpc: RPC_CODE.failedClosed,
    },
    {
      name: 'any obligation',
      behaviour: allow({ obligations: [{ type: 'log', value: null }] }),
      code: 'OBLIGATION_UNSUPPORTED',
      rpc: RPC_CODE.failedClosed,
    },
  ];
  test.each(rows)('$name', async ({ behaviour, code, rpc }) => {
    client.behaviour = behaviour;
    const answer = await harness.post(CALL);
    expect(upstream.requests).toEqual([]);
    expect(answer.status).toBe(200);
    expect(answer.json.id).toBe(1);
    expect(answer.json.error).toMatchObject({ code: rpc, data: { code } });
    expect(answer.json.error?.message).toContain(code);
  });

  test.each(FAILURES)('failure %s', async (code) => {
    client.behaviour = fail(code);
    const answer = await harness.post(CALL);
    expect(upstream.requests).toEqual([]);
    expect(answer.status).toBe(200);
    expect(answer.json.error?.data).toMatchObject({ code });
    // What is wrong with the question is the agent's to know; what is wrong with us is for the log.
    expect(answer.text.includes('made to fail')).toBe(code === 'REQUEST_INVALID');
  });

  test('a denial carries reason code, message, path and decision id', async () => {
    client.behaviour = deny();
    const answer = await harness.post(CALL);
    expect(answer.json.error).toEqual({
      code: RPC_CODE.denied,
      message: expect.stringMatching(
        /^deleting is not allowed here \(POLICY_DENIED, NO_DELETES, decision decision-\d+\)$/,
      ),
      data: {
        code: 'POLICY_DENIED',
        message: 'deleting is not allowed here',
        outcome: 'denied',
        reason_code: 'NO_DELETES',
        decision_id: expect.stringMatching(/^decision-\d+$/),
        path: 'tenant/no-deletes',
      },
    });
  });

  test('a refused allow is settled as refused; failing closed is counted and logged', async () => {
    client.behaviour = allow({ obligations: [{ type: 'x', value: null }] });
    await harness.post(CALL);
    expect(client.settled).toMatchObject([{ outcome: 'refused' }]);
    const metrics = await harness.registry.metrics();
    expect(metrics).toContain('portcullis_sidecar_failed_closed_total{reason="OBLIGATION_UNSUPPORTED"} 1');
    expect(metrics).toContain('portcullis_sidecar_attempts_total{source="mcp_proxy",outcome="failed_closed"} 1');
    expect(harness.logged.join('')).toContain('Attempt failed closed');
  });

  test('audit_level is carried out', async () => {
    client.behaviour = allow({ conditions: [{ type: 'audit_level', value: 'full' }] });
    expect((await harness.post(CALL)).json.result).toBeDefined();
  });
});

describe('notifications', () => {
  const NOTE = { jsonrpc: '2.0', method: 'notifications/initialized' };
  test('an allowed one is 202 without a body', async () => {
    const answer = await harness.post(NOTE);
    expect({ status: answer.status, text: answer.text }).toEqual({ status: 202, text: '' });
    expect(client.asked).toMatchObject([{ kind: 'session', tool: { operation: 'notifications/initialized' } }]);
  });

  test.each([
    ['denied', deny(), 403],
    ['undecided', fail('PDP_UNAVAILABLE'), 503],
    ['held', hold(), 403],
  ] as const)('a %s one is refused by status and not sent', async (_name, behaviour, status) => {
    client.behaviour = behaviour;
    const answer = await harness.post(NOTE);
    expect(answer.status).toBe(status);
    expect(Object.keys(answer.json)).toEqual(['jsonrpc', 'error']);
    expect(upstream.requests).toEqual([]);
  });
});

test('over all of this, what went upstream was allowed, digest by digest', async () => {
  const behaviours = [allow(), deny(), fail('PDP_TIMEOUT'), wrongly({ request_digest: '0'.repeat(64) }), hold()];
  let turn = 0;
  client.behaviour = (request) => (behaviours[turn++ % behaviours.length] ?? deny())(request);
  client.allowed.clear();
  await Promise.all(Array.from({ length: 50 }, (_, id) => harness.post({ ...CALL, id })));
  expect(upstream.requests).toHaveLength(10);
  const forwarded = client.settled.filter(({ outcome }) => outcome === 'forwarded');
  expect(forwarded).toHaveLength(10);
  for (const { request_digest } of forwarded) expect(client.allowed.has(request_digest)).toBe(true);
});
