/** Rules in few words, for tests: conditions are given as they are compiled, so no policy text is involved. */
import type { BaseOperator, Literal } from '../../dsl/operators.js';
import type { ConditionIr, LeafIr, RuleIr } from '../ir.js';

/** A leaf; `blocking` says whether its rule blocks, which decides what a missing field means to a negated leaf. */
export function leaf(
  field: string,
  operator: BaseOperator,
  literal: Literal,
  { negated = false, blocking = false }: { readonly negated?: boolean; readonly blocking?: boolean } = {},
): LeafIr {
  const whenMissing = operator === 'exists' ? negated : negated && blocking;
  return { node: 'leaf', field, operator, literal, negated, whenMissing, written: operator, path: 'when', line: 1 };
}

/** All of them. */
export function and(...of: readonly ConditionIr[]): ConditionIr {
  return { node: 'and', of };
}

/** Any of them. */
export function or(...of: readonly ConditionIr[]): ConditionIr {
  return { node: 'or', of };
}

/** A rule that allows. */
export function ruleOf(when: ConditionIr, more: Partial<RuleIr> = {}): RuleIr {
  return {
    id: 'r',
    name: 'r',
    effect: { type: 'allow' },
    priority: 1,
    scope: [],
    when,
    frameworks: [],
    file: 'r.json',
    line: 1,
    column: 1,
    ...more,
  };
}
