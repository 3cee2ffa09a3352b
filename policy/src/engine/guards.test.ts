import { describe, expect, test } from '@jest/globals';
import type { Condition, QuotaGuard, Verdict } from '../model/decision.js';
import type { CanonicalRequest } from '../model/request.js';
import { applyReadings, type GuardReading, guardFields, guardOf } from './guards.js';
import type { GuardIr, SetIr } from './ir.js';
import { rule } from './rule-sketch.js';

const REQUEST: CanonicalRequest = {
  version: '1.0',
  tenant_id: 'acme',
  source: 'sdk',
  agent: { id: 'a' },
  user: { id: 'u', team: 't' },
  tool: { name: 'read', server: 'files' },
  request: { model: 'm', max_tokens: 100 },
  egress: { bytes: 7 },
  context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r', environment: 'prod', workspace_id: 'w' },
};
const BARE: CanonicalRequest = {
  version: '1.0',
  tenant_id: 'acme',
  source: 'sdk',
  agent: { id: 'a' },
  context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r' },
};
const SET: SetIr = { name: 's', layer: 'tenant', combining: 'priority', priorityOrder: 'desc', rules: [] };

function guard(changes: Partial<GuardIr>, request = REQUEST): QuotaGuard {
  const base: GuardIr = { kind: 'requests', limit: 5, windowSeconds: 60, per: ['tenant'] };
  const hold = { id: 'tenant/s/g', condition: undefined, granted: false };
  return guardOf({ ...rule('deny@1').ir, id: 'g', guard: { ...base, ...changes } }, SET, request, hold);
}

describe('guardOf', () => {
  test('qualifies what is unique inside a tenant only', () => {
    const per = ['agent', 'user', 'team', 'workspace', 'environment', 'tenant', 'model', 'tool'] as const;
    expect(guard({ per }).account.map(([, value]) => value)).toEqual([
      'acme/a',
      'acme/u',
      'acme/t',
      'acme/w',
      'prod',
      'acme',
      'm',
      'acme/files/read',
    ]);
    expect(guard({ per }, BARE).account.map(([, value]) => value)).toEqual([
      'acme/a',
      null,
      null,
      null,
      null,
      'acme',
      null,
      null,
    ]);
  });

  test.each([
    ['requests', 1, 1],
    ['concurrent', 1, 1],
    ['tokens', 100, null],
    ['bytes', 7, null],
    ['cost', null, null],
  ] as const)('expects of %s %p, and of a bare request %p', (kind, full, bare) => {
    expect([guard({ kind }).estimate, guard({ kind }, BARE).estimate]).toEqual([full, bare]);
  });

  test('prefers an estimate over the most that was asked for', () => {
    const request = { ...REQUEST, request: { estimated_tokens: 30, max_tokens: 100 } };
    expect(guard({ kind: 'tokens' }, request).estimate).toBe(30);
  });
});

function verdict(...guards: QuotaGuard[]): Verdict {
  const redact = { type: 'redact', value: {} } as const;
  return { effect: 'allow', deny: [], conditions: [redact], obligations: [], matched: [], errors: [], guards };
}

const HELD: QuotaGuard = {
  ...guard({}),
  id: 'tenant/s/h',
  outcome: 'hold',
  hold: { type: 'require_hitl', value: { hold: 'tenant/s/h' } },
};
const used: GuardReading = { state: 'exceeded', used: 5, frees_at: '2026-01-01T00:00:30Z' };

describe('a guard', () => {
  const SAID = { code: 'SLOW', message: 'slow down' };
  const hold = { type: 'require_hitl', value: { hold: 'tenant/s/g' } } as const;
  const of = (sketch: string, changes: Partial<GuardIr>, terms: { condition?: Condition; granted?: boolean } = {}) => {
    const base: GuardIr = { kind: 'requests', limit: 5, per: ['tenant'] };
    const asked = { id: 'tenant/s/g', condition: terms.condition, granted: terms.granted === true };
    const { ir } = rule(sketch);
    const effect = sketch === 'deny~@1' ? ({ type: 'deny' } as const) : { ...ir.effect, ...SAID };
    const named = { ...ir, id: 'g', name: 'Few', effect, guard: { ...base, ...changes } };
    return guardOf(named, SET, BARE, asked);
  };

  test('says all that its policy says', () => {
    expect(of('deny@1', { windowSeconds: 60, burst: 9, warnAt: [0.5] })).toStrictEqual({
      id: 'tenant/s/g',
      layer: 'tenant',
      policy: 'g',
      kind: 'requests',
      limit: 5,
      window_seconds: 60,
      burst: 9,
      warn_at: [0.5],
      account: [['tenant', 'acme']],
      estimate: 1,
      basis: 'stated',
      outcome: 'deny',
      deny: { code: 'QUOTA_EXCEEDED', message: 'slow down', path: 'tenant/g', reason_code: 'SLOW' },
    });
  });

  test('says nothing that its policy does not say', () => {
    expect(of('deny~@1', { kind: 'concurrent' })).toStrictEqual({
      id: 'tenant/s/g',
      layer: 'tenant',
      policy: 'g',
      kind: 'concurrent',
      limit: 5,
      account: [['tenant', 'acme']],
      estimate: 1,
      basis: 'stated',
      outcome: 'deny',
      deny: { code: 'QUOTA_EXCEEDED', message: 'the quota of the policy "Few" is used up', path: 'tenant/g' },
    });
  });

  test.each([
    ['deny@1', {}, 'deny', undefined],
    ['require_hitl@1', { condition: hold }, 'hold', hold],
    ['require_hitl@1', { condition: hold, granted: true }, 'log_only', hold],
    ['log_only@1', {}, 'log_only', undefined],
  ] as const)('of %s with %p: %s', (sketch, terms, outcome, asks) => {
    const found = of(sketch, {}, terms);
    expect([found.outcome, found.hold]).toEqual([outcome, asks]);
  });

  test('whose use has no bound denies, whatever its account says, unless it is only noted', () => {
    const unpriced = { ...of('deny@1', { kind: 'cost' }), unknown: 'no price' };
    const reading = new Map([[unpriced.id, { state: 'granted' as const }]]);
    const allow = { effect: 'allow', deny: [], conditions: [], obligations: [], matched: [], errors: [] } as const;
    expect(applyReadings({ ...allow, guards: [unpriced] }, reading)).toMatchObject({
      effect: 'deny',
      deny: [{ code: 'QUOTA_UNAVAILABLE', message: 'no price', path: 'tenant/g' }],
    });
    const noted = { ...unpriced, outcome: 'log_only' as const };
    expect(applyReadings({ ...allow, guards: [noted] }, reading).effect).toBe('allow');
  });

  test('of a tool without a server', () => {
    expect(guard({ per: ['tool'] }, { ...BARE, tool: { name: 'read' } }).account).toEqual([['tool', 'acme//read']]);
  });
});

describe('applyReadings', () => {
  test.each<[string, QuotaGuard, GuardReading | undefined, string, string]>([
    ['granted', guard({}), { state: 'granted' }, 'allow', ''],
    ['exceeded', guard({}), used, 'deny', 'QUOTA_EXCEEDED'],
    ['unknown', guard({}), { state: 'unknown' }, 'deny', 'QUOTA_UNAVAILABLE'],
    ['never read', guard({}), undefined, 'deny', 'QUOTA_UNAVAILABLE'],
    ['exceeded, held', HELD, used, 'hold', 'APPROVAL_REQUIRED'],
    ['unknown, held', HELD, { state: 'unknown' }, 'deny', 'QUOTA_UNAVAILABLE'],
    ['exceeded, only noted', { ...guard({}), outcome: 'log_only' }, used, 'allow', ''],
    ['unknown, only noted', { ...guard({}), outcome: 'log_only' }, undefined, 'allow', ''],
  ])('%s', (_name, one, reading, effect, codes) => {
    const readings = new Map(reading === undefined ? [] : [[one.id, reading] as const]);
    const after = applyReadings(verdict(one), readings);
    expect([after.effect, after.deny.map(({ code }) => code).join(' ')]).toEqual([effect, codes]);
  });

  test('one denial outweighs holds, and takes the conditions along', () => {
    const after = applyReadings(
      verdict(HELD, guard({})),
      new Map([
        [HELD.id, used],
        ['tenant/s/g', used],
      ]),
    );
    expect(after).toMatchObject({ effect: 'deny', conditions: [], obligations: [], guards: [] });
  });

  test('a hold asks for what it asks, and for nothing else', () => {
    const after = applyReadings(
      { ...verdict(HELD), obligations: [{ type: 'review', value: {} }] },
      new Map([[HELD.id, used]]),
    );
    expect(after.conditions).toEqual([HELD.hold]);
    expect(after).toMatchObject({ effect: 'hold', obligations: [], guards: [] });
  });

  test.each([
    ['a denial', guard({}), 'deny'],
    ['a hold', HELD, 'hold'],
  ] as const)('%s keeps what is asked for whatever the decision is', (_name, one, effect) => {
    const kept = [
      { type: 'notify', value: { policy: 'tenant/s/g', to: ['security'] } },
      { type: 'log_intent_signals', value: true },
    ];
    const after = applyReadings(
      { ...verdict(one), obligations: [{ type: 'review', value: {} }, ...kept] },
      new Map([[one.id, used]]),
    );
    expect(after).toMatchObject({ effect, obligations: kept });
  });

  test('says of which quota nothing is known', () => {
    const [reason] = applyReadings(verdict(guard({})), new Map()).deny;
    expect(reason?.message).toBe('how much is left of the quota of tenant/g is not known');
  });

  test('says no more of the use than there is', () => {
    const { window_seconds: _none, ...endless } = guard({ kind: 'concurrent' });
    const [reason] = applyReadings(
      verdict(endless),
      new Map([[endless.id, { state: 'exceeded', used: 5 } as const]]),
    ).deny;
    expect(reason?.message).toMatch(/\(concurrent: 5 of 5\)$/);
  });

  test('leaves alone what nothing guards', () => {
    const free = verdict();
    expect(applyReadings(free, new Map())).toBe(free);
  });

  test('says which quota, how much of it is used and when there is room again', () => {
    const [reason] = applyReadings(verdict(guard({})), new Map([['tenant/s/g', used]])).deny;
    expect(reason?.path).toBe('tenant/g');
    expect(reason?.message).toContain('requests: 5 of 5 in 60 s, room again at 2026-01-01T00:00:30Z');
  });

  test('leaves alone what was not allowed', () => {
    const denied: Verdict = { ...verdict(guard({})), effect: 'deny' };
    expect(applyReadings(denied, new Map())).toBe(denied);
  });
});

test.each([
  { dimension: 'agent', fields: ['agent.id'] },
  { dimension: 'user', fields: ['user.id'] },
  { dimension: 'team', fields: ['user.team'] },
  { dimension: 'workspace', fields: ['context.workspace_id'] },
  { dimension: 'environment', fields: ['context.environment'] },
  { dimension: 'tenant', fields: ['tenant_id'] },
  { dimension: 'model', fields: ['request.model'] },
  { dimension: 'tool', fields: ['tool.server', 'tool.name'] },
] as const)('an account per $dimension is told by $fields', ({ dimension, fields }) => {
  const guard = { per: [dimension] } as unknown as Parameters<typeof guardFields>[0];
  expect(guardFields(guard)).toEqual(fields);
  expect(guardFields({ ...guard, per: ['agent', dimension] })).toEqual(['agent.id', ...fields]);
});
