import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pdpConfig } from '../config.js';
import { createTestBook, type TestBook } from '../fixtures/approvals.js';
import { createFakeClock, type FakeClock } from '../fixtures/fake-clock.js';
import { AGENT_ID, createTestHttpApp, EDGE_ID, type TestHttpApp } from '../fixtures/http-app.js';
import { pipelineParts } from '../fixtures/pipeline.js';
import { ALLOW_ALL, engineOf } from '../fixtures/policies.js';
import { createDecide } from '../pipeline/decide.js';
import { createSealer } from '../session/sealer.js';

const EVALUATION = '/access/v1/evaluation';
const REQUESTS = '/access/v1/requests';
const is = (value: string): object => ({ field: 'tool.name', operator: 'equals', value });
const ENGINE = engineOf([
  { name: 'Pay', when: is('pay'), effect: { type: 'require_approval', role: 'admin' }, priority: 90 },
  { name: 'Never', when: is('never'), effect: 'deny', priority: 90 },
  ALLOW_ALL,
]);
const pay = {
  subject: { type: 'agent', id: 'analyst' },
  action: { name: 'tools/call', properties: { amount: 10 } },
  resource: { type: 'tool', id: 'pay', properties: { server: 'bank' } },
  context: { environment: 'prod', supported_obligations: ['redact'] },
};

interface Answer {
  readonly decision: boolean;
  readonly context: {
    readonly reason?: string;
    readonly next_action?: string;
    readonly access_request?: {
      readonly endpoint: string;
      readonly expires_at: string;
      readonly binding_token: string;
    };
  };
}

let http: TestHttpApp;
let book: TestBook;
let clock: FakeClock;

beforeEach(() => {
  clock = createFakeClock(Date.parse('2026-11-21T12:00:00Z'));
  book = createTestBook(clock);
  http = createTestHttpApp(undefined, {
    clock,
    pipeline: createDecide({ ...pipelineParts(ENGINE, clock), approvals: book }),
    accessRequests: { sealer: createSealer(new Uint8Array(32), 'test'), waiting: book.store },
  });
});
afterEach(() => http.app.close());

async function evaluate(body: object = pay): Promise<Answer> {
  return (await http.post(EVALUATION, body)).json();
}

/** What a client sends of a denial that can be requested. */
async function submission(changes: object = {}): Promise<Record<string, unknown>> {
  const { context } = await evaluate();
  const { binding_token: token, expires_at: expires } = context.access_request ?? {};
  return { ...pay, denial: { binding_token: token, expires_at: expires, reason: context.reason }, ...changes };
}

async function refused(body: object, headers: Record<string, string> = {}): Promise<unknown[]> {
  const answer = await http.post(REQUESTS, body, headers);
  const { type } = answer.json<{ type: string }>();
  return [answer.statusCode, type.replace('urn:openid:authzen:access-request:error:', '')];
}

async function agree(id: string): Promise<void> {
  const vote = { person: 'ann', says: 'approve', holds: ['platform/s/pay'], comment: '' } as const;
  expect((await book.store.vote('acme', id, vote)).outcome).toBe('counted');
}

describe('a denial that can be requested', () => {
  test('says where, until when, and what to bring back', async () => {
    const { decision, context } = await evaluate();
    expect(decision).toBe(false);
    expect(context).toMatchObject({
      reason: 'approval_required',
      evaluated_at: '2026-11-21T12:00:00.000Z',
      access_request: { endpoint: 'https://pdp.test/access/v1/requests', expires_at: '2026-11-21T13:00:00.000Z' },
    });
    expect(context.access_request?.binding_token).not.toContain('a-1');
  });

  test('is no other, and no allow', async () => {
    for (const id of ['never', 'read']) {
      const { context } = await evaluate({ ...pay, resource: { type: 'tool', id } });
      expect(Object.keys(context)).not.toContain('access_request');
    }
  });

  test('is one in a batch, too', async () => {
    const answer = await http.post('/access/v1/evaluations', {
      ...pay,
      evaluations: [{}, { resource: { type: 'tool', id: 'read' } }],
    });
    const { evaluations } = answer.json<{ evaluations: readonly Answer[] }>();
    expect(evaluations.map(({ context }) => context.access_request === undefined)).toEqual([false, true]);
  });

  test('is announced where it can be resolved, and only there', async () => {
    const metadata = await http.app.inject({ url: '/.well-known/authzen-configuration' });
    expect(metadata.json()).toMatchObject({
      access_request_endpoint: 'https://pdp.test/access/v1/requests',
      capabilities: ['urn:openid:authzen:capability:access-request'],
    });
    const without = createTestHttpApp();
    const bare = await without.app.inject({ url: '/.well-known/authzen-configuration' });
    expect(bare.json()).not.toHaveProperty('capabilities');
    expect((await without.post(REQUESTS, pay)).statusCode).toBe(404);
    await without.app.close();
  });
});

describe('an access request', () => {
  test('is a task to poll; what is approved is evaluated again, and allowed once', async () => {
    const filed = await http.post(REQUESTS, await submission());
    const { task } = filed.json<{ task: { id: string; status_endpoint: string } }>();
    expect([filed.statusCode, filed.headers['location']]).toEqual([202, task.status_endpoint]);
    expect(task).toEqual({
      id: task.id,
      status: 'pending',
      status_endpoint: `https://pdp.test/access/v1/requests/${task.id}`,
      expires_at: '2026-11-21T13:00:00.000Z',
    });
    const poll = (as = AGENT_ID) => http.app.inject({ url: `${REQUESTS}/${task.id}`, headers: { 'x-peer': as } });
    expect((await poll()).json()).toEqual({ task });
    await agree(task.id);
    const approval = { id: task.id, approved_until: '2026-11-21T13:00:00.000Z' };
    for (const as of [AGENT_ID, EDGE_ID]) {
      expect((await poll(as)).json()).toEqual({
        task: { ...task, status: 'approved' },
        result: { mode: 'reevaluate', approval },
      });
    }
    const again = { ...pay, context: { ...pay.context, approval } };
    expect(await evaluate({ ...again, resource: { ...pay.resource, id: 'never' } })).toMatchObject({
      decision: false,
      context: { next_action: 'none' },
    });
    expect((await evaluate(again)).decision).toBe(true);
    const spent = await evaluate(again);
    expect([spent.decision, spent.context.next_action, spent.context.access_request === undefined]).toEqual([
      false,
      'request',
      false,
    ]);
  });

  test('that is answered before it is filed says so at once', async () => {
    const body = await submission();
    await agree('a-1');
    const filed = await http.post(REQUESTS, body);
    expect([filed.statusCode, filed.json().task.status]).toEqual([201, 'approved']);
  });

  test('a reference to what people agreed to for another request is ignored', async () => {
    const other = { ...pay, action: { ...pay.action, properties: { amount: 9_999 } } };
    await evaluate();
    await agree('a-1');
    const { decision } = await evaluate({ ...other, context: { ...pay.context, approval: { id: 'a-1' } } });
    expect(decision).toBe(false);
  });

  test.each<[string, (body: Record<string, unknown>) => object, unknown[]]>([
    [
      'another resource',
      (body) => ({ ...body, resource: { type: 'tool', id: 'never' } }),
      [400, 'invalid_denial_binding'],
    ],
    ['other arguments', (body) => ({ ...body, action: { name: 'tools/call' } }), [400, 'invalid_denial_binding']],
    ['another environment', (body) => ({ ...body, context: { environment: 'dev' } }), [400, 'invalid_denial_binding']],
    [
      'another expiry',
      (body) => ({ ...body, denial: { ...(body['denial'] as object), expires_at: '2027-01-01T00:00:00Z' } }),
      [400, 'invalid_denial_binding'],
    ],
    [
      'a token of its own',
      (body) => ({ ...body, denial: { ...(body['denial'] as object), binding_token: 'x' } }),
      [400, 'invalid_denial_binding'],
    ],
    [
      'no token',
      (body) => ({ ...body, denial: { expires_at: '2026-11-21T13:00:00.000Z' } }),
      [400, 'invalid_denial_binding'],
    ],
    ['no denial', ({ denial: _denial, ...body }) => body, [400, 'about:blank']],
    ['several items', (body) => ({ ...body, items: [] }), [400, 'about:blank']],
    ['a callback', (body) => ({ ...body, callback: {} }), [400, 'about:blank']],
  ])('with %s is refused', async (_name, changed, expected) => {
    const body = await submission();
    expect(await refused(changed(body))).toEqual([
      expected[0],
      expect.stringContaining(String(expected[1]).replace('about:blank', '')),
    ]);
  });

  test('may say more than the denial knew', async () => {
    const body = await submission({
      context: { ...pay.context, business_justification: 'why not' },
      requested_access: {},
    });
    expect((await http.post(REQUESTS, body)).statusCode).toBe(202);
  });

  test('is nobody else’s', async () => {
    const body = await submission();
    const stranger = 'spiffe://portcullis.test/tenant/acme/agent/other';
    expect(await refused(body, { 'x-peer': stranger })).toEqual([404, 'unknown_task']);
    const poll = await http.app.inject({ url: `${REQUESTS}/a-1`, headers: { 'x-peer': stranger } });
    expect(poll.statusCode).toBe(404);
    expect((await http.post(REQUESTS, body, { 'x-peer': '' })).statusCode).toBe(401);
  });

  test('comes too late once its denial has expired', async () => {
    const body = await submission();
    clock.advance(3_600_001);
    expect(await refused(body)).toEqual([410, 'expired_denial']);
    const poll = await http.app.inject({ url: `${REQUESTS}/a-1`, headers: { 'x-peer': AGENT_ID } });
    expect([poll.statusCode, poll.json().type]).toEqual([410, 'urn:openid:authzen:access-request:error:task_expired']);
  });

  test('is the same under the same key, and another one is a mistake', async () => {
    const body = await submission();
    const key = { 'idempotency-key': 'k-1' };
    const ids = [await http.post(REQUESTS, body, key), await http.post(REQUESTS, body, key)].map(
      (one) => one.json().task.id,
    );
    expect(new Set(ids).size).toBe(1);
    expect(await refused({ ...body, requested_access: { more: 1 } }, key)).toEqual([409, 'duplicate_request']);
    expect((await http.post(REQUESTS, { ...body, x: 1 }, { ...key, 'x-peer': EDGE_ID })).statusCode).toBe(202);
  });
});

test('the configuration needs somebody who could approve', () => {
  const base = {
    node: 'pdp-1',
    trustDomain: 'portcullis.test',
    env: 'dev',
    channel: 'stable',
    tls: { certFile: 'c', keyFile: 'k', caFile: 'a' },
    admin: {},
    log: {},
    dataDir: 'd',
    bundles: { rootFile: 'r', sources: [{ type: 'http', url: 'https://d.test' }] },
    http: { accessRequests: true },
  };
  const issues = pdpConfig.safeParse(base).error?.issues.map(({ path }) => path.join('.'));
  expect(issues).toEqual(['http.accessRequests']);
  const certificates = [{ tenant: 'acme', name: 'vera', person: 'vera', roles: ['admin'] }];
  expect(pdpConfig.safeParse({ ...base, approvals: { certificates } }).success).toBe(true);
});
