import { describe, expect, test } from '@jest/globals';
import type { CompiledEffect } from '../dsl/effects.js';
import { ERROR, TRUE } from '../dsl/truth.js';
import type { Combining, PriorityOrder, RuleIr, SetIr } from './ir.js';
import { comparePrecedence, resolveSets, walkSet } from './resolve.js';

const at = (priority: number, id: string, createdAt?: string) => ({ priority, id, createdAt });

describe('comparePrecedence', () => {
  test.each<{ name: string; order: PriorityOrder; first: ReturnType<typeof at>; second: ReturnType<typeof at> }>([
    { name: 'the higher priority in desc', order: 'desc', first: at(9, 'b'), second: at(1, 'a') },
    { name: 'the lower priority in asc', order: 'asc', first: at(1, 'b'), second: at(9, 'a') },
    {
      name: 'the older in desc',
      order: 'desc',
      first: at(5, 'b', '2024-01-01T00:00:00Z'),
      second: at(5, 'a', '2025-01-01T00:00:00Z'),
    },
    {
      name: 'the older in asc',
      order: 'asc',
      first: at(5, 'b', '2024-01-01T00:00:00Z'),
      second: at(5, 'a', '2025-01-01T00:00:00Z'),
    },
    {
      name: 'the older across time zones',
      order: 'desc',
      first: at(5, 'b', '2025-01-01T00:30:00+01:00'),
      second: at(5, 'a', '2025-01-01T00:00:00Z'),
    },
    {
      name: 'the older by a nanosecond',
      order: 'desc',
      first: at(5, 'b', '2025-01-01T00:00:00.000000001Z'),
      second: at(5, 'a', '2025-01-01T00:00:00.000000002Z'),
    },
    {
      name: 'the older before 1970',
      order: 'desc',
      first: at(5, 'b', '1969-01-01T00:00:00Z'),
      second: at(5, 'a', '1970-01-01T00:00:00Z'),
    },
    { name: 'the dated', order: 'desc', first: at(5, 'b', '9999-12-31T23:59:59Z'), second: at(5, 'a') },
    { name: 'the smaller id', order: 'desc', first: at(5, 'B'), second: at(5, 'a') },
    {
      name: 'the smaller id of one instant',
      order: 'desc',
      first: at(5, 'a', '2025-01-01T01:00:00+01:00'),
      second: at(5, 'b', '2025-01-01T00:00:00Z'),
    },
  ])('puts $name first', ({ order, first, second }) => {
    const compare = comparePrecedence(order);
    expect(Math.sign(compare(first, second))).toBe(-1);
    expect(Math.sign(compare(second, first))).toBe(1);
    expect(compare(first, first)).toBe(0);
  });
});

/** `allow@50`, `deny!@90` (erred), in precedence order. */
interface Sketch {
  readonly ir: RuleIr;
  readonly truth: typeof TRUE | typeof ERROR;
}

function rule(sketch: string): Sketch {
  const [type = '', priority = '0'] = sketch.replace('!', '').split('@');
  const ir: RuleIr = {
    id: sketch,
    name: sketch,
    effect: { type } as CompiledEffect,
    priority: Number(priority),
    scope: [],
    when: { node: 'and', of: [] },
    frameworks: [],
    file: 'f',
    line: 1,
    column: 1,
  };
  return { ir, truth: sketch.includes('!') ? ERROR : TRUE };
}

function outcome(combining: Combining, order: PriorityOrder, sketches: readonly string[]) {
  const set: SetIr = { name: 's', layer: 'platform', combining, priorityOrder: order, rules: [] };
  const walk = walkSet<Sketch>(set);
  for (const one of sketches.map(rule)) if (!walk.take(one, one.truth)) break;
  return walk.finish();
}

describe('walkSet', () => {
  test.each<{ combining: Combining; order?: PriorityOrder; rules: string; effect: string; roles: string }>([
    { combining: 'priority', rules: '', effect: 'none', roles: '' },
    { combining: 'priority', rules: 'allow@9 deny@1', effect: 'allow', roles: 'decided' },
    { combining: 'priority', rules: 'deny@9 allow@1', effect: 'deny', roles: 'decided' },
    { combining: 'priority', rules: 'log_only@9 deny@5 log_only@1', effect: 'deny', roles: 'recorded decided' },
    { combining: 'priority', rules: 'log_only@9', effect: 'none', roles: 'recorded' },
    { combining: 'priority', rules: 'deny!@9 allow@1', effect: 'deny', roles: 'decided' },
    { combining: 'priority', rules: 'allow!@9 log_only!@5 deny@1', effect: 'deny', roles: 'void void decided' },
    { combining: 'priority', rules: 'allow!@9 allow@1', effect: 'allow', roles: 'void decided' },
    { combining: 'first_match', rules: 'log_only@9 deny@5', effect: 'allow', roles: 'decided' },
    { combining: 'first_match', rules: 'log_only!@9 deny@5', effect: 'deny', roles: 'void decided' },
    { combining: 'first_match', rules: 'deny!@9 log_only@5', effect: 'deny', roles: 'decided' },
    { combining: 'deny_overrides', rules: 'allow@9', effect: 'allow', roles: 'decided' },
    { combining: 'deny_overrides', rules: 'log_only@9', effect: 'none', roles: 'recorded' },
    { combining: 'deny_overrides', rules: 'allow@9 deny@1', effect: 'allow', roles: 'decided overridden' },
    { combining: 'deny_overrides', rules: 'deny@9 allow@1', effect: 'deny', roles: 'decided overridden' },
    { combining: 'deny_overrides', rules: 'allow@5 deny@5', effect: 'deny', roles: 'overridden decided' },
    { combining: 'deny_overrides', rules: 'allow@9 deny!@1', effect: 'allow', roles: 'decided overridden' },
    { combining: 'deny_overrides', rules: 'deny!@9 allow@1', effect: 'deny', roles: 'decided overridden' },
    { combining: 'deny_overrides', rules: 'allow!@9 deny@1', effect: 'deny', roles: 'void decided' },
    {
      combining: 'deny_overrides',
      rules: 'deny@9 allow@5 deny@1',
      effect: 'deny',
      roles: 'decided overridden overridden',
    },
    {
      combining: 'deny_overrides',
      rules: 'deny@9 deny@8 log_only@1',
      effect: 'deny',
      roles: 'decided decided recorded',
    },
    {
      combining: 'deny_overrides',
      order: 'asc',
      rules: 'allow@1 deny@9',
      effect: 'allow',
      roles: 'decided overridden',
    },
    { combining: 'deny_overrides', order: 'asc', rules: 'deny@1 allow@9', effect: 'deny', roles: 'decided overridden' },
  ])('$combining: $rules gives $effect', ({ combining, order = 'desc', rules, effect, roles }) => {
    const result = outcome(combining, order, rules.split(' ').filter(Boolean));
    expect(result.effect ?? 'none').toBe(effect);
    expect(result.findings.map((finding) => finding.role).join(' ')).toBe(roles);
  });
});

describe('resolveSets', () => {
  const resolve = (sets: readonly string[], fallback: 'allow' | 'deny' = 'deny', policyCount = 1) =>
    resolveSets(
      sets.map((sketch) => outcome('priority', 'desc', sketch.split(' ').filter(Boolean))),
      {
        policyVersion: '1.0.0',
        default: fallback,
        policyCount,
        faultOf: (one) => ({ policy: one.ir.id, layer: 'platform', path: 'when', message: '' }),
        fieldsOf: () => [],
      },
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
  ])(
    '$sets with default $fallback and $policies policies gives $effect',
    ({ sets, fallback, policies, effect, codes }) => {
      const verdict = resolve(sets, fallback, policies);
      expect(verdict.effect).toBe(effect);
      expect(verdict.deny.map((reason) => reason.code).join(' ')).toBe(codes);
    },
  );
});
