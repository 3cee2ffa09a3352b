import { surfacesOf } from '../../dsl/field-surfaces.js';
import type { ConditionIr, LeafIr, RuleIr } from '../../engine/ir.js';
import { ATTEMPT_KINDS, type AttemptKind } from '../../model/request.js';
import { every, leavesOf, not, truthIs } from '../claim.js';
import type { Solver } from '../solver.js';
import { CAN_FALSE, CAN_TRUE } from '../truth-set.js';
import type { FindingText } from './finding.js';

const PATTERN_OPERATORS: ReadonlySet<string> = new Set(['regex_match', 'glob_match']);

/** What is wrong with single comparisons of a rule that an author wrote. */
export function leafFindings(rule: RuleIr, solver: Solver): readonly FindingText[] {
  const leaves = leavesOf(rule.when);
  return [...leaves.flatMap((leaf) => meaningless(leaf, solver)), ...unavailable(rule, leaves), ...repeated(rule.when)];
}

/** Comparisons that come out the same for every request. */
function meaningless(leaf: LeafIr, solver: Solver): readonly FindingText[] {
  if (leaf.quantifiers !== undefined) return [];
  const positive: LeafIr = { ...leaf, negated: false, whenMissing: false };
  const here = { path: leaf.path, line: leaf.line };
  const asked = `${leaf.written} ${shown(leaf)} on ${leaf.field}`;
  const pattern = PATTERN_OPERATORS.has(leaf.operator);
  if (solver.ask(truthIs(positive, CAN_TRUE)).answer === 'no') {
    if (pattern && isMeantToFail(leaf)) return [];
    if (pattern) return [{ ...here, code: 'LINT_PATTERN_NEVER', message: `the pattern of ${asked} matches no text` }];
    const always = leaf.negated ? 'always holds: the field cannot have such a value' : 'never holds';
    return [{ ...here, code: 'LINT_LEAF_NEVER', message: `${asked} ${always}` }];
  }
  if (pattern) {
    const present = truthIs({ ...positive, operator: 'exists', literal: true, written: 'exists' }, CAN_TRUE);
    const differs = every(truthIs(positive, CAN_FALSE), present);
    if (solver.ask(differs).answer !== 'no') return [];
    return [{ ...here, code: 'LINT_PATTERN_ALWAYS', message: `the pattern of ${asked} matches every text` }];
  }
  if (solver.ask(not(truthIs(leaf, CAN_TRUE))).answer !== 'no') return [];
  return [{ ...here, code: 'LINT_LEAF_ALWAYS', message: `${asked} holds for every request` }];
}

/** A character that is no character: written by somebody, or filled into a pack, to mean "none". */
const NO_CHARACTER = '[^\\x00-\\x{10FFFF}]';

function isMeantToFail({ literal }: LeafIr): boolean {
  return typeof literal === 'string' && literal.includes(NO_CHARACTER);
}

/** The literal, short. */
function shown({ literal, operator }: LeafIr): string {
  if (operator === 'exists') return '';
  const text = JSON.stringify(literal);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** The kinds of attempt that a rule speaks of. */
export function kindsOf(rule: RuleIr): readonly AttemptKind[] {
  const leaf = rule.scope.find(({ path, field }) => path === 'on' && field === 'kind');
  if (leaf === undefined) return ATTEMPT_KINDS;
  const named = Array.isArray(leaf.literal) ? (leaf.literal as readonly unknown[]) : [leaf.literal];
  return ATTEMPT_KINDS.filter((kind) => named.includes(kind));
}

function unavailable(rule: RuleIr, leaves: readonly LeafIr[]): readonly FindingText[] {
  const kinds = kindsOf(rule);
  return leaves.flatMap((leaf): readonly FindingText[] => {
    const surfaces = surfacesOf(leaf.field);
    // To ask whether it is there is how one writes a policy for several surfaces.
    if (leaf.operator === 'exists' || kinds.some((kind) => surfaces.includes(kind))) return [];
    const holds = leaf.whenMissing ? 'always holds' : 'never holds';
    const value = leaf.whenMissing === 'error' ? 'cannot be evaluated' : holds;
    const message = `${leaf.field} does not exist on ${kinds.join(', ')}, so the comparison ${value}`;
    const suggestion = `say on: [${surfaces.join(', ')}], or compare a field that ${kinds.join(', ')} has`;
    return [{ code: 'LINT_FIELD_UNAVAILABLE', message, path: leaf.path, line: leaf.line, suggestion }];
  });
}

/** Comparisons that stand twice in one group. */
function repeated(condition: ConditionIr): readonly FindingText[] {
  if (condition.node === 'leaf') return [];
  const seen = new Map<string, LeafIr>();
  const found: FindingText[] = [];
  for (const part of condition.of) {
    if (part.node !== 'leaf') {
      found.push(...repeated(part));
      continue;
    }
    const key = JSON.stringify([part.field, part.operator, part.negated, part.literal, part.quantifiers ?? null]);
    const twin = seen.get(key);
    seen.set(key, part);
    if (twin === undefined) continue;
    const message = `${part.written} ${shown(part)} on ${part.field} is already asked at ${twin.path}`;
    found.push({ code: 'LINT_CONDITION_DUPLICATE', message, path: part.path, line: part.line });
  }
  return found;
}
