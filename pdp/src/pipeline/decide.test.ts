import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { compileBundle, linkBundle } from '@portcullis/policy';
import { unpackBundle } from '@portcullis/policy/bundle';
import type { CanonicalRequest, Decision, DenyReason, IntentRisk } from '@portcullis/policy/model';
import {
  argumentsDigestHex,
  createRequestParser,
  type PeerIdentity,
  requestDigest,
  requestDigestHex,
} from '@portcullis/proto';
import { PortcullisError } from '@portcullis/runtime';
import { createTestBook } from '../fixtures/approvals.js';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createRecorder } from '../fixtures/recorders.js';
import { bundleOf, must } from '../fixtures/repository.js';
import { AGENT, GATEWAY, toolCall } from '../fixtures/requests.js';
import { createMemoryQuotaStore } from '../quota/memory.js';
import type { Attempt } from './chain.js';
import { createDecide, type DecideParts } from './decide.js';
import type { DecisionRecord, DecisionSink, RiskAssessor, Snapshot } from './ports.js';

const parseRequest = createRequestParser();
let snapshot: Snapshot;

beforeAll(async () => {
  const files = must(await unpackBundle(await bundleOf('1.0.0', ['read'])));
  const engine = linkBundle(must(compileBundle(files)));
  snapshot = { engine, releaseSeq: 7, bundleDigest: 'ab'.repeat(32), policyVersion: '1.0.0' };
});

interface Subject {
  decide(attempt: Partial<Attempt>): Promise<Decision>;
  readonly counted: string[];
  readonly defects: string[];
}

function subject(changes: Partial<DecideParts> = {}): Subject {
  const clock = createFakeClock();
  const observer = createRecorder();
  const defects: string[] = [];
  const decide = createDecide({
    snapshots: { current: () => ({ ok: true, snapshot }) },
    sources: [],
    assessor: undefined,
    followers: [],
    kills: { stops: () => undefined },
    gateways: new Map([['edge', new Set(['acme'])]]),
    parseRequest,
    sink: undefined,
    clock,
    observer,
    quotas: createMemoryQuotaStore({ clock, leaseMs: 1_000, maxAccounts: 10, maxReservations: 10 }),
    approvals: createTestBook(clock),
    newDecisionId: () => '00000000-0000-4000-8000-000000000001',
    engine: 'test',
    onDefect: (error) => defects.push(error.message),
    ...changes,
  });
  return {
    decide: (attempt) =>
      decide({
        caller: AGENT,
        subject: { ok: true, value: toolCall('read') },
        claimedDigest: undefined,
        deadline: clock.monotonic() + 50,
        ...attempt,
      }),
    counted: observer.lines,
    defects,
  };
}

function asking(request: CanonicalRequest): Partial<Attempt> {
  return { subject: { ok: true, value: request }, claimedDigest: requestDigest(request) };
}

/** A sink that keeps what it is given. */
function keeping(): DecisionSink & { readonly records: DecisionRecord[] } {
  const records: DecisionRecord[] = [];
  return { records, append: async (record) => void records.push(record) };
}

describe('a decision', () => {
  test('says what the policy says, under one release, about exactly this request', async () => {
    const { decide, counted } = subject();
    const request = toolCall('read');
    expect(await decide(asking(request))).toMatchObject({
      decision_id: '00000000-0000-4000-8000-000000000001',
      allow: true,
      effect: 'allow',
      deny: [],
      request_digest: requestDigestHex(request),
      cache: { ttl_seconds: 0, scope: '' },
      meta: { release_seq: 7, bundle_digest: 'ab'.repeat(32), policy_version: '1.0.0', arm: 'stable', cached: false },
    });
    expect(counted).toEqual(['decided allow false']);
  });

  test('is told to those who follow it, after the answer; what they do wrong changes nothing', async () => {
    const told: string[] = [];
    const fail = (what: string): never => {
      throw new Error(what);
    };
    const { decide, defects } = subject({
      followers: [
        { follows: () => fail('no idea'), decided: () => void told.push('first') },
        { follows: () => false, decided: () => void told.push('second') },
        { follows: () => true, decided: () => fail('no room') },
        { follows: () => true, decided: (_question, _request, { effect }) => void told.push(`fourth: ${effect}`) },
      ],
    });
    expect((await decide(asking(toolCall('read')))).allow).toBe(true);
    expect(told).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual(['fourth: allow']);
    expect(defects).toEqual(['no idea', 'no room']);
  });

  test('keeps the snapshot that it began with', async () => {
    let current = snapshot;
    const gate = Promise.withResolvers<void>();
    const { decide } = subject({
      snapshots: { current: () => ({ ok: true, snapshot: current }) },
      sink: { append: () => gate.promise },
    });
    const pending = decide(asking(toolCall('read')));
    current = { ...snapshot, releaseSeq: 8 };
    gate.resolve();
    expect((await pending).meta.release_seq).toBe(7);
  });
});

describe('what an operator stopped', () => {
  const reason: DenyReason = { code: 'KILL_SWITCH', message: 'stopped', path: 'agent.id' };
  const stopping = { kills: { stops: () => reason } };

  test('is denied although policy allows it, under the release in force, and recorded', async () => {
    const records: DecisionRecord[] = [];
    const sink = { append: async (record: DecisionRecord) => void records.push(record) };
    const { decide } = subject({ ...stopping, sink });
    expect(await decide(asking(toolCall('read')))).toMatchObject({
      allow: false,
      effect: 'deny',
      deny: [reason],
      cache: { ttl_seconds: 0 },
      meta: { release_seq: 7, bundle_digest: 'ab'.repeat(32) },
    });
    expect(records).toMatchObject([{ effect: 'deny', deny: ['KILL_SWITCH'], agent: 'analyst' }]);
  });

  test('is said to be stopped, also by a PDP that has no release', async () => {
    const { decide } = subject({ ...stopping, snapshots: { current: () => ({ ok: false, message: 'none' }) } });
    expect((await decide(asking(toolCall('read')))).deny).toEqual([reason]);
  });

  test('asks no source, no assessor and no engine', async () => {
    const unasked = (): never => {
      throw new Error('asked');
    };
    const { decide, defects } = subject({
      ...stopping,
      snapshots: {
        current: () => ({ ok: true, snapshot: { ...snapshot, engine: { ...snapshot.engine, evaluate: unasked } } }),
      },
      sources: [{ name: 'x', provides: [''], supplement: unasked }],
      assessor: { reads: [], assess: unasked },
    });
    expect((await decide(asking(toolCall('read')))).deny).toEqual([reason]);
    expect(defects).toEqual([]);
  });

  test('is looked for only in requests that are one', async () => {
    const { decide } = subject(stopping);
    const unread = { subject: { ok: false, problems: [] } } as const;
    expect((await decide({ ...asking(toolCall('read')), ...unread })).deny).toMatchObject([
      { code: 'REQUEST_INVALID' },
    ]);
  });

  test('that cannot be looked up is denied', async () => {
    const { decide, defects } = subject({
      kills: {
        stops: () => {
          throw new Error('broken');
        },
      },
    });
    expect((await decide(asking(toolCall('read')))).deny).toMatchObject([{ code: 'INTERNAL_ERROR' }]);
    expect(defects).toHaveLength(1);
  });
});

describe('what is not a request of this caller is denied', () => {
  const other: PeerIdentity = { kind: 'agent', trustDomain: 'portcullis.test', tenant: 'rival', agent: 'analyst' };
  const broken = toolCall('read');
  const wrongDigest = Buffer.alloc(32, 1);

  test.each<[string, Partial<Attempt>, string, string]>([
    [
      'bytes that are no request',
      { subject: { ok: false, problems: [{ code: 'X', message: 'no', path: 'tool' }] } },
      'REQUEST_INVALID',
      'tool',
    ],
    [
      'an approval that the caller brings along',
      asking({ ...broken, context: { ...broken.context, approval: { granted: ['platform/s/p'] } } }),
      'REQUEST_INVALID',
      'context.approval',
    ],
    ['no problem named', { subject: { ok: false, problems: [] } }, 'REQUEST_INVALID', ''],
    ['an unknown member', asking({ ...broken, extra: 1 } as unknown as CanonicalRequest), 'REQUEST_INVALID', 'extra'],
    [
      'another version',
      asking({ ...broken, version: '2.0' } as unknown as CanonicalRequest),
      'REQUEST_INVALID',
      'version',
    ],
    ['another tenant', asking(toolCall('read', { tenant_id: 'rival' })), 'REQUEST_INVALID', 'tenant_id'],
    ['another agent', asking(toolCall('read', { agent: { id: 'admin' } })), 'REQUEST_INVALID', 'agent.id'],
    [
      'another tenant in the context',
      asking(toolCall('read', { context: { ...broken.context, tenant_id: 'rival' } })),
      'REQUEST_INVALID',
      'context.tenant_id',
    ],
    ['a certificate of another tenant', { ...asking(broken), caller: other }, 'REQUEST_INVALID', 'tenant_id'],
    [
      'a gateway for a tenant that is not its own',
      { ...asking(toolCall('read', { tenant_id: 'rival' })), caller: GATEWAY },
      'REQUEST_INVALID',
      'tenant_id',
    ],
    [
      'a gateway that is not configured',
      { ...asking(broken), caller: { ...GATEWAY, name: 'other' } as PeerIdentity },
      'REQUEST_INVALID',
      'tenant_id',
    ],
    [
      'a PDP',
      { ...asking(broken), caller: { kind: 'pdp', trustDomain: 'portcullis.test', name: 'p' } },
      'IDENTITY_REJECTED',
      '',
    ],
    [
      'a publisher',
      { ...asking(broken), caller: { kind: 'publisher', trustDomain: 'portcullis.test', name: 'p' } },
      'IDENTITY_REJECTED',
      '',
    ],
    [
      'a digest of something else',
      { ...asking(broken), claimedDigest: wrongDigest },
      'REQUEST_INVALID',
      'request_digest',
    ],
    [
      'a digest that is too short',
      { ...asking(broken), claimedDigest: Buffer.alloc(31) },
      'REQUEST_INVALID',
      'request_digest',
    ],
  ])('%s', async (_name, attempt, code, path) => {
    const sink = keeping();
    const decision = await subject({ sink }).decide(attempt);
    expect([decision.allow, decision.effect, decision.deny.map((reason) => [reason.code, reason.path])]).toEqual([
      false,
      'deny',
      [[code, path]],
    ]);
    expect(sink.records).toHaveLength(1);
    expect(sink.records[0]).toMatchObject({ effect: 'deny', deny: [code] });
  });

  test('a gateway speaks for any agent of its tenants', async () => {
    const request = toolCall('read', { agent: { id: 'somebody' } });
    expect((await subject().decide({ ...asking(request), caller: GATEWAY })).allow).toBe(true);
  });

  test('a refusal echoes the digest that the caller claims, so that it reaches whoever asked', async () => {
    const { decide } = subject();
    const claimed = Buffer.alloc(32, 9);
    expect((await decide({ claimedDigest: claimed })).request_digest).toBe(claimed.toString('hex'));
    expect((await decide({ subject: { ok: false, problems: [] } })).request_digest).toBe('0'.repeat(64));
  });
});

describe('every failure denies', () => {
  const never = new Promise<void>(() => undefined);

  test.each<[string, Partial<DecideParts>, string]>([
    ['no bundle', { snapshots: { current: () => ({ ok: false, message: 'none' }) } }, 'NO_VALID_BUNDLE'],
    [
      'a snapshot source that throws',
      {
        snapshots: {
          current: () => {
            throw new Error('boom');
          },
        },
      },
      'INTERNAL_ERROR',
    ],
    [
      'a parser that throws',
      {
        parseRequest: () => {
          throw new RangeError('deep');
        },
      },
      'INTERNAL_ERROR',
    ],
    [
      'a sink that rejects',
      { sink: { append: () => Promise.reject(new PortcullisError('E', 'unavailable', 'disk')) } },
      'AUDIT_UNAVAILABLE',
    ],
    [
      'a sink that throws',
      {
        sink: {
          append: () => {
            throw new Error('boom');
          },
        },
      },
      'AUDIT_UNAVAILABLE',
    ],
    ['a sink that never answers', { sink: { append: () => never } }, 'PDP_TIMEOUT'],
  ])('%s', async (_name, changes, code) => {
    const { decide, counted } = subject(changes);
    const decision = await decide(asking(toolCall('read')));
    expect(decision).toMatchObject({
      allow: false,
      effect: 'deny',
      deny: [{ code }],
      conditions: [],
      obligations: [],
      matched: [],
    });
    expect(counted).toEqual(['decided deny false']);
  });

  test('an engine that throws; the defect is told', async () => {
    const engine: Snapshot['engine'] = {
      ...snapshot.engine,
      evaluate: () => {
        throw new TypeError('of undefined');
      },
    };
    const { decide, defects } = subject({
      snapshots: { current: () => ({ ok: true, snapshot: { ...snapshot, engine } }) },
    });
    expect(await decide(asking(toolCall('read')))).toMatchObject({ allow: false, deny: [{ code: 'INTERNAL_ERROR' }] });
    expect(defects).toEqual(['of undefined']);
  });

  test('a deadline that passed before it began, or during a stage', async () => {
    expect((await subject().decide({ deadline: 0 })).deny[0]?.code).toBe('PDP_TIMEOUT');
    const clock = createFakeClock();
    const slow = subject({
      clock,
      snapshots: {
        current: () => {
          clock.advance(60);
          return { ok: true, snapshot };
        },
      },
    });
    const decision = await slow.decide({ ...asking(toolCall('read')), deadline: clock.monotonic() + 50 });
    expect([decision.allow, decision.deny[0]?.code]).toEqual([false, 'PDP_TIMEOUT']);
  });
});

describe('the record', () => {
  test('is kept before the answer, and carries digests and names, never arguments', async () => {
    const sink = keeping();
    const request = toolCall('read');
    const decision = await subject({ sink }).decide(asking(request));
    expect(sink.records).toEqual([
      expect.objectContaining({
        decision_id: decision.decision_id,
        request_digest: requestDigestHex(request),
        effect: 'allow',
        deny: [],
        tenant: 'acme',
        agent: 'analyst',
        tool: { server: 'files', name: 'read', operation: 'tools/call' },
        arguments_digest: argumentsDigestHex({ path: '/secret/plan.txt' }),
        bundle_digest: snapshot.bundleDigest,
        policy_version: snapshot.policyVersion,
        release_seq: 7,
        matched: decision.matched.map(({ policy, layer, effect }) => ({ policy, layer, effect })),
        timings_us: {
          evaluation: expect.any(Number),
          normalize: expect.any(Number),
          identify: expect.any(Number),
          context: expect.any(Number),
          risk: expect.any(Number),
          adjudicate: expect.any(Number),
        },
      }),
    ]);
    expect(decision.matched.length).toBeGreaterThan(0);
    expect(JSON.stringify(sink.records)).not.toContain('secret');
  });

  const { tool: _tool, ...bare } = toolCall('read');
  const places: readonly (readonly [string, CanonicalRequest, object])[] = [
    [
      'a connection',
      {
        ...bare,
        source: 'egress_proxy',
        kind: 'egress',
        egress: { scheme: 'https', host: 'site.test', port: 443, method: 'GET', path: '/secret', bytes: 1 },
      },
      { scheme: 'https', host: 'site.test', port: 443, method: 'GET' },
    ],
    [
      'a model call',
      {
        ...bare,
        source: 'llm_proxy',
        kind: 'inference',
        request: { action: 'chat', model: 'm-1', model_provider: 'p', query: 'secret' },
      },
      { model: 'm-1', provider: 'p' },
    ],
    [
      'a message to another agent',
      {
        ...bare,
        source: 'a2a_proxy',
        kind: 'a2a',
        peer: { agent_id: 'planner', skill: 'book', url: 'https://secret' },
      },
      { peer: 'planner', skill: 'book' },
    ],
  ];

  test.each(places)(
    'of %s names what it would have reached, denied or stopped, and nothing else of it',
    async (_name, request, target) => {
      const sink = keeping();
      expect((await subject({ sink }).decide(asking(request))).effect).toBe('deny');
      const kills = { stops: (): DenyReason => ({ code: 'KILL_SWITCH', message: 'stopped', path: '' }) };
      await subject({ sink, kills }).decide(asking(request));
      expect(sink.records.map((record) => record.target)).toStrictEqual([target, target]);
      expect(JSON.stringify(sink.records)).not.toContain('secret');
    },
  );

  test('of a tool call has no other target, and no risk where nobody assesses it', async () => {
    const sink = keeping();
    await subject({ sink }).decide(asking(toolCall('read', { intent_risk: { decision: 'BLOCK' } })));
    expect(sink.records).toHaveLength(1);
    expect(sink.records[0]).not.toHaveProperty('target');
    expect(sink.records[0]).not.toHaveProperty('risk');
  });

  const readingRisk = () => ({ ...snapshot, engine: { ...snapshot.engine, factsNeeded: ['intent_risk.decision'] } });
  const judging = (assess: RiskAssessor['assess']): Partial<DecideParts> => ({
    snapshots: { current: () => ({ ok: true, snapshot: readingRisk() }) },
    assessor: { reads: [], assess },
  });

  test('says what the risk was found to be: names, each once and bounded, and never an explanation', async () => {
    const sink = keeping();
    const found = ['burst', 'burst', 'x'.repeat(1_000), ...Array.from({ length: 100 }, (_, n) => `s${n}`)];
    const risk = (): IntentRisk => ({
      decision: 'REVIEW',
      explanation: 'secret',
      behavioral_signals: found.map((signal_type) => ({ signal_type, details: { secret: 'secret' } })),
      risk_dimensions: { overall: 0.62, data_exfiltration: 1 },
    });
    await subject({ sink, ...judging(risk) }).decide(asking(toolCall('read')));
    const { signals = [], ...rest } = sink.records[0]?.risk ?? {};
    expect(rest).toStrictEqual({ decision: 'REVIEW', score: 0.62 });
    expect(signals.slice(0, 3)).toEqual(['burst', 'x'.repeat(128), 's0']);
    expect(signals).toHaveLength(32);
    expect(JSON.stringify(sink.records)).not.toContain('secret');
  });

  test('says that the risk could not be assessed', async () => {
    const sink = keeping();
    await subject({ sink, ...judging(() => Promise.reject(new Error('down'))) }).decide(asking(toolCall('read')));
    expect(sink.records[0]?.risk).toStrictEqual({ decision: 'UNKNOWN', signals: [] });
  });

  test('has no digest of arguments where there are none', async () => {
    const sink = keeping();
    const { arguments: _none, ...tool } = toolCall('read').tool ?? {};
    await subject({ sink }).decide(asking(toolCall('read', { tool })));
    await subject({ sink }).decide({ subject: { ok: false, problems: [] } });
    expect(sink.records.map((record) => 'arguments_digest' in record)).toEqual([false, false]);
  });

  test('that was kept in time counts, even if this process stalled and noticed late', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'portcullis-'));
    const file = await open(join(folder, 'records'), 'a');
    const append = (record: DecisionRecord): Promise<void> => {
      const kept = file.appendFile(JSON.stringify(record));
      // The deadline is 50 ms away; the write ends meanwhile, in a thread.
      const until = performance.now() + 120;
      while (performance.now() < until);
      return kept;
    };
    const pending = subject({ sink: { append } }).decide(asking(toolCall('read')));
    expect((await pending).deny).toEqual([]);
    await file.close();
    await rm(folder, { recursive: true });
  });
});
