/**
 * The index leaves out only rules that are false. Rules are of the kinds that it looks up, and requests are near them:
 * values that just match, that just do not, that are missing, and that are of wrong types or unreadable.
 */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { FALSE } from '../../dsl/truth.js';
import type { CanonicalRequest } from '../../model/request.js';
import type { ConditionIr, LeafIr } from '../ir.js';
import { linkRule } from '../linked-rule.js';
import { createLinker } from '../match.js';
import { buildRuleIndex } from './build.js';
import { constraintsOf, createLeafConstraint } from './constraint.js';
import { drain, openRuleIndex } from './rule-index.js';
import { and, leaf, or, ruleOf } from './sketch.js';

const texts = ['a', 'b', 'ab', 'abc', 'abcd', 'A', ''] as const;
const hosts = [
  'x.io',
  'a.x.io',
  'b.a.x.io',
  'ax.io',
  'io',
  'X.IO.',
  '10.0.0.1',
  'x.io:1',
  'bücher.x.io',
  '[::1]',
] as const;
const ips = [
  '10.0.0.1',
  '10.0.0.2',
  '10.255.0.1',
  '11.0.0.0',
  '::ffff:10.0.0.1',
  'fd00::1',
  'fd00::2',
  '::1',
  '010.0.0.1',
] as const;
const patterns = ['x.io', '*.x.io', '*.a.x.io', 'a.x.io', '*.io', '10.0.0.1'];
const ranges = ['10.0.0.0/8', '10.0.0.0/31', '10.0.0.1', '0.0.0.0/0', 'fd00::/8', 'fd00::/127', '::/0', '::1'];
const bits = { negated: fc.boolean(), blocking: fc.boolean() };
const some = <T>(values: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...values], { minLength: 1, maxLength: 3 });
const one = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

const textField = fc.constantFrom('agent.id', 'tool.name', 'tool.arguments.p', 'tool.arguments.q');
const words = texts.filter((text) => text !== '');
const leaves: fc.Arbitrary<LeafIr> = fc
  .record({
    core: fc.oneof(
      fc.record({ field: textField, operator: fc.constant('equals' as const), literal: one(texts) }),
      fc.record({ field: textField, operator: fc.constant('in' as const), literal: some(texts) }),
      fc.record({
        field: textField,
        operator: fc.constant('starts_with' as const),
        literal: fc.oneof(one(words), some(words)),
      }),
      fc.record({
        field: fc.constant('tool.arguments.p'),
        operator: fc.constant('equals' as const),
        literal: fc.constantFrom(1, true),
      }),
      fc.record({
        field: textField,
        operator: fc.constant('regex_match' as const),
        literal: one(['^a', 'b$', '^ab(c|d)', '^(a|b)c?$']),
      }),
      fc.record({
        field: textField,
        operator: fc.constant('glob_match' as const),
        literal: one(['a*', '*b', 'ab?', 'abc']),
      }),
      fc.record({
        field: fc.constant('tool.arguments.h'),
        operator: fc.constant('domain_match' as const),
        literal: fc.oneof(one(patterns), some(patterns)),
      }),
      fc.record({
        field: fc.constant('context.ip'),
        operator: fc.constant('cidr_match' as const),
        literal: fc.oneof(one(ranges), some(ranges)),
      }),
    ),
    ...bits,
  })
  .map(({ core, negated, blocking }) => leaf(core.field, core.operator, core.literal, { negated, blocking }));

const condition = fc.letrec<{ node: ConditionIr }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    leaves,
    fc.array(tie('node'), { maxLength: 4 }).map((of) => and(...of)),
    fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((of) => or(...of)),
  ),
})).node;

const rules = fc.array(
  condition.map((when) => ruleOf(when)),
  { minLength: 1, maxLength: 40, size: 'max' },
);

/** Mostly of the right type. */
function value(right: readonly string[]): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 8, arbitrary: one(right) },
    { weight: 2, arbitrary: fc.constantFrom<unknown>(undefined) },
    { weight: 1, arbitrary: fc.constantFrom<unknown>(null, 1, true, [], ['a'], {}) },
  );
}
const requests = fc
  .record({
    agent: fc.record({ id: value(texts) }),
    tool: fc.oneof(
      {
        weight: 9,
        arbitrary: fc.record({
          name: value(texts),
          arguments: fc.record({ p: value(texts), q: value(texts), h: value(hosts) }),
        }),
      },
      { weight: 1, arbitrary: fc.constantFrom<unknown>(5, undefined, { name: 'a', arguments: [] }) },
    ),
    context: fc.record({ ip: value(ips) }),
  })
  .map((request) => request as unknown as CanonicalRequest);

test('what it leaves out is false, and what it names comes in order', () => {
  let left = 0;
  fc.assert(
    fc.property(rules, fc.array(requests, { minLength: 5, maxLength: 10, size: 'max' }), (given, asked) => {
      const linker = createLinker();
      const leafConstraint = createLeafConstraint(linker.fieldOf);
      const linked = given.map((rule) => linkRule(rule, linker));
      const index = openRuleIndex(
        drain(buildRuleIndex(given.map((rule) => constraintsOf(rule, leafConstraint)))),
        linker,
      );
      for (const request of asked) {
        index.begin(request);
        let from = 0;
        for (let number = index.next(0); from <= given.length; number = index.next(from)) {
          const end = number === -1 ? given.length : number;
          expect(end).toBeGreaterThanOrEqual(from);
          for (const [offset, rule] of linked.slice(from, end).entries()) {
            left += 1;
            if (rule.condition.test(request) !== FALSE) expect(`rule ${from + offset} is left out`).toBe('false');
          }
          from = end + 1;
        }
      }
    }),
    { numRuns: 300 },
  );
  // An index that names every rule would pass the rest.
  expect(left).toBeGreaterThan(5_000);
});
