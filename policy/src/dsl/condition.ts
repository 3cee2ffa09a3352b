import type { ConditionIr, LeafIr, WhenMissing } from '../engine/ir.js';
import type { Quantifier } from '../model/field-path.js';
import type { Json, JsonObject } from '../model/request.js';
import { createFieldTable, type Field, type FieldTable } from './fields.js';
import type { Excerpt, Findings } from './findings.js';
import { didYouMean } from './nearest.js';
import {
  isInternal,
  isOperator,
  type Literal,
  OPERATOR_NAMES,
  type Operator,
  operatorRow,
  spellingOf,
} from './operators.js';
import type { PatternBudget } from './pattern-budget.js';
import { childPath } from './source-document.js';

/** Groups of conditions; `not` takes exactly one. */
export const GROUP_OPERATORS = ['and', 'or', 'not'] as const;
type GroupOperator = (typeof GROUP_OPERATORS)[number];

/** The `when` of a rule that always applies. Written out, so that a forgotten `when` is never one. */
export const ALWAYS = 'always';

/** Groups may nest this deep. */
export const MAX_CONDITION_DEPTH = 16;

const GROUP_KEYS: readonly string[] = ['operator', 'conditions'];
const LEAF_KEYS: readonly string[] = ['field', 'operator', 'value'];

/** What the conditions of one bundle have in common. */
export interface BundleContext {
  readonly fields: FieldTable;
  readonly patterns: PatternBudget;
}

/** What compiling a condition needs besides its text. */
export interface ConditionContext {
  readonly where: Excerpt;
  readonly findings: Findings;
  /** What a negated leaf of the rule says of a missing field (contracts §2): whether the rule blocks, mostly. */
  readonly blocking: WhenMissing;
  /** Where the condition stands inside its policy; `when` unless a typed policy made it of its config. */
  readonly base?: string;
  /** Whether it may use operators that authors cannot write: only conditions that we make ourselves. */
  readonly internal?: boolean;
  /** Absent: the built-in fields, and patterns without a common bound. */
  readonly bundle?: BundleContext | undefined;
}

/**
 * Compiles `when` into negation normal form: `not` disappears, leaves carry a sign, and each leaf knows what a missing
 * field means. Reports every problem and then returns nothing.
 */
export function compileCondition(when: Json, context: ConditionContext): ConditionIr | undefined {
  if (when === ALWAYS) return { node: 'and', of: [] };
  const before = context.findings.count;
  const condition = compileNode(when, { path: baseOf(context), negated: false, depth: 0 }, context);
  return context.findings.count === before ? condition : undefined;
}

function baseOf(context: ConditionContext): string {
  return context.base ?? 'when';
}

/** The place of a part. The parts of a condition that was made of a config have none: they are blamed on the config. */
function partPath(path: string, part: string | number, context: ConditionContext): string {
  return context.internal === true ? path : childPath(path, part);
}

interface NodePlace {
  readonly path: string;
  readonly negated: boolean;
  readonly depth: number;
}

function compileNode(value: Json, place: NodePlace, context: ConditionContext): ConditionIr | undefined {
  const { where, findings } = context;
  if (findings.full) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const hint = place.path === baseOf(context) ? `, or "${ALWAYS}"` : '';
    const message = `expected a condition {field, operator, value} or a group {operator, conditions}${hint}`;
    findings.add(where, place.path, 'ERR_POLICY_SHAPE', message);
    return undefined;
  }
  const written = value as JsonObject;
  const operator = written['operator'];
  const isGroup = Object.hasOwn(written, 'conditions') || (typeof operator === 'string' && isGroupOperator(operator));
  return isGroup ? compileGroup(written, place, context) : compileLeaf(written, place, context);
}

function compileGroup(written: JsonObject, place: NodePlace, context: ConditionContext): ConditionIr | undefined {
  const { where, findings } = context;
  checkKeys(written, GROUP_KEYS, place.path, context);
  const operator = written['operator'];
  if (typeof operator !== 'string' || !isGroupOperator(operator)) {
    const name = typeof operator === 'string' ? ` "${operator}"` : '';
    const message = `unknown group operator${name} (it is one of ${GROUP_OPERATORS.join(', ')})`;
    const suggestion = typeof operator === 'string' ? didYouMean(operator, GROUP_OPERATORS) : '';
    findings.add(where, partPath(place.path, 'operator', context), 'ERR_POLICY_OPERATOR_UNKNOWN', message + suggestion);
    return undefined;
  }
  const conditions = written['conditions'];
  const listPath = partPath(place.path, 'conditions', context);
  if (!Array.isArray(conditions) || conditions.length === 0) {
    // An `and` of nothing would hold always: an emptied group must not turn into a rule for everything.
    findings.add(where, listPath, 'ERR_POLICY_SHAPE', `${operator} needs a list of at least one condition`);
    return undefined;
  }
  if (operator === 'not' && conditions.length !== 1) {
    findings.add(where, listPath, 'ERR_POLICY_SHAPE', 'not takes exactly one condition; wrap several in and / or');
    return undefined;
  }
  if (place.depth >= MAX_CONDITION_DEPTH) {
    findings.add(where, place.path, 'ERR_POLICY_SHAPE', `groups nest at most ${MAX_CONDITION_DEPTH} deep`);
    return undefined;
  }
  const negated = operator === 'not' ? !place.negated : place.negated;
  const compiled: ConditionIr[] = [];
  for (const [index, child] of (conditions as readonly Json[]).entries()) {
    const node = compileNode(
      child,
      { path: partPath(listPath, index, context), negated, depth: place.depth + 1 },
      context,
    );
    if (node !== undefined) compiled.push(node);
  }
  if (compiled.length !== conditions.length) return undefined;
  if (operator === 'not') return compiled[0];
  // De Morgan: under a negation an `and` is an `or` of negated parts.
  return { node: (operator === 'and') === negated ? 'or' : 'and', of: compiled };
}

function compileLeaf(written: JsonObject, place: NodePlace, context: ConditionContext): LeafIr | undefined {
  const { findings, blocking } = context;
  const before = findings.count;
  checkKeys(written, LEAF_KEYS, place.path, context);
  const field = readField(written['field'], place.path, context);
  const operator = readOperator(written['operator'], place.path, context);
  if (field === undefined || operator === undefined) return undefined;

  const spelling = spellingOf(operator);
  const row = operatorRow(spelling.base);
  if (!row.fields.includes(field.type)) {
    reportMisuse(operator, field, place.path, context);
    return undefined;
  }
  checkLiteral(written['value'], operator, field, place.path, context);
  if (findings.count > before) return undefined;

  const literal = spelling.base === 'exists' ? true : (written['value'] as Literal);
  const asksForAbsence = spelling.base === 'exists' && written['value'] === false;
  const negated = place.negated !== (spelling.negated || asksForAbsence);
  return {
    node: 'leaf',
    field: field.path,
    operator: spelling.base,
    negated,
    literal,
    // `exists` is never asked of nothing: its absence is an answer.
    whenMissing: spelling.base === 'exists' ? negated : negated && blocking,
    ...(field.quantifiers === undefined ? {} : { quantifiers: quantifiersOf(field, place.negated) }),
    written: operator,
    path: place.path,
    line: context.where.at(place.path)?.[0] ?? 0,
  };
}

/** De Morgan: not for any element is for all elements not. A `not_…` operator is asked of each element as it stands. */
function quantifiersOf(field: Field, negated: boolean): readonly Quantifier[] {
  return (field.quantifiers ?? []).map(({ quantifier }) => {
    if (!negated) return quantifier;
    return quantifier === 'any' ? 'all' : 'any';
  });
}

function reportMisuse(operator: Operator, field: Field, path: string, context: ConditionContext): void {
  const accepted = OPERATOR_NAMES.filter((name) => operatorRow(spellingOf(name).base).fields.includes(field.type));
  const type = field.type.replace('_list', ' list');
  const elements = field.type.endsWith('_list') ? '; for its elements write [any] or [all] behind it' : '';
  const message = `${operator} cannot be asked of ${field.path}, a ${type} (it takes ${accepted.join(', ')}${elements})`;
  context.findings.add(context.where, partPath(path, 'operator', context), 'ERR_POLICY_OPERATOR_MISUSED', message);
}

function checkLiteral(
  literal: Json | undefined,
  operator: Operator,
  field: Field,
  path: string,
  context: ConditionContext,
): void {
  const row = operatorRow(spellingOf(operator).base);
  const valuePath = partPath(path, 'value', context);
  const patterns = context.bundle?.patterns;
  const fault = row.check(literal, field, patterns?.sizes);
  if (fault !== undefined) {
    const at = fault.at.reduce<string>((parent, part) => partPath(parent, part, context), valuePath);
    context.findings.add(context.where, at, fault.code, fault.message);
    return;
  }
  if (row.patternSteps === undefined || patterns === undefined) return;
  const over = patterns.take(operator, literal as Literal, row.patternSteps);
  if (over !== undefined) context.findings.add(context.where, valuePath, 'ERR_POLICY_REGEX_INVALID', over);
}

function readField(value: Json | undefined, path: string, context: ConditionContext): Field | undefined {
  const { where, findings } = context;
  if (typeof value !== 'string') {
    findings.add(
      where,
      partPath(path, 'field', context),
      'ERR_POLICY_SHAPE',
      'field is missing: the path of what is compared',
    );
    return undefined;
  }
  const lookup = (context.bundle?.fields ?? createFieldTable({})).findField(value);
  if ('field' in lookup) return lookup.field;
  findings.add(where, partPath(path, 'field', context), 'ERR_POLICY_FIELD_UNKNOWN', lookup.problem);
  return undefined;
}

function readOperator(value: Json | undefined, path: string, context: ConditionContext): Operator | undefined {
  const { where, findings } = context;
  const at = partPath(path, 'operator', context);
  if (typeof value !== 'string') {
    findings.add(where, at, 'ERR_POLICY_SHAPE', 'operator is missing');
    return undefined;
  }
  if (isOperator(value) && (context.internal === true || !isInternal(value))) return value;
  const message = `unknown operator "${value}"${didYouMean(value, [...OPERATOR_NAMES, ...GROUP_OPERATORS])}`;
  findings.add(where, at, 'ERR_POLICY_OPERATOR_UNKNOWN', message);
  return undefined;
}

function checkKeys(written: JsonObject, known: readonly string[], path: string, context: ConditionContext): void {
  for (const key of Object.keys(written)) {
    if (known.includes(key)) continue;
    const message = `unknown key "${key}"${didYouMean(key, known)}`;
    context.findings.add(context.where, partPath(path, key, context), 'ERR_POLICY_KEY_UNKNOWN', message, 'key');
  }
}

function isGroupOperator(name: string): name is GroupOperator {
  return (GROUP_OPERATORS as readonly string[]).includes(name);
}
