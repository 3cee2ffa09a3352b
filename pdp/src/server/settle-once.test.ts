/** What is on record of reports that come more than once at a time. The rest is in settle.test.ts, over a real connection. */

import { expect, test } from '@jest/globals';
import { type PeerIdentity, toWireRefusal, toWireReuse, type Wire } from '@portcullis/proto';
import { createLogger, systemClock } from '@portcullis/runtime';
import { createRecorder } from '../fixtures/recorders.js';
import { createSettle, type ReportSink } from './settle.js';

const ID = '00000000-0000-4000-8000-000000000001';
const AT = '2026-01-01T00:00:00.000Z';

const agent = (name: string): PeerIdentity => ({ kind: 'agent', trustDomain: 'test', tenant: 'acme', agent: name });
const reuse = (by: string): Wire.Reuse =>
  toWireReuse({
    decision_id: ID,
    reuse_of: ID,
    request_digest: 'cd'.repeat(32),
    tenant_id: 'acme',
    agent_id: by,
    tool: {},
    bundle_digest: 'ab'.repeat(32),
    policy_version: '1',
    release_seq: 7,
    matched: [],
    at: AT,
  });
const REFUSAL = toWireRefusal({
  refusal_id: ID,
  source: 'mcp_proxy',
  code: 'REQUEST_INVALID',
  status: 400,
  tool: {},
  count: 1,
  at: AT,
  last_at: AT,
});

/** Reports to a PDP whose disk takes what is appended when `write` says. */
function subject() {
  const appended: Parameters<ReportSink['append']>[0][] = [];
  const disk = Promise.withResolvers<void>();
  const callers = { identity: agent('a') };
  const settle = createSettle({
    callers: { callerOf: () => ({ identity: callers.identity, isValidNow: () => true }) },
    observer: createRecorder(),
    quotas: { settle: async () => [] },
    prices: () => undefined,
    clock: systemClock,
    results: { keep: async () => 'kept' },
    gateways: new Map(),
    sink: {
      append: (record) => {
        appended.push(record);
        return disk.promise;
      },
    },
    mayReport: (caller, tenant, name) => caller.kind === 'agent' && caller.tenant === tenant && caller.agent === name,
    log: createLogger({ component: 'test', level: 'silent' }),
    maxRemembered: 100,
  });
  const report = (request: Wire.SettleRequest, by = 'a'): Promise<Wire.SettleResponse> =>
    new Promise((resolve, reject) => {
      callers.identity = agent(by);
      settle({ request } as never, (error, response) => (response ? resolve(response) : reject(error)));
    });
  return { report, appended, write: disk.resolve, fail: disk.reject };
}

test.each<[string, Wire.SettleRequest, keyof Wire.SettleResponse]>([
  ['an allow out of an answer that was kept', { reuses: [reuse('a')] }, 'reuses_recorded'],
  ['a refusal', { refusals: [REFUSAL] }, 'refusals_recorded'],
])('%s that is reported again before the first is on the disk is recorded once', async (_what, request, count) => {
  const { report, appended, write } = subject();
  const reports = [report(request), report(request)];
  write();
  const later = await report(request);
  expect([...(await Promise.all(reports)), later].map((response) => response[count])).toEqual([1, 1, 1]);
  expect(appended).toHaveLength(1);
});

test('what cannot be kept fails every report of it', async () => {
  const { report, fail } = subject();
  const reports = [report({ reuses: [reuse('a')] }), report({ reuses: [reuse('a')] })];
  fail(new Error('full'));
  expect((await Promise.allSettled(reports)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});

test('the report of one agent does not stand for that of another', async () => {
  const { report, appended, write } = subject();
  write();
  await report({ reuses: [reuse('b')] }, 'b');
  await report({ reuses: [reuse('a')] }, 'a');
  expect(appended).toMatchObject([{ agent: 'b' }, { agent: 'a' }]);
});
