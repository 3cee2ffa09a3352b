import type { ConditionIr, LeafIr } from '../engine/ir.js';
import type { Json, JsonObject } from '../model/request.js';
import { type Field, findField } from './fields.js';
import type { Excerpt, Findings } from './findings.js';
import { didYouMean } from './nearest.js';
import { isOperator, type Literal, OPERATOR_NAMES, OPERATORS, type Operator, operatorRow } from './operators.js';
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

interface ConditionContext {
  readonly where: Excerpt;
  readonly findings: Findings;
  /** Whether the rule blocks: decides what a negated leaf says of a missing field (contracts §2). */
  readonly blocking: boolean;
}

/**
 * Compiles `when` into negation normal form: `not` disappears, leaves carry a sign, and each leaf knows what a missing
 * field means. Reports every problem and then returns nothing.
 */
export function compileCondition(when: Json, context: ConditionContext): ConditionIr | undefined {
  if (when === ALWAYS) return { node: 'and', of: [] };
  const before = context.findings.count;
  const condition = compileNode(when, { path: 'when', negated: false, depth: 0 }, context);
  return context.findings.count === before ? condition : undefined;
}

interface NodePlace {
  readonly path: string;
  readonly negated: boolean;
  readonly depth: number;
}

function compileNode(value: Json, place: NodePlace, context: ConditionContext): ConditionIr | undefined {
  const { where, findings } = context;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const hint = place.path === 'when' ? `, or "${ALWAYS}"` : '';
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
    findings.add(where, childPath(place.path, 'operator'), 'ERR_POLICY_OPERATOR_UNKNOWN', message + suggestion);
    return undefined;
  }
  const conditions = written['conditions'];
  const listPath = childPath(place.path, 'conditions');
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
    const node = compileNode(child, { path: childPath(listPath, index), negated, depth: place.depth + 1 }, context);
    if (node !== undefined) compiled.push(node);
  }
  if (compiled.length !== conditions.length) return undefined;
  if (operator === 'not') return compiled[0];
  // De Morgan: under a negation an `and` is an `or` of negated parts.
  return { node: (operator === 'and') === negated ? 'or' : 'and', of: compiled };
}

function compileLeaf(written: JsonObject, place: NodePlace, context: ConditionContext): LeafIr | undefined {
  const { where, findings, blocking } = context;
  const before = findings.count;
  checkKeys(written, LEAF_KEYS, place.path, context);
  const field = readField(written['field'], place.path, context);
  const operator = readOperator(written['operator'], place.path, context);
  if (field === undefined || operator === undefined) return undefined;

  const spec = OPERATORS[operator];
  const row = operatorRow(spec.base);
  const valuePath = childPath(place.path, 'value');
  if (!row.fields.includes(field.type)) {
    const accepted = OPERATOR_NAMES.filter((name) => operatorRow(OPERATORS[name].base).fields.includes(field.type));
    const type = field.type.replace('_', ' of ');
    const message = `${operator} cannot be asked of ${field.path}, a ${type} (it takes ${accepted.join(', ')})`;
    findings.add(where, childPath(place.path, 'operator'), 'ERR_POLICY_OPERATOR_MISUSED', message);
    return undefined;
  }
  const fault = row.check(written['value'], field);
  if (fault !== undefined) {
    const at = fault.index === undefined ? valuePath : childPath(valuePath, fault.index);
    findings.add(where, at, fault.code, fault.message);
  }
  if (findings.count > before) return undefined;

  const literal = spec.base === 'exists' ? true : (written['value'] as Literal);
  const asksForAbsence = spec.base === 'exists' && written['value'] === false;
  const negated = place.negated !== (spec.negated || asksForAbsence);
  return {
    node: 'leaf',
    field: field.path,
    operator: spec.base,
    negated,
    literal,
    // `exists` is never asked of nothing: its absence is an answer.
    whenMissing: spec.base === 'exists' ? negated : negated && blocking,
    written: operator,
    path: place.path,
    line: where.at(place.path)?.[0] ?? 0,
  };
}

function readField(value: Json | undefined, path: string, { where, findings }: ConditionContext): Field | undefined {
  if (typeof value !== 'string') {
    findings.add(where, childPath(path, 'field'), 'ERR_POLICY_SHAPE', 'field is missing: the path of what is compared');
    return undefined;
  }
  const lookup = findField(value);
  if ('field' in lookup) return lookup.field;
  findings.add(where, childPath(path, 'field'), 'ERR_POLICY_FIELD_UNKNOWN', lookup.problem);
  return undefined;
}

function readOperator(value: Json | undefined, path: string, context: ConditionContext): Operator | undefined {
  const { where, findings } = context;
  const at = childPath(path, 'operator');
  if (typeof value !== 'string') {
    findings.add(where, at, 'ERR_POLICY_SHAPE', 'operator is missing');
    return undefined;
  }
  if (isOperator(value)) return value;
  const message = `unknown operator "${value}"${didYouMean(value, [...OPERATOR_NAMES, ...GROUP_OPERATORS])}`;
  findings.add(where, at, 'ERR_POLICY_OPERATOR_UNKNOWN', message);
  return undefined;
}

function checkKeys(written: JsonObject, known: readonly string[], path: string, context: ConditionContext): void {
  for (const key of Object.keys(written)) {
    if (known.includes(key)) continue;
    const message = `unknown key "${key}"${didYouMean(key, known)}`;
    context.findings.add(context.where, childPath(path, key), 'ERR_POLICY_KEY_UNKNOWN', message, 'key');
  }
}

function isGroupOperator(name: string): name is GroupOperator {
  return (GROUP_OPERATORS as readonly string[]).includes(name);
}
