import { describe, expect, test } from '@jest/globals';
import type { QuotaGuard, Verdict } from '@portcullis/policy/model';
import { compareVerdict } from './compare-verdict.js';
import type { Expectation } from './suite.js';

const BASE: Verdict = {
  effect: 'deny',
  deny: [],
  conditions: [],
  obligations: [],
  matched: [],
  errors: [],
  guards: [],
};
const matched = (policy: string, layer: 'platform' | 'tenant' = 'platform'): Verdict['matched'][number] => ({
  policy,
  layer,
  version: '1.0.0',
  effect: 'deny',
  conditions: [],
});
const VERDICT: Verdict = {
  ...BASE,
  deny: [
    { code: 'POLICY_DENIED', message: 'm', path: 'platform/a', reason_code: 'A' },
    { code: 'POLICY_ERROR', message: 'm', path: 'tenant/b' },
  ],
  matched: [matched('a'), matched('b', 'tenant')],
  errors: [{ policy: 'b', layer: 'tenant', path: 'when', message: 'm' }],
  conditions: [
    { type: 'redact', value: { method: 'mask' } },
    { type: 'redact', value: { method: 'hash' } },
  ],
  obligations: [{ type: 'review', value: { policy: 'x' } }],
};
const GUARD: QuotaGuard = {
  id: 'platform/base/q',
  layer: 'platform',
  policy: 'q',
  kind: 'requests',
  limit: 10,
  window_seconds: 60,
  account: [
    ['tenant', 'acme'],
    ['user', null],
  ],
  estimate: 1,
  outcome: 'deny',
  deny: { code: 'QUOTA_EXCEEDED', message: 'm', path: 'platform/q' },
};
const SHOWN = { policy: 'platform/q', kind: 'requests', limit: 10, window_seconds: 60, per: ['tenant', 'user'] };
const ALLOW: Verdict = { ...BASE, effect: 'allow', guards: [GUARD] };

describe('comparing a verdict with what was expected', () => {
  test.each<[string, Expectation, Verdict]>([
    ['a denial, said in no word', {}, BASE],
    ['an effect', { effect: 'allow' }, ALLOW],
    ['a code among several', { effect: 'deny', code: 'POLICY_ERROR' }, VERDICT],
    ['a reason code among several', { effect: 'deny', reason_code: 'A' }, VERDICT],
    ['policies in any order and spelling', { policies: ['tenant/b', 'a'] }, VERDICT],
    ['no policies', { policies: [] }, BASE],
    ['errors', { errors: ['b'] }, VERDICT],
    ['conditions by type', { conditions: [{ type: 'redact' }, { type: 'redact' }] }, VERDICT],
    [
      'conditions by value; the one that says more is matched first',
      { conditions: [{ type: 'redact' }, { type: 'redact', value: { method: 'mask' } }] },
      VERDICT,
    ],
    ['obligations', { obligations: [{ type: 'review', value: { policy: 'x' } }] }, VERDICT],
    ['a quota by its policy', { effect: 'allow', quotas: [{ policy: 'q' }] }, ALLOW],
    [
      'a quota in full',
      {
        effect: 'allow',
        quotas: [{ policy: 'platform/q', kind: 'requests', limit: 10, window_seconds: 60, per: ['user', 'tenant'] }],
      },
      ALLOW,
    ],
  ])('equal: %s', (_name, expected, verdict) => {
    expect(compareVerdict(expected, verdict, false)).toEqual([]);
  });

  test.each<[string, Expectation, Verdict, unknown]>([
    ['an effect', { effect: 'hold' }, ALLOW, { what: 'effect', expected: 'hold', found: 'allow' }],
    ['a denial that was expected in no word', {}, ALLOW, { what: 'effect', expected: 'deny', found: 'allow' }],
    [
      'a code',
      { code: 'NO_MATCHING_POLICY' },
      VERDICT,
      { what: 'code', expected: 'NO_MATCHING_POLICY', found: ['POLICY_DENIED', 'POLICY_ERROR'] },
    ],
    ['a reason code', { reason_code: 'B' }, VERDICT, { what: 'reason_code', expected: 'B', found: ['A'] }],
    [
      'a policy less',
      { policies: ['a', 'b', 'c'] },
      VERDICT,
      { what: 'policies', expected: ['a', 'b', 'c'], found: ['a', 'b'] },
    ],
    ['a policy more', { policies: ['a'] }, VERDICT, { what: 'policies', expected: ['a'], found: ['a', 'b'] }],
    [
      'a policy of another layer',
      { policies: ['platform/a', 'platform/b'] },
      VERDICT,
      { what: 'policies', expected: ['platform/a', 'platform/b'], found: ['platform/a', 'tenant/b'] },
    ],
    ['an error less', { errors: [] }, VERDICT, { what: 'errors', expected: [], found: ['b'] }],
    [
      'a condition less',
      { conditions: [{ type: 'redact' }, { type: 'redact' }, { type: 'redact' }] },
      VERDICT,
      {
        what: 'conditions',
        expected: [{ type: 'redact' }, { type: 'redact' }, { type: 'redact' }],
        found: VERDICT.conditions,
      },
    ],
    [
      'a condition more',
      { conditions: [{ type: 'redact' }] },
      VERDICT,
      { what: 'conditions', expected: [{ type: 'redact' }], found: VERDICT.conditions },
    ],
    [
      "a condition's value",
      { conditions: [{ type: 'redact', value: {} }, { type: 'redact' }] },
      VERDICT,
      { what: 'conditions', expected: [{ type: 'redact', value: {} }, { type: 'redact' }], found: VERDICT.conditions },
    ],
    ['a quota more', { effect: 'allow', quotas: [] }, ALLOW, { what: 'quotas', expected: [], found: [SHOWN] }],
    ...(
      [
        { policy: 'p' },
        { policy: 'q', kind: 'bytes' },
        { policy: 'q', limit: 9 },
        { policy: 'q', window_seconds: 1 },
        { policy: 'q', per: ['user'] },
      ] as const
    ).map((quota): [string, Expectation, Verdict, unknown] => [
      `a quota otherwise: ${JSON.stringify(quota)}`,
      { effect: 'allow', quotas: [quota as never] },
      ALLOW,
      { what: 'quotas', expected: [quota], found: [SHOWN] },
    ]),
    ['obligations', { obligations: [] }, VERDICT, { what: 'obligations', expected: [], found: VERDICT.obligations }],
  ])('different: %s', (_name, expected, verdict, difference) => {
    expect(compareVerdict(expected, verdict, false)).toEqual([difference]);
  });

  test('an error that nobody expected is a difference only when strict', () => {
    expect(compareVerdict({}, VERDICT, false)).toEqual([]);
    expect(compareVerdict({}, VERDICT, true)).toEqual([{ what: 'errors', expected: [], found: ['b'] }]);
    expect(compareVerdict({ errors: ['tenant/b'] }, VERDICT, true)).toEqual([]);
  });
});
