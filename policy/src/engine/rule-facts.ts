import { guardFields } from './guards.js';
import { type Constraints, constraintsOf, createLeafConstraint, type FieldLookUp } from './index/constraint.js';
import type { ConditionIr, RuleIr } from './ir.js';

/** What linking needs to know of a rule before any request meets it. */
export interface RuleFacts {
  readonly constraints: Constraints;
  /** The paths of the fields that it reads, or has put on record, each once. */
  readonly fields: readonly string[];
}

/** What there is to know of rules whose fields `fieldOf` finds. */
export function createFactsOf(fieldOf: FieldLookUp): (rule: RuleIr) => RuleFacts {
  const leafConstraint = createLeafConstraint(fieldOf);
  const known = new Map<string, readonly string[]>();
  return (rule) => {
    const read = fieldsOf({ node: 'and', of: [...rule.scope, rule.when] });
    const besides = [
      ...(rule.guard === undefined ? [] : guardFields(rule.guard)),
      // What is to be on record has to be known, whether or not a condition reads it.
      ...(rule.effect.logIntentSignals === true ? ['intent_risk'] : []),
    ];
    const own = besides.length === 0 ? read : [...new Set([...read, ...besides])];
    // Rules that read the same fields share one list of them.
    const name = own.join(' ');
    const fields = known.get(name) ?? own;
    if (fields === own) {
      // A field that this version does not know must show now, not at the first request that meets it.
      for (const path of own) fieldOf(path);
      if (known.size === MAX_REMEMBERED) known.clear();
      known.set(name, own);
    }
    return { constraints: constraintsOf(rule, leafConstraint), fields };
  };
}

/** Lists of fields that are remembered. */
const MAX_REMEMBERED = 10_000;

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
