import { describe, expect, test } from '@jest/globals';
import type { CanonicalRequest } from '../model/request.js';
import { granted, outcome } from './rule-sketch.js';
import { type ModuleOutcome, resolveSets, scopeFault } from './verdict.js';

const REQUEST: CanonicalRequest = {
  version: '1.0',
  tenant_id: 'acme',
  source: 'sdk',
  agent: { id: 'a' },
  context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r' },
};

describe('resolveSets', () => {
  const resolve = (
    sets: readonly string[],
    fallback: 'allow' | 'deny' = 'deny',
    policyCount = 1,
    modules: readonly ModuleOutcome[] = [],
  ) =>
    resolveSets(
      sets.map((sketch) => outcome('priority', 'desc', sketch.split(' ').filter(Boolean))),
      {
        policyVersion: '1.0.0',
        default: fallback,
        policyCount,
        request: REQUEST,
        granted: granted(sets.flatMap((sketch) => sketch.split(' '))),
        faultOf: (one) => ({ policy: one.ir.id, layer: 'platform', path: 'when', message: '' }),
        fieldsOf: () => ['a.field'],
      },
      modules,
    );
  test.each<{ sets: string[]; fallback?: 'allow' | 'deny'; policies?: number; effect: string; codes: string }>([
    { sets: [], effect: 'deny', codes: 'NO_MATCHING_POLICY' },
    { sets: [], fallback: 'allow', effect: 'allow', codes: '' },
    { sets: [], fallback: 'allow', policies: 0, effect: 'deny', codes: 'NO_MATCHING_POLICY' },
    { sets: ['allow@1', 'deny@1'], effect: 'deny', codes: 'POLICY_DENIED' },
    { sets: ['deny@1', 'allow@1'], effect: 'deny', codes: 'POLICY_DENIED' },
    { sets: ['deny@1', 'deny!@1'], effect: 'deny', codes: 'POLICY_DENIED POLICY_ERROR' },
    { sets: ['allow@1', 'log_only@1'], effect: 'allow', codes: '' },
    { sets: ['allow!@1'], effect: 'deny', codes: 'NO_MATCHING_POLICY' },
    { sets: ['allow!@1'], fallback: 'allow', effect: 'allow', codes: '' },
    { sets: ['deny!@1'], fallback: 'allow', effect: 'deny', codes: 'POLICY_ERROR' },
    { sets: ['require_hitl@1', 'allow@1'], effect: 'hold', codes: 'APPROVAL_REQUIRED' },
    { sets: ['require_hitl@1', 'require_approval@1'], effect: 'hold', codes: 'APPROVAL_REQUIRED APPROVAL_REQUIRED' },
    { sets: ['require_hitl@1', 'deny@1'], effect: 'deny', codes: 'POLICY_DENIED' },
    { sets: ['require_hitl@1'], fallback: 'allow', effect: 'hold', codes: 'APPROVAL_REQUIRED' },
    { sets: ['require_hitl!@1'], fallback: 'allow', effect: 'deny', codes: 'POLICY_ERROR' },
    { sets: ['require_hitl+@1'], effect: 'allow', codes: '' },
    { sets: ['require_hitl+@1', 'require_approval@2'], effect: 'hold', codes: 'APPROVAL_REQUIRED' },
    { sets: ['redact@1'], effect: 'deny', codes: 'NO_MATCHING_POLICY' },
    { sets: ['deny#@1'], effect: 'deny', codes: 'NO_MATCHING_POLICY' },
  ])(
    '$sets with default $fallback and $policies policies gives $effect',
    ({ sets, fallback, policies, effect, codes }) => {
      const verdict = resolve(sets, fallback, policies);
      expect(verdict.effect).toBe(effect);
      expect(verdict.deny.map((reason) => reason.code).join(' ')).toBe(codes);
    },
  );

  test('redactions, reviews and quotas of all sets ride on an allow', () => {
    const verdict = resolve(['redact@9 escalate@8 deny#@7 allow@1', 'redact@5']);
    expect(verdict.conditions).toEqual([
      { type: 'redact', value: { method: 'hash', policy: 'platform/s/redact@9' } },
      { type: 'redact', value: { method: 'hash', policy: 'platform/s/redact@5' } },
    ]);
    expect(verdict.obligations).toEqual([
      { type: 'review', value: { policy: 'platform/s/escalate@8', reason: 'look' } },
    ]);
    expect(verdict.guards).toMatchObject([
      { id: 'platform/s/deny#@7', limit: 5, window_seconds: 60, outcome: 'deny', account: [['agent', 'acme/a']] },
    ]);
  });

  test('nothing rides on a denial', () => {
    const { conditions, obligations, guards } = resolve(['redact@9 escalate@8 deny#@7 allow@1', 'deny@1']);
    expect([conditions, obligations, guards]).toEqual([[], [], []]);
  });

  test('a hold says who is asked, what for and how long, and nothing else', () => {
    const verdict = resolve(['redact@9 require_approval@5', 'require_hitl@5', 'allow@1']);
    expect(verdict.conditions).toEqual([
      {
        type: 'require_approval',
        value: { hold: 'platform/s/require_approval@5', quorum: 2, expires_seconds: 60, role: 'lead' },
      },
      {
        type: 'require_hitl',
        value: { hold: 'platform/s/require_hitl@5', quorum: 1, expires_seconds: 60, group: 'duty' },
      },
    ]);
    expect(verdict.deny).toMatchObject([
      { message: 'held for approval by the policy "require_approval@5"' },
      { message: 'ask first', reason_code: 'ASK' },
    ]);
  });

  test('a hold that was agreed to asks no more', () => {
    expect(resolve(['require_hitl+@1']).conditions).toEqual([]);
  });

  test('says which rules took part, and which could not be evaluated', () => {
    const { matched, errors } = resolve(['log_only@9 deny!@5', 'escalate!@3 allow@1']);
    expect(matched).toStrictEqual([
      { policy: 'log_only@9', version: '1.0.0', layer: 'platform', effect: 'log_only', conditions: ['a.field'] },
      { policy: 'allow@1', version: '1.0.0', layer: 'platform', effect: 'allow', conditions: ['a.field'] },
    ]);
    expect(errors.map(({ policy }) => policy)).toEqual(['deny!@5', 'escalate!@3']);
  });

  test('what could not be evaluated asks for nothing', () => {
    const { effect, obligations, guards } = resolve(['escalate!@9 log_only#!@8 allow@1']);
    expect([effect, obligations, guards]).toEqual(['allow', [], []]);
  });

  test('a review may go without a reason', () => {
    expect(resolve(['escalate~@9 allow@1']).obligations).toStrictEqual([
      { type: 'review', value: { policy: 'platform/s/escalate~@9' } },
    ]);
  });

  test.each<[string, object]>([
    ['deny@1', { code: 'POLICY_DENIED', message: 'not this', path: 'platform/deny@1', reason_code: 'NO' }],
    ['deny~@1', { code: 'POLICY_DENIED', message: 'denied by the policy "deny~@1"', path: 'platform/deny~@1' }],
    [
      'deny!@1',
      {
        code: 'POLICY_ERROR',
        message: 'the policy "deny!@1" could not be evaluated for this request',
        path: 'platform/deny!@1',
      },
    ],
    ['log_only@1', { code: 'NO_MATCHING_POLICY', message: 'no policy allows this request', path: 'default' }],
  ])('%s says why', (sketch, reason) => {
    expect(resolve([sketch]).deny).toStrictEqual([reason]);
  });

  test('an empty bundle says that it is one', () => {
    expect(resolve([], 'allow', 0).deny).toStrictEqual([
      { code: 'NO_MATCHING_POLICY', message: 'no policy is loaded, so nothing is allowed', path: 'default' },
    ]);
  });

  test('a quota knows whether people agreed to go beyond it', () => {
    const outcomes = ['require_hitl#@9', 'require_hitl#+@9'].map((sketch) => resolve([`${sketch} allow@1`]).guards);
    expect(outcomes.flat()).toMatchObject([
      { outcome: 'hold', hold: { type: 'require_hitl', value: { hold: 'platform/s/require_hitl#@9' } } },
      { outcome: 'log_only' },
    ]);
  });

  test('a module of which nobody can tell whether it applies denies', () => {
    const ir = { name: 'm', layer: 'tenant', scope: [], engine: 'cedar', files: [], folder: 'm' } as const;
    expect(scopeFault(ir)).toStrictEqual({
      effect: 'deny',
      deny: [
        { code: 'POLICY_ERROR', message: 'the module "m" could not be evaluated for this request', path: 'tenant/m' },
      ],
      conditions: [],
      obligations: [],
      matched: [],
      errors: [
        {
          policy: 'm',
          layer: 'tenant',
          path: 'scope',
          message: 'what it would look at has the wrong type, or is not known',
        },
      ],
    });
  });

  const moduleSays = (effect: ModuleOutcome['effect']): ModuleOutcome => ({
    effect,
    deny: effect === 'deny' || effect === 'hold' ? [{ code: 'POLICY_DENIED', message: 'm', path: 'tenant/m' }] : [],
    conditions: effect === 'hold' ? [{ type: 'require_hitl', value: { hold: 'tenant/m' } }] : [],
    obligations: [],
    matched: [{ policy: 'm', version: '1', layer: 'tenant', effect: 'log_only', conditions: [] }],
    errors: [],
  });
  test.each<{ sets: string[]; says: ModuleOutcome['effect']; effect: string; paths: string; conditions: number }>([
    { sets: ['allow@1'], says: 'deny', effect: 'deny', paths: 'tenant/m', conditions: 0 },
    { sets: ['deny@1'], says: 'allow', effect: 'deny', paths: 'platform/deny@1', conditions: 0 },
    { sets: ['allow@1'], says: 'hold', effect: 'hold', paths: 'tenant/m', conditions: 1 },
    { sets: ['deny@1'], says: 'hold', effect: 'deny', paths: 'platform/deny@1', conditions: 0 },
    { sets: [], says: 'allow', effect: 'allow', paths: '', conditions: 0 },
    { sets: [], says: undefined, effect: 'deny', paths: 'default', conditions: 0 },
  ])('a module that says $says beside $sets gives $effect', ({ sets, says, effect, paths, conditions }) => {
    const verdict = resolve(sets, 'deny', 1, [moduleSays(says)]);
    expect(verdict.effect).toBe(effect);
    expect(verdict.deny.map(({ path }) => path).join(' ')).toBe(paths);
    expect(verdict.conditions).toHaveLength(conditions);
    expect(verdict.matched.map(({ policy }) => policy)).toContain('m');
  });

  test("a module's conditions, obligations and errors ride along as those of a set do", () => {
    const extra: ModuleOutcome = {
      ...moduleSays('allow'),
      conditions: [{ type: 'redact', value: {} }],
      obligations: [{ type: 'review', value: {} }],
      errors: [{ policy: 'm', layer: 'tenant', path: 'p', message: 'x' }],
    };
    const allowed = resolve(['allow@1'], 'deny', 1, [extra]);
    expect([allowed.conditions, allowed.obligations, allowed.errors]).toEqual([
      extra.conditions,
      extra.obligations,
      extra.errors,
    ]);
    expect(resolve(['allow@1'], 'deny', 1, [{ ...extra, effect: undefined }]).conditions).toEqual(extra.conditions);
    const denied = resolve(['deny@1'], 'deny', 1, [extra]);
    expect([denied.conditions, denied.obligations, denied.errors]).toEqual([[], [], extra.errors]);
  });

  test.each(['allow', 'deny', 'hold', undefined] as const)(
    'whom a module that says %s notifies is told whatever the decision is, and signals are put on record once',
    (says) => {
      const notice = { type: 'notify', value: { policy: 'tenant/m/watch', to: ['security'] } };
      const logged = { type: 'log_intent_signals', value: true };
      const module = { ...moduleSays(says), obligations: [notice, logged] };
      for (const set of ['allow@1', 'deny@1', 'require_hitl@1']) {
        expect(resolve([set], 'deny', 1, [module, { ...module, obligations: [{ ...logged }] }]).obligations).toEqual([
          notice,
          logged,
        ]);
      }
    },
  );
});
