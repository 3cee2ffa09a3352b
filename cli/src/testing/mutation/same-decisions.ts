import type { ConditionIr, LeafIr, RuleIr } from '@portcullis/policy';

/** Where and how a thing is written, which decides nothing. */
const SPELLING: ReadonlySet<string> = new Set(['path', 'line', 'column', 'file', 'written', 'name', 'frameworks']);

/** Whether two rules are the same but for where and how they are written. */
export function sameRule(one: RuleIr, other: RuleIr): boolean {
  return meaningOf(one) === meaningOf(other);
}

/** Whether two rules ask the same of a request. */
export function sameCondition(one: RuleIr, other: RuleIr): boolean {
  return meaningOf({ scope: one.scope, when: one.when }) === meaningOf({ scope: other.scope, when: other.when });
}

/** Whether two rules differ, if at all, only in what they ask of a request. */
export function sameConsequence(one: RuleIr, other: RuleIr): boolean {
  const { scope: _scope, when: _when, ...rest } = one;
  const { scope: _otherScope, when: _otherWhen, ...otherRest } = other;
  return meaningOf(rest) === meaningOf(otherRest);
}

function meaningOf(value: unknown): string {
  return JSON.stringify(value, (name, member: unknown) => (SPELLING.has(name) ? undefined : member));
}

/**
 * Whether no request can satisfy both rules, as far as that shows at once: they ask that one field equal different
 * texts, numbers or booleans.
 */
export function neverTogether(one: RuleIr, other: RuleIr): boolean {
  const accepted = new Map(
    necessary(one).flatMap((leaf) => valuesOf(leaf).map((values) => [leaf.field, values] as const)),
  );
  return necessary(other).some((leaf) => {
    const known = accepted.get(leaf.field);
    const [values] = valuesOf(leaf);
    return known !== undefined && values !== undefined && known.every((value) => !values.includes(value));
  });
}

/** Leaves that must all hold. */
function necessary(rule: RuleIr): readonly LeafIr[] {
  const collect = (condition: ConditionIr): readonly LeafIr[] => {
    if (condition.node === 'leaf') return [condition];
    return condition.node === 'and' || condition.of.length === 1 ? condition.of.flatMap(collect) : [];
  };
  return [...rule.scope, ...collect(rule.when)].filter((leaf) => !leaf.negated);
}

/** The values that a leaf accepts; none when they cannot be listed. A quantified field has several values at once. */
function valuesOf({ field, operator, literal }: LeafIr): readonly (readonly unknown[])[] {
  if (field.includes('[')) return [];
  if (operator === 'equals') return [[literal]];
  return operator === 'in' ? [literal as readonly unknown[]] : [];
}
