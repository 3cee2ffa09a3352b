import { describe, expect, test } from '@jest/globals';
import { TRUE } from '../dsl/truth.js';
import type { Combining, PriorityOrder, SetIr } from './ir.js';
import { compareLayers, comparePrecedence, walkSet } from './resolve.js';
import { outcome, rule, type Sketch } from './rule-sketch.js';

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
      name: 'the older by a fraction',
      order: 'desc',
      first: at(5, 'b', '2025-01-01T00:00:00Z'),
      second: at(5, 'a', '2025-01-01T00:00:00.5Z'),
    },
    {
      name: 'the one without a fraction before a nanosecond more',
      order: 'desc',
      first: at(5, 'b', '2025-01-01T00:00:00Z'),
      second: at(5, 'a', '2025-01-01T00:00:00.000000001Z'),
    },
    {
      name: 'the older by a second, whatever the fractions',
      order: 'desc',
      first: at(5, 'b', '2025-01-01T00:00:00.200000002Z'),
      second: at(5, 'a', '2025-01-01T00:00:01.100000001Z'),
    },
    {
      name: 'the smaller id of one instant, written with more digits',
      order: 'desc',
      first: at(5, 'a', '2025-01-01T00:00:00.50Z'),
      second: at(5, 'b', '2025-01-01T00:00:00.5Z'),
    },
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

test('sets are reported from the platform down', () => {
  const layers = (['workspace', 'platform', 'tenant'] as const).map((layer) => ({ layer }));
  expect(layers.toSorted(compareLayers).map(({ layer }) => layer)).toEqual(['platform', 'tenant', 'workspace']);
});

test('an approval of another rule, or of the same rule of another set, satisfies nothing', () => {
  const set: SetIr = { name: 's', layer: 'platform', combining: 'priority', priorityOrder: 'desc', rules: [] };
  for (const hold of ['platform/s/other', 'platform/t/require_hitl@9', 'tenant/s/require_hitl@9', 'require_hitl@9']) {
    const walk = walkSet<Sketch>(set, new Set([hold]));
    walk.take(rule('require_hitl@9'), TRUE);
    expect(walk.finish().effect).toBe('hold');
  }
});

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
    { combining: 'deny_overrides', rules: 'allow@9 redact!@1', effect: 'deny', roles: 'overridden decided' },
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
    { combining: 'priority', rules: 'deny+@9 allow@1', effect: 'deny', roles: 'decided' },
    { combining: 'deny_overrides', rules: 'allow+@9 deny@1', effect: 'allow', roles: 'decided overridden' },
    { combining: 'deny_overrides', order: 'asc', rules: 'allow@5 deny@5', effect: 'deny', roles: 'overridden decided' },
    {
      combining: 'deny_overrides',
      order: 'asc',
      rules: 'allow@0 deny@5',
      effect: 'allow',
      roles: 'decided overridden',
    },
    {
      combining: 'deny_overrides',
      rules: 'allow@9 deny@5 allow@1',
      effect: 'allow',
      roles: 'decided overridden decided',
    },
    { combining: 'deny_overrides', rules: 'allow@9 redact!@5', effect: 'deny', roles: 'overridden decided' },
    { combining: 'deny_overrides', rules: 'allow@9 deny#!@5', effect: 'deny', roles: 'overridden decided' },
    { combining: 'priority', rules: 'require_approval@9 allow@1', effect: 'hold', roles: 'decided' },
    { combining: 'priority', rules: 'require_hitl@9 deny@1', effect: 'hold', roles: 'decided' },
    { combining: 'priority', rules: 'require_approval+@9 deny@1', effect: 'allow', roles: 'decided' },
    { combining: 'priority', rules: 'deny@9 require_approval+@1', effect: 'deny', roles: 'decided' },
    { combining: 'priority', rules: 'require_approval!@9 allow@1', effect: 'deny', roles: 'decided' },
    {
      combining: 'priority',
      rules: 'redact@9 escalate@8 allow@1',
      effect: 'allow',
      roles: 'recorded recorded decided',
    },
    { combining: 'priority', rules: 'redact@9 escalate@8', effect: 'none', roles: 'recorded recorded' },
    { combining: 'priority', rules: 'redact!@9 allow@1', effect: 'deny', roles: 'decided' },
    { combining: 'priority', rules: 'escalate!@9 allow@1', effect: 'allow', roles: 'void decided' },
    { combining: 'priority', rules: 'deny#@9 allow@1', effect: 'allow', roles: 'guarding decided' },
    { combining: 'priority', rules: 'deny#!@9 allow@1', effect: 'deny', roles: 'decided' },
    { combining: 'priority', rules: 'log_only#!@9 allow@1', effect: 'allow', roles: 'void decided' },
    { combining: 'priority', rules: 'deny#@9', effect: 'none', roles: 'guarding' },
    { combining: 'first_match', rules: 'redact@9 deny@5', effect: 'allow', roles: 'decided' },
    { combining: 'first_match', rules: 'escalate@9 deny@5', effect: 'allow', roles: 'decided' },
    { combining: 'first_match', rules: 'escalate!@9 deny@5', effect: 'deny', roles: 'void decided' },
    { combining: 'first_match', rules: 'redact!@9 allow@5', effect: 'deny', roles: 'decided' },
    { combining: 'first_match', rules: 'require_hitl@9 allow@5', effect: 'hold', roles: 'decided' },
    { combining: 'first_match', rules: 'require_hitl+@9 deny@5', effect: 'allow', roles: 'decided' },
    { combining: 'first_match', rules: 'deny#@9 deny@5', effect: 'deny', roles: 'guarding decided' },
    { combining: 'deny_overrides', rules: 'require_approval@5 allow@1', effect: 'hold', roles: 'decided overridden' },
    { combining: 'deny_overrides', rules: 'allow@9 require_approval@5', effect: 'allow', roles: 'decided overridden' },
    {
      combining: 'deny_overrides',
      rules: 'require_approval@9 deny@5 allow@1',
      effect: 'deny',
      roles: 'overridden decided overridden',
    },
    {
      combining: 'deny_overrides',
      rules: 'allow@9 require_hitl@5 deny@5',
      effect: 'allow',
      roles: 'decided overridden overridden',
    },
    { combining: 'deny_overrides', rules: 'require_approval+@9', effect: 'allow', roles: 'decided' },
    { combining: 'deny_overrides', rules: 'require_approval+@9 deny@1', effect: 'deny', roles: 'overridden decided' },
    {
      combining: 'deny_overrides',
      rules: 'require_approval+@9 require_hitl@1',
      effect: 'hold',
      roles: 'overridden decided',
    },
    {
      combining: 'deny_overrides',
      rules: 'redact@9 escalate@8 deny#@7',
      effect: 'none',
      roles: 'recorded recorded guarding',
    },
    { combining: 'deny_overrides', rules: 'allow@9 deny#!@1', effect: 'deny', roles: 'overridden decided' },
    { combining: 'deny_overrides', rules: 'redact!@9 allow@1', effect: 'deny', roles: 'decided overridden' },
    { combining: 'deny_overrides', rules: 'deny#!@9 allow@1', effect: 'deny', roles: 'decided overridden' },
  ])('$combining: $rules gives $effect', ({ combining, order = 'desc', rules, effect, roles }) => {
    const result = outcome(combining, order, rules.split(' ').filter(Boolean));
    expect(result.effect ?? 'none').toBe(effect);
    expect(result.findings.map((finding) => finding.role).join(' ')).toBe(roles);
  });
});
