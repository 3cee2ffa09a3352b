/**
 * A cache may answer for another request only if nothing that the verdict depends on differs. So: whatever is done to a
 * request, as long as every field of the read set reads the same, the verdict is the same.
 */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { ContextualRequest } from '../model/facts.js';
import { WHOLE_REQUEST } from '../model/path-overlap.js';
import type { Json } from '../model/request.js';
import { and, leaf, or, ruleOf } from './index/sketch.js';
import type { CompiledBundle, ConditionIr, LeafIr, RuleIr, SetIr } from './ir.js';
import { linkBundle } from './link.js';

const text = fc.constantFrom('a', 'b', 'ab');
const sign = fc.record({ negated: fc.boolean(), blocking: fc.boolean() });
const element = (path: string, quantifier: 'any' | 'all', literal: string): LeafIr => ({
  ...leaf(path, 'equals', literal),
  quantifiers: [quantifier],
});
const leaves: fc.Arbitrary<LeafIr> = fc.oneof(
  fc
    .tuple(fc.constantFrom('agent.id', 'tool.name', 'tool.arguments.p', 'tool.arguments.q'), text, sign)
    .map(([field, literal, signs]) => leaf(field, 'equals', literal, signs)),
  fc
    .tuple(fc.constantFrom('tool.arguments.p', 'tool.arguments.q'), text, sign)
    .map(([field, literal, signs]) => leaf(field, 'starts_with', literal, signs)),
  fc.tuple(fc.constantFrom('agent', 'user.team'), sign).map(([field, signs]) => leaf(field, 'exists', true, signs)),
  text.map((literal) => leaf('kind', 'in', [literal, 'tool_call'])),
  fc
    .tuple(fc.constantFrom('any' as const, 'all' as const), text)
    .map(([quantifier, literal]) => element(`tool.arguments.to[${quantifier}].d`, quantifier, literal)),
);
const condition = fc.letrec<{ node: ConditionIr }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 2, depthSize: 'small' },
    leaves,
    fc.array(tie('node'), { maxLength: 3 }).map((of) => and(...of)),
    fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((of) => or(...of)),
  ),
})).node;
const effect = fc.constantFrom<RuleIr['effect']>({ type: 'allow' }, { type: 'deny' }, { type: 'log_only' }, {
  type: 'redact',
  config: { fields: ['tool.arguments.p'] },
} as unknown as RuleIr['effect']);
const set: fc.Arbitrary<SetIr> = fc.record({
  name: fc.constant('s'),
  layer: fc.constantFrom('platform', 'tenant', 'workspace'),
  combining: fc.constantFrom('priority', 'first_match', 'deny_overrides'),
  priorityOrder: fc.constant('desc'),
  rules: fc.array(
    fc.tuple(condition, effect).map(([when, chosen]) => ruleOf(when, { effect: chosen })),
    { maxLength: 12, size: 'max' },
  ),
});
const bundle: fc.Arbitrary<CompiledBundle> = fc.array(set, { maxLength: 3 }).map((sets) => ({
  format: 'portcullis.policy/1',
  name: 'b',
  version: '1.0.0',
  default: 'deny',
  sets,
  modules: [],
}));

const value = fc.constantFrom<Json | undefined>('a', 'ab', 'b', 'ab/c', 5, null, undefined, [], {});
const element_ = fc.constantFrom<Json>({ d: 'a' }, { d: 'b' }, {}, { d: 5 }, 'a', { d: 'a', e: 1 });
const list = fc.oneof(fc.array(element_, { maxLength: 3 }), value);
const PLACES: readonly (readonly [path: string, values: fc.Arbitrary<unknown>])[] = [
  ['agent.id', value],
  ['agent', fc.constantFrom(undefined, 'x', {}, { id: 'a' })],
  ['tool.name', value],
  ['tool.arguments.p', value],
  ['tool.arguments.q', value],
  ['tool.arguments.to', list],
  ['tool.arguments', fc.constantFrom<unknown>(undefined, 'x', {}, { p: 'a' })],
  ['tool', fc.constantFrom<unknown>(undefined, 5, {})],
  ['user.team', value],
  ['kind', fc.constantFrom(undefined, 'tool_call', 'egress', 'nonsense')],
  ['source', fc.constantFrom('mcp_proxy', 'egress_proxy')],
  ['context.request_id', value],
  ['context.approval.granted', fc.constantFrom<unknown>(undefined, [], ['platform/s/r'], 'x')],
];
const change = fc.oneof(...PLACES.map(([path, values]) => values.map((to) => ({ path, to }))));
const START = {
  version: '1.0',
  tenant_id: 't',
  source: 'mcp_proxy',
  agent: { id: 'a' },
  tool: { name: 'a', arguments: { p: 'a', q: 'b', to: [{ d: 'a' }] } },
  user: {},
  context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r', approval: {} },
};

function changed(request: unknown, { path, to }: { readonly path: string; readonly to: unknown }): unknown {
  const copy = structuredClone(request) as Record<string, unknown>;
  const names = path.split('.');
  let at = copy;
  for (const name of names.slice(0, -1)) {
    if (typeof at[name] !== 'object' || at[name] === null || Array.isArray(at[name])) return copy;
    at = at[name] as Record<string, unknown>;
  }
  at[names.at(-1) ?? ''] = to;
  return copy;
}

test('requests that read the same get the same verdict', () => {
  const seen = { same: 0, different: 0 };
  fc.assert(
    fc.property(
      bundle,
      fc.array(change, { maxLength: 4 }),
      fc.array(change, { minLength: 10, maxLength: 20 }),
      (given, before, changes) => {
        const engine = linkBundle(given);
        const request = before.reduce<unknown>(changed, START) as ContextualRequest;
        const { verdict, reads } = engine.evaluateWithReads(request);
        expect(engine.evaluate(request)).toEqual(verdict);
        const readingsOf = (one: ContextualRequest) => reads.map((path) => engine.readingOf(path, one));
        const readings = readingsOf(request);
        for (const one of changes) {
          const other = changed(request, one) as ContextualRequest;
          if (!isSame(readings, readingsOf(other))) {
            seen.different += 1;
            continue;
          }
          seen.same += 1;
          expect(engine.evaluate(other)).toEqual(verdict);
        }
      },
    ),
    { numRuns: 800 },
  );
  expect(seen.same).toBeGreaterThan(2_000);
  expect(seen.different).toBeGreaterThan(500);
});

function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSame(a[name as never], b[name as never]))
  );
}

describe('a read set', () => {
  const engineOf = (...rules: readonly RuleIr[]) =>
    linkBundle({
      format: 'portcullis.policy/1',
      name: 'b',
      version: '1.0.0',
      default: 'deny',
      modules: [],
      sets: [{ name: 's', layer: 'platform', combining: 'priority', priorityOrder: 'desc', rules }],
    });
  const readsOf = (...rules: readonly RuleIr[]) =>
    [...engineOf(...rules).evaluateWithReads(START as unknown as ContextualRequest).reads].sort();

  test('has what the index looked up, and not what a rule that it left out would have read', () => {
    const rule = (agent: string, field: string): RuleIr =>
      ruleOf(and(leaf('agent.id', 'equals', agent), leaf(field, 'exists', true)));
    expect(readsOf(rule('b', 'user.team'), rule('c', 'user.team'))).toEqual(['agent.id', 'context.approval.granted']);
    expect(readsOf(rule('a', 'tool.name'), rule('c', 'user.team'))).toEqual([
      'agent.id',
      'context.approval.granted',
      'tool.name',
    ]);
  });

  test('has nothing that stands behind the deciding rule', () => {
    expect(readsOf(ruleOf(leaf('agent.id', 'exists', true)), ruleOf(leaf('user.team', 'exists', true)))).toEqual([
      'agent.id',
      'context.approval.granted',
    ]);
  });

  test('is the whole request where a quota is asked for', () => {
    const guard = { kind: 'requests', limit: 1, windowSeconds: 60, per: ['agent'] } as const;
    expect(readsOf(ruleOf(and(), { guard, effect: { type: 'deny' } }), ruleOf(and()))).toContain(WHOLE_REQUEST);
  });

  test('of another engine is refused', () => {
    expect(() => engineOf().readingOf('agent.id', START as unknown as ContextualRequest)).toThrow(TypeError);
  });
});
