import type { ConditionIr } from '../../engine/ir.js';
import type { RuleView } from '../rule-claims.js';
import type { FindingText } from './finding.js';

/** Rules that say what an earlier one of their set says, told by their text; those that decide are found by their reach. */
export function duplicateFindings(
  views: readonly RuleView[],
  told: ReadonlySet<RuleView>,
): readonly (readonly [RuleView, FindingText])[] {
  const first = new Map<string, RuleView>();
  return views.flatMap((view): readonly (readonly [RuleView, FindingText])[] => {
    const { rule, condition } = view;
    const key = JSON.stringify([conditionKey(condition), rule.effect, rule.guard ?? null]);
    const twin = first.get(key);
    if (twin === undefined) first.set(key, view);
    if (twin === undefined || told.has(view)) return [];
    const message = `"${rule.name}" says the same as "${twin.rule.name}" (${twin.rule.file}:${twin.rule.line})`;
    return [[view, { code: 'LINT_DUPLICATE', message, related: [twin.rule] }]];
  });
}

/** Equal for conditions that differ only in the order of their parts. */
function conditionKey(condition: ConditionIr): string {
  if (condition.node !== 'leaf') {
    const parts = condition.of.map(conditionKey);
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : `${condition.node}(${[...new Set(parts)].sort().join()})`;
  }
  const { field, operator, negated, literal, whenMissing, quantifiers } = condition;
  const listed =
    operator === 'in' && Array.isArray(literal) ? literal.map((one) => JSON.stringify(one)).sort() : literal;
  return JSON.stringify([field, operator, negated, whenMissing, listed, quantifiers ?? null]);
}
