import { type Constraints, constraintsOf, type FieldLookUp } from './index/constraint.js';
import type { ConditionIr, RuleIr } from './ir.js';

/** What linking needs to know of a rule before any request meets it. */
export interface RuleFacts {
  readonly constraints: Constraints;
  /** The paths of the fields it reads, each once. */
  readonly fields: readonly string[];
}

/** @throws TypeError when `fieldOf` does not know a field: that must show now, not at the first request that meets it */
export function factsOf(rule: RuleIr, fieldOf: FieldLookUp): RuleFacts {
  const fields = fieldsOf({ node: 'and', of: [...rule.scope, rule.when] });
  for (const path of fields) fieldOf(path);
  return { constraints: constraintsOf(rule, fieldOf), fields };
}

/** The paths of the fields that a condition reads, each once, in the order in which it names them. */
export function fieldsOf(condition: ConditionIr): readonly string[] {
  const fields = new Set<string>();
  const collect = (part: ConditionIr): void => {
    if (part.node === 'leaf') fields.add(part.field);
    else part.of.forEach(collect);
  };
  collect(condition);
  return [...fields];
}
