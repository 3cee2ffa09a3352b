/** What conditions mean, without compilation: see reference-evaluator.ts. */
import type { ContextualRequest, Json, JsonObject } from '@portcullis/policy/model';
import { kindOf } from '@portcullis/policy/model';
import { compare } from './reference-operators.js';

/** The value of a condition, and which part is to blame when it has none. */
export type Outcome = { readonly value: true | false } | { readonly value: 'error'; readonly path: string };

/** Where a condition stands, and in what kind of rule. */
export interface Place {
  readonly path: string;
  readonly negated: boolean;
  /** What a negated leaf says of a missing field. */
  readonly blocking: boolean | 'error';
  /** The types of fields that the bundle declares. */
  readonly types: Readonly<Record<string, string>>;
}

/** Kleene: false dominates `and`, true dominates `or`; otherwise an error; the first error in reading order is reported. */
export function combine(operator: 'and' | 'or', parts: readonly Outcome[]): Outcome {
  const dominant = operator === 'or';
  if (parts.some(({ value }) => value === dominant)) return { value: dominant };
  return parts.find(({ value }) => value === 'error') ?? { value: !dominant };
}

/** Evaluates a condition of the DSL. */
export function evaluateCondition(condition: JsonObject, place: Place, request: ContextualRequest): Outcome {
  const operator = condition['operator'] as string;
  if (operator === 'and' || operator === 'or' || operator === 'not') {
    const negated = operator === 'not' ? !place.negated : place.negated;
    const parts = (condition['conditions'] as readonly JsonObject[]).map((child, index) =>
      evaluateCondition(child, { ...place, negated, path: `${place.path}.conditions[${index}]` }, request),
    );
    const [first] = parts;
    if (operator === 'not') return first ?? { value: false };
    return group(operator, parts, negated);
  }
  return askAll(read(condition['field'] as string, request), condition, place);
}

/** De Morgan: under a negation the parts are negated already, and the group turns into the other one. */
function group(operator: 'and' | 'or', parts: readonly Outcome[], negated: boolean): Outcome {
  return combine(negated === (operator === 'or') ? 'and' : 'or', parts);
}

/** A quantified field is the group of the leaves on its elements. */
function askAll(found: Found, condition: JsonObject, place: Place): Outcome {
  if (typeof found === 'object' && 'parts' in found) {
    const outcomes = found.parts.map((part) => askAll(part, condition, place));
    return group(found.quantifier === 'any' ? 'or' : 'and', outcomes, place.negated);
  }
  return ask(found, condition, place);
}

function ask(found: Exclude<Found, Elements>, condition: JsonObject, place: Place): Outcome {
  const operator = condition['operator'] as string;
  const negative = place.negated !== operator.startsWith('not_');
  if (found === 'broken') return { value: 'error', path: place.path };
  if (operator === 'exists') {
    const wanted = condition['value'] !== false;
    return { value: ((found !== 'missing') === wanted) !== place.negated };
  }
  if (found === 'missing' && negative && place.blocking === 'error') return { value: 'error', path: place.path };
  if (found === 'missing') return { value: negative && place.blocking === true };
  const type = typeOf(condition['field'] as string, place.types);
  const held = compare(operator.replace('not_', ''), found.value, condition['value'] as Json, type);
  return held === 'error' ? { value: 'error', path: place.path } : { value: held !== negative };
}

const LISTS = [
  'context.labels',
  'egress.resolved_ips',
  'facts.sinks',
  'facts.history[any].labels',
  'facts.provenance[any].labels',
  'intent_risk.behavioral_signals.signal_type',
];
const OPEN = /^(tool\.arguments|\w+\.attributes|context\.(delegation|approval)|.*\.details)\./;

/** What kind of value belongs there: it changes what equality means, and what may be searched for a part or a member. */
function typeOf(field: string, declared: Readonly<Record<string, string>>): string {
  const path = field.replaceAll('[all]', '[any]');
  if (path === 'context.timestamp' || path === 'facts.history[any].at') return 'datetime';
  if (path === 'context.ip' || path === 'egress.resolved_ips[any]') return 'ip';
  const own = declared[path];
  if (own?.endsWith('_list') === true || LISTS.includes(path)) return 'list';
  if (own !== undefined) return own === 'string' ? 'text' : own;
  const list = declared[path.replace(/\[any\]$/, '')];
  return OPEN.test(path) && list === undefined ? 'any' : 'text';
}

interface Elements {
  readonly quantifier: 'any' | 'all';
  readonly parts: readonly Found[];
}
type Found = { readonly value: Json } | 'missing' | 'broken' | Elements;

type Step = string | { readonly each: 'any' | 'all' };

function read(path: string, request: ContextualRequest): Found {
  const root = request as unknown as Json;
  if (path === 'kind') return { value: kindOf(request) };
  if (path === 'intent_risk.behavioral_signals.signal_type') {
    const list = walk(['intent_risk', 'behavioral_signals'], root);
    if (typeof list === 'string' || 'parts' in list) return list;
    if (!Array.isArray(list.value)) return 'broken';
    const types = list.value.map((signal: Json) => walk(['signal_type'], signal));
    return types.some((type) => typeof type === 'string')
      ? 'broken'
      : { value: types.map((type) => (type as { value: Json }).value) };
  }
  return walk(stepsOf(path), root);
}

/** Names and quantifiers: `a\.b[any].c` is `a.b`, each, `c`. */
function stepsOf(path: string): readonly Step[] {
  return path.split(/(?<!\\)\./).flatMap((written): readonly Step[] => {
    const [, name = '', quantifiers = ''] = /^(.*?)((?:(?<!\\)\[(?:any|all)\])*)$/s.exec(written) ?? [];
    const each = quantifiers.match(/any|all/g) ?? [];
    return [name.replace(/\\(.)/g, '$1'), ...each.map((one) => ({ each: one as 'any' | 'all' }))];
  });
}

function walk(steps: readonly Step[], root: Json): Found {
  const [step, ...rest] = steps;
  if (step === undefined) return { value: root };
  if (typeof step === 'object') {
    if (!Array.isArray(root)) return 'broken';
    if (root.length === 0) return 'missing';
    return { quantifier: step.each, parts: root.map((element: Json) => walk(rest, element)) };
  }
  if (typeof root !== 'object' || root === null || Array.isArray(root)) return 'broken';
  const member = new Map(Object.entries(root)).get(step);
  return member === undefined ? 'missing' : walk(rest, member);
}
