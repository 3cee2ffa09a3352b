import { describe, expect, test } from '@jest/globals';
import { type Engine, linkBundle } from '@portcullis/policy';
import type { CanonicalRequest, Decision } from '@portcullis/policy/model';
import { parseCanonicalRequest } from '@portcullis/proto';
import { createEpochs } from '../epochs/epochs.js';
import { createTestBook } from '../fixtures/approvals.js';
import { bundleOfRules, type RuleSketch } from '../fixtures/compiled-bundle.js';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createRecorder } from '../fixtures/recorders.js';
import { AGENT, toolCall } from '../fixtures/requests.js';
import { createDecide } from '../pipeline/decide.js';
import type { ContextSource, DecisionRecord, Snapshot } from '../pipeline/ports.js';
import { createMemoryQuotaStore } from '../quota/memory.js';
import { createDecisionCache } from './decision-cache.js';

const READ: RuleSketch = { effect: 'allow', field: 'tool.name', is: 'read' };

interface Subject {
  ask(request: CanonicalRequest): Promise<Decision>;
  publish(engine: Engine): void;
  readonly clock: ReturnType<typeof createFakeClock>;
  readonly epochs: ReturnType<typeof createEpochs>;
  readonly counted: string[];
  readonly records: DecisionRecord[];
}

function subject(
  rules: readonly RuleSketch[],
  { ttl = 10, sources = [], maxTtl = 30 }: { ttl?: number; sources?: readonly ContextSource[]; maxTtl?: number } = {},
): Subject {
  const clock = createFakeClock();
  const counted: string[] = [];
  const records: DecisionRecord[] = [];
  const listeners = new Set<() => void>();
  let snapshot: Snapshot;
  let seq = 0;
  const epochs = createEpochs({ state: () => ({ releaseSeq: seq }), onChange: (l) => () => listeners.delete(l) });
  const publish = (engine: Engine): void => {
    seq += 1;
    snapshot = { engine, releaseSeq: seq, bundleDigest: 'ab'.repeat(32), policyVersion: '1.0.0' };
  };
  publish(linkBundle(bundleOfRules(rules, ttl)));
  let id = 0;
  const decide = createDecide({
    snapshots: { current: () => ({ ok: true, snapshot }) },
    sources,
    assessor: undefined,
    followers: [],
    kills: { stops: () => undefined },
    approvals: createTestBook(clock),
    gateways: new Map(),
    parseRequest: parseCanonicalRequest,
    sink: { append: async (record) => void records.push(record) },
    clock,
    observer: createRecorder(),
    quotas: createMemoryQuotaStore({ clock, leaseMs: 1_000, maxAccounts: 10, maxReservations: 10 }),
    newDecisionId: () => {
      id += 1;
      return `d-${id}`;
    },
    engine: 'test',
    onDefect: (error) => counted.push(`defect ${error.message}`),
    memory: createDecisionCache({
      limits: { maxEntries: 100, maxBytes: 100_000 },
      maxTtlSeconds: maxTtl,
      epochs,
      sources,
      assessesRisk: false,
      clock,
      observer: {
        looked: (found) => counted.push(found ? 'hit' : 'miss'),
        unkept: (reason) => counted.push(`unkept ${reason}`),
      },
    }),
  });
  return {
    ask: (request) =>
      decide({
        caller: AGENT,
        subject: { ok: true, value: request },
        claimedDigest: undefined,
        deadline: clock.monotonic() + 50,
      }),
    publish,
    clock,
    epochs,
    counted,
    records,
  };
}

const call = (path: string, requestId = 'r'): CanonicalRequest => {
  const request = toolCall('read');
  return {
    ...request,
    tool: { ...request.tool, arguments: { path } },
    context: { ...request.context, request_id: requestId },
  };
};

describe('a decision that was kept', () => {
  test('serves a request that reads the same: fresh id, its own digest, its own record', async () => {
    const { ask, records, counted } = subject([READ]);
    const first = await ask(call('/a'));
    const second = await ask(call('/b'));
    expect(first).toMatchObject({ meta: { cached: false }, cache: { ttl_seconds: 10 } });
    expect(second).toMatchObject({ effect: 'allow', meta: { cached: true }, cache: first.cache });
    expect(second.decision_id).not.toBe(first.decision_id);
    expect(second.request_digest).not.toBe(first.request_digest);
    expect(records.map((record) => [record.decision_id, record.request_digest])).toEqual([
      [first.decision_id, first.request_digest],
      [second.decision_id, second.request_digest],
    ]);
    expect(second.matched).toEqual(first.matched);
    expect(counted).toEqual(['miss', 'hit']);
  });

  test('serves nothing else', async () => {
    const { ask } = subject([READ, { effect: 'deny', field: 'tool.arguments.path', is: '/secret', before: true }]);
    expect((await ask(call('/a'))).effect).toBe('allow');
    expect((await ask(call('/secret'))).effect).toBe('deny');
    expect((await ask(call('/a'))).meta.cached).toBe(true);
  });

  test('can be kept by the caller for what is left of its time, and no longer', async () => {
    const { ask, clock } = subject([READ]);
    await ask(call('/a'));
    clock.advance(7_500);
    expect((await ask(call('/b'))).cache.ttl_seconds).toBe(2);
    clock.advance(2_000);
    expect((await ask(call('/b'))).cache).toEqual({ ttl_seconds: 0, scope: '' });
    clock.advance(500);
    expect((await ask(call('/b'))).meta.cached).toBe(false);
  });

  test.each(['trust', 'labels', 'kill'] as const)('is gone when %s moves', async (counter) => {
    const { ask, epochs } = subject([READ]);
    await ask(call('/a'));
    epochs.advance(counter);
    expect((await ask(call('/a'))).meta.cached).toBe(false);
    expect((await ask(call('/a'))).meta.cached).toBe(true);
  });

  test('is gone with its release', async () => {
    const { ask, publish } = subject([READ]);
    await ask(call('/a'));
    publish(linkBundle(bundleOfRules([{ ...READ, effect: 'deny' }], 10)));
    expect(await ask(call('/a'))).toMatchObject({ effect: 'deny', meta: { cached: false } });
  });

  test('is not kept when something moved while it was made', async () => {
    const gate = Promise.withResolvers<void>();
    let asked = 0;
    const source: ContextSource = {
      name: 'registry',
      provides: ['agent.trust_level'],
      steady: { by: ['agent.id'] },
      supplement: async () => {
        asked += 1;
        if (asked === 1) await gate.promise;
        return { agent: { trust_level: 5 } };
      },
    };
    const rule: RuleSketch = { effect: 'allow', field: 'agent.trust_level', is: 5 };
    const { ask, epochs, counted } = subject([rule], { sources: [source] });
    const pending = ask(call('/a'));
    epochs.advance('trust');
    gate.resolve();
    expect((await pending).cache).toEqual({ ttl_seconds: 0, scope: '' });
    expect((await ask(call('/a'))).meta.cached).toBe(false);
    expect((await ask(call('/a'))).meta.cached).toBe(true);
    expect(counted).toEqual(['miss', 'unkept moved', 'miss', 'hit']);
    expect(asked).toBe(2);
  });
});

test('a bundle that says nothing of it keeps nothing, and is not even looked up', async () => {
  const { ask, counted } = subject([READ], { ttl: 0 });
  await ask(call('/a'));
  expect(await ask(call('/a'))).toMatchObject({ meta: { cached: false }, cache: { ttl_seconds: 0, scope: '' } });
  expect(counted).toEqual([]);
});

test('the profile has the last word on how long', async () => {
  const { ask } = subject([READ], { ttl: 30, maxTtl: 5 });
  expect((await ask(call('/a'))).cache.ttl_seconds).toBe(5);
});
