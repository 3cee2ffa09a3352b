import { beforeAll, describe, expect, test } from '@jest/globals';
import { compileBundle, linkBundle } from '@portcullis/policy';
import { unpackBundle } from '@portcullis/policy/bundle';
import type { Decision, QuotaGuard, Verdict } from '@portcullis/policy/model';
import { parseCanonicalRequest } from '@portcullis/proto';
import { createTestBook } from '../fixtures/approvals.js';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createRecorder } from '../fixtures/recorders.js';
import { bundleOf, must } from '../fixtures/repository.js';
import { AGENT, toolCall } from '../fixtures/requests.js';
import { createMemoryQuotaStore } from '../quota/memory.js';
import type { QuotaStore, Reservation } from '../quota/port.js';
import { guardOf } from '../quota/store-contract.js';
import { createDecide, type DecideParts } from './decide.js';
import type { DecisionRecord, Snapshot } from './ports.js';

let snapshot: Snapshot;

beforeAll(async () => {
  const files = must(await unpackBundle(await bundleOf('1.0.0', ['read'])));
  const engine = linkBundle(must(compileBundle(files)));
  snapshot = { engine, releaseSeq: 7, bundleDigest: 'ab'.repeat(32), policyVersion: '1.0.0' };
});

/** A store in memory that writes down what it is asked to do. */
function keeping(changes: Partial<QuotaStore> = {}): QuotaStore & { readonly lines: string[] } {
  const store = createMemoryQuotaStore({
    clock: createFakeClock(),
    leaseMs: 1_000,
    maxAccounts: 10,
    maxReservations: 100,
  });
  const lines: string[] = [];
  return {
    ...store,
    lines,
    reserve: (claim) => {
      lines.push('reserve');
      return store.reserve(claim);
    },
    release: (key, holder) => {
      lines.push('release');
      return store.release(key, holder);
    },
    ...changes,
  };
}

interface Subject {
  decide(name?: string, id?: string, userToken?: string): Promise<Decision>;
  readonly counted: string[];
}

function subject(guards: readonly QuotaGuard[], quotas: QuotaStore, changes: Partial<DecideParts> = {}): Subject {
  const clock = createFakeClock();
  const observer = createRecorder();
  const engine: Snapshot['engine'] = {
    ...snapshot.engine,
    evaluate: (request): Verdict => ({ ...snapshot.engine.evaluate(request), guards }),
  };
  let ids = 0;
  const decide = createDecide({
    snapshots: { current: () => ({ ok: true, snapshot: { ...snapshot, engine } }) },
    sources: [],
    assessor: undefined,
    followers: [],
    kills: { stops: () => undefined },
    gateways: new Map(),
    parseRequest: parseCanonicalRequest,
    sink: undefined,
    clock,
    observer,
    quotas,
    approvals: createTestBook(clock),
    newDecisionId: () => {
      ids += 1;
      return `00000000-0000-4000-8000-00000000000${ids}`;
    },
    engine: 'test',
    onDefect: () => undefined,
    ...changes,
  });
  return {
    decide: (name = 'read', id = 'req-1', userToken?: string) =>
      decide({
        caller: AGENT,
        subject: {
          ok: true,
          value: toolCall(name, { context: { timestamp: '2026-11-21T12:00:00Z', request_id: id } }),
        },
        claimedDigest: undefined,
        userToken,
        deadline: clock.monotonic() + 50,
      }),
    counted: observer.lines,
  };
}

const codes = (decision: Decision): readonly string[] => decision.deny.map(({ code }) => code);

describe('a quota', () => {
  test('admits its limit, and its denial says which, how much and until when', async () => {
    const { decide, counted } = subject([guardOf('rate', { limit: 2, window_seconds: 60 })], keeping());
    expect([(await decide('read', 'a')).allow, (await decide('read', 'b')).allow]).toEqual([true, true]);
    const denied = await decide('read', 'c');
    expect(denied).toMatchObject({ allow: false, deny: [{ code: 'QUOTA_EXCEEDED', path: 'platform/rate' }] });
    expect(denied.deny[0]?.message).toMatch(/requests: 2 of 2 in 60 s, room again at \d{4}-/);
    expect(counted.filter((line) => line.startsWith('reserved'))).toEqual([
      'reserved granted',
      'reserved granted',
      'reserved exceeded',
    ]);
  });

  test('counts a repetition of one attempt once', async () => {
    const { decide } = subject([guardOf('rate', { limit: 1, window_seconds: 60 })], keeping());
    expect([(await decide()).allow, (await decide()).allow]).toEqual([true, true]);
    expect(codes(await decide('read', 'other'))).toEqual(['QUOTA_EXCEEDED']);
  });

  test('counts the same request of another user as another, though only a token tells them apart', async () => {
    const users = { assertedBy: new Set<string>(), verify: (token: string) => ({ id: token }) };
    const { decide } = subject([guardOf('rate', { limit: 1, window_seconds: 60 })], keeping(), { users });
    expect([(await decide('read', 'r', 'ann')).allow, (await decide('read', 'r', 'ann')).allow]).toEqual([true, true]);
    expect(codes(await decide('read', 'r', 'bob'))).toEqual(['QUOTA_EXCEEDED']);
    expect(codes(await decide('read', 'r'))).toEqual(['QUOTA_EXCEEDED']);
  });

  test('is written down with what it was asked for', async () => {
    const records: DecisionRecord[] = [];
    const sink = { append: async (record: DecisionRecord) => void records.push(record) };
    const cost = guardOf('cost', { kind: 'cost', estimate: 0.25, basis: 'content', currency: 'USD' });
    await subject([cost], keeping(), { sink }).decide();
    await subject([], keeping(), { sink }).decide();
    expect(records.map(({ quotas }) => quotas)).toEqual([
      [{ quota: 'platform/limits/cost', kind: 'cost', expected: 0.25, basis: 'content', currency: 'USD' }],
      undefined,
    ]);
  });

  test('is not asked where there is none, or where the answer is no anyway', async () => {
    const quotas = keeping();
    expect((await subject([], quotas).decide()).allow).toBe(true);
    expect((await subject([guardOf('rate')], quotas).decide('write')).allow).toBe(false);
    expect(quotas.lines).toEqual([]);
  });
});

describe('a decision that does not stand gives back what was drawn for it', () => {
  test('when it cannot be recorded', async () => {
    const quotas = keeping();
    const { decide } = subject([guardOf('rate')], quotas, {
      sink: { append: () => Promise.reject(new Error('disk')) },
    });
    expect(codes(await decide())).toEqual(['AUDIT_UNAVAILABLE']);
    expect(quotas.lines).toEqual(['reserve', 'release']);
  });

  test('when its deadline passed meanwhile', async () => {
    const answer = Promise.withResolvers<Reservation>();
    const released = Promise.withResolvers<string>();
    const quotas = keeping({
      reserve: () => answer.promise,
      release: async (_key, holder) => released.resolve(holder),
    });
    const { decide, counted } = subject([guardOf('rate')], quotas);
    expect(codes(await decide())).toEqual(['PDP_TIMEOUT']);
    expect(counted).toContain('reserved unknown');
    answer.resolve({ outcome: 'granted', readings: new Map([['platform/limits/rate', { state: 'granted' }]]) });
    expect(await released.promise).toMatch(/^[0-9a-f]{64}$/);
  });

  test('when its readings do not allow, whatever the outcome says', async () => {
    const quotas = keeping({ reserve: async () => ({ outcome: 'granted', readings: new Map() }) });
    expect(codes(await subject([guardOf('rate')], quotas).decide())).toEqual(['QUOTA_UNAVAILABLE']);
    expect(quotas.lines).toEqual(['release']);
  });
});

describe('every failure of the store denies', () => {
  const granted = new Map([['platform/limits/rate', { state: 'granted' as const }]]);

  test.each<[string, QuotaStore['reserve']]>([
    ['an unknown', async () => ({ outcome: 'unknown', cause: 'store', readings: new Map() })],
    ['an unknown that reads like a yes', async () => ({ outcome: 'unknown', cause: 'store', readings: granted })],
    ['a rejection', () => Promise.reject(new Error('boom'))],
  ])('%s', async (_name, reserve) => {
    const quotas = keeping({ reserve });
    expect(codes(await subject([guardOf('rate')], quotas).decide())).toEqual(['QUOTA_UNAVAILABLE']);
  });

  test('a throw', async () => {
    const quotas = keeping({
      reserve: () => {
        throw new Error('boom');
      },
    });
    expect(codes(await subject([guardOf('rate')], quotas).decide())).toEqual(['INTERNAL_ERROR']);
  });
});
