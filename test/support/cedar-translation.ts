/**
 * Translates sets of the policy language into Cedar, so that Cedar can be asked what they mean. Values travel with their
 * type beside them, and each condition becomes two expressions, one for "holds" and one for "does not hold", so that what
 * a missing field and a value of the wrong type mean is written out in Cedar and none of its own errors is needed.
 *
 * Sets in which an allow lifts a deny have no form in Cedar, nor have patterns, times, addresses and parts of lists.
 */
import { type ContextualRequest, type Json, type JsonObject, kindOf } from '@portcullis/policy/model';
import type { ReferencePolicy } from './reference-evaluator.js';

/** A request as Cedar's JSON form. */
export interface CedarCall {
  readonly principal: { readonly type: string; readonly id: string };
  readonly action: { readonly type: string; readonly id: string };
  readonly resource: { readonly type: string; readonly id: string };
  readonly context: { readonly r: object };
}

/** The request; all of it is in the context, every value with its type. */
export function cedarCallOf(request: ContextualRequest): CedarCall {
  const document = { ...request, kind: kindOf(request) } as unknown as Json;
  return {
    principal: { type: 'Agent', id: 'a' },
    action: { type: 'Action', id: 'ask' },
    resource: { type: 'Tool', id: 't' },
    context: { r: typed(document) },
  };
}

type Tag = 's' | 'n' | 'b' | 'a' | 'o' | 'z';

function typed(value: Json): object {
  if (typeof value === 'string' || typeof value === 'boolean') return { t: tagOf(value), v: value };
  if (typeof value === 'number') return { t: 'n', v: { __extn: { fn: 'decimal', arg: decimalText(value) } } };
  if (value === null) return { t: 'z' };
  if (!Array.isArray(value)) {
    return {
      t: 'o',
      m: Object.fromEntries(Object.entries(value).map(([name, member]) => [name, typed(member)])),
    };
  }
  const elements = value as readonly Json[];
  const values = (tag: Tag): readonly unknown[] =>
    elements.filter((element) => tagOf(element) === tag).map((element) => (typed(element) as { v: unknown }).v);
  return { t: 'a', types: elements.map(tagOf), s: values('s'), n: values('n'), b: values('b') };
}

function tagOf(value: Json): Tag {
  if (value === null) return 'z';
  if (Array.isArray(value)) return 'a';
  return ({ string: 's', number: 'n', boolean: 'b', object: 'o' } as const)[
    typeof value as 'string' | 'number' | 'boolean' | 'object'
  ];
}

function decimalText(value: number): string {
  const text = value.toFixed(4);
  if (Number(text) !== value) throw new Error(`${value} is not a Cedar decimal`);
  return text === '-0.0000' ? '0.0000' : text;
}

/** A policy in Cedar: an allow that holds permits, a deny that holds or has no value forbids; others say nothing. */
export function cedarPolicyOf(policy: ReferencePolicy): string | undefined {
  const effect = effectOf(policy);
  if (effect !== 'allow' && effect !== 'deny') return undefined;
  const parts: Trit[] = scopeOf(policy).map((leaf) => tritOf(leaf, false, false));
  if (policy.when !== 'always') parts.push(tritOf(policy.when as JsonObject, false, effect === 'deny'));
  const { holds, fails } = conjunction(parts);
  return effect === 'allow'
    ? `permit(principal, action, resource) when { ${holds} };`
    : `forbid(principal, action, resource) unless { ${fails} };`;
}

/** The name of a policy's effect. */
export function effectOf({ effect }: ReferencePolicy): string {
  return typeof effect === 'string' ? effect : ((effect as JsonObject)['type'] as string);
}

function scopeOf({ scope, on }: ReferencePolicy): readonly JsonObject[] {
  return [
    ...(scope?.tenant === undefined ? [] : [{ field: 'tenant_id', operator: 'equals', value: scope.tenant }]),
    ...(scope?.workspace === undefined
      ? []
      : [{ field: 'context.workspace_id', operator: 'equals', value: scope.workspace }]),
    ...(on === undefined ? [] : [{ field: 'kind', operator: 'in', value: on }]),
  ];
}

/** A condition as two expressions; where neither is true, it has no value. */
interface Trit {
  readonly holds: string;
  readonly fails: string;
}

function conjunction(parts: readonly Trit[]): Trit {
  if (parts.length === 0) return { holds: 'true', fails: 'false' };
  return {
    holds: `(${parts.map(({ holds }) => holds).join(' && ')})`,
    fails: `(${parts.map(({ fails }) => fails).join(' || ')})`,
  };
}

function tritOf(condition: JsonObject, negated: boolean, blocking: boolean): Trit {
  const operator = condition['operator'] as string;
  const children = (condition['conditions'] ?? []) as readonly JsonObject[];
  if (operator === 'not') return tritOf(children[0] as JsonObject, !negated, blocking);
  if (operator !== 'and' && operator !== 'or') return leafOf(condition, negated, blocking);
  const parts = children.map((child) => tritOf(child, negated, blocking));
  return (operator === 'and') === negated ? negate(conjunction(parts.map(negate))) : conjunction(parts);
}

const negate = ({ holds, fails }: Trit): Trit => ({ holds: fails, fails: holds });
const constant = (value: boolean): Trit => ({ holds: String(value), fails: String(!value) });
/** What a value of the wrong type, or a path through one, gives. */
const NO_VALUE: Trit = { holds: 'false', fails: 'false' };

function leafOf(leaf: JsonObject, underNot: boolean, blocking: boolean): Trit {
  const path = leaf['field'] as string;
  const written = leaf['operator'] as string;
  const operator = written.replace(/^not_/, '');
  const negated = underNot !== written.startsWith('not_');
  const literal = leaf['value'] as Json;
  if (operator === 'exists') {
    const wanted = literal !== false;
    return reading(path, constant(wanted === negated), () => constant(wanted !== negated));
  }
  return reading(path, constant(negated && blocking), (value) => {
    const compared = comparison(operator, value, literal, shapeOf(path));
    return negated ? negate(compared) : compared;
  });
}

/** Walks the path: a member that is not there is missing, a member of what is not an object has no value. */
function reading(path: string, missing: Trit, present: (value: string) => Trit): Trit {
  const names = namesOf(path);
  const walk = (depth: number, value: string): Trit => {
    const name = names[depth];
    if (name === undefined) return present(value);
    const below = walk(depth + 1, `${value}.m[${quoted(name)}]`);
    const choose = (inside: string, absent: string): string =>
      `(if ${value}.t == "o" then (if ${value}.m has ${quoted(name)} then ${inside} else ${absent}) else false)`;
    return { holds: choose(below.holds, missing.holds), fails: choose(below.fails, missing.fails) };
  };
  return walk(0, 'context.r');
}

function namesOf(path: string): readonly string[] {
  return path.split(/(?<!\\)\./).map((name) => name.replace(/\\(.)/g, '$1'));
}

/** Whether a field holds a text, a list, or what the caller likes: a text where a list belongs has no value, nor the other way round. */
type Shape = 'text' | 'list' | 'any';

function shapeOf(path: string): Shape {
  if (/^(context\.labels|facts\.sinks|agent\.attributes\.(groups|ports))$/.test(path)) return 'list';
  if (path === 'tool.attributes.level') return 'text';
  return /^(tool\.arguments|\w+\.attributes)\./.test(path) ? 'any' : 'text';
}

/** One operator on a value that is there. */
function comparison(operator: string, value: string, literal: Json, shape: Shape): Trit {
  const literals = (Array.isArray(literal) ? literal : [literal]) as readonly Json[];
  switch (operator) {
    case 'equals':
    case 'in':
      return ofType(value, tagOf(literals[0] as Json), anyOf(literals.map((one) => `${value}.v == ${term(one)}`)));
    case 'greater_than':
    case 'greater_or_equal':
    case 'less_than':
    case 'less_or_equal':
      return ofType(value, 'n', `${value}.v.${ORDER[operator]}(${term(literal)})`);
    case 'between':
      return ofType(
        value,
        'n',
        `(${value}.v.greaterThanOrEqual(${term(literals[0] as Json)}) && ${value}.v.lessThanOrEqual(${term(literals[1] as Json)}))`,
      );
    case 'starts_with':
      return ofType(value, 's', anyOf(literals.map((one) => `${value}.v like "${likeText(one)}*"`)));
    case 'ends_with':
      return ofType(value, 's', anyOf(literals.map((one) => `${value}.v like "*${likeText(one)}"`)));
    case 'contains':
    case 'contains_any':
      return membership(value, literals, { shape, method: 'containsAny', combine: anyOf });
    case 'contains_all':
      return membership(value, literals, {
        shape,
        method: 'containsAll',
        combine: (parts) => `(${parts.join(' && ')})`,
      });
    case 'subset_of':
      return subset(value, literals);
    default:
      throw new Error(`no translation of ${operator}`);
  }
}

const ORDER = {
  greater_than: 'greaterThan',
  greater_or_equal: 'greaterThanOrEqual',
  less_than: 'lessThan',
  less_or_equal: 'lessThanOrEqual',
} as const;

function ofType(value: string, tag: Tag, condition: string): Trit {
  return {
    holds: `(${value}.t == "${tag}" && ${condition})`,
    fails: `(${value}.t == "${tag}" && !${condition})`,
  };
}

/** In a text, parts; in a list, members. That a list lacks one can be said only when its members are all of that type. */
function membership(
  value: string,
  literals: readonly Json[],
  {
    shape,
    method,
    combine,
  }: {
    readonly shape: Shape;
    readonly method: 'containsAny' | 'containsAll';
    readonly combine: (parts: readonly string[]) => string;
  },
): Trit {
  const tag = tagOf(literals[0] as Json);
  const inText =
    tag === 's' && shape !== 'list'
      ? combine(literals.map((one) => `${value}.v like "*${likeText(one)}*"`))
      : undefined;
  const text = inText === undefined ? NO_VALUE : ofType(value, 's', `(${inText})`);
  const inList = `${value}.${tag}.${method}([${literals.map(term).join(', ')}])`;
  if (shape === 'text') return text;
  return {
    holds: `(${text.holds} || (${value}.t == "a" && ${inList}))`,
    fails: `(${text.fails} || (${value}.t == "a" && !${inList} && ["${tag}"].containsAll(${value}.types)))`,
  };
}

function subset(value: string, literals: readonly Json[]): Trit {
  const tag = tagOf(literals[0] as Json);
  const inside = `[${literals.map(term).join(', ')}].containsAll(${value}.${tag})`;
  return {
    holds: `(${value}.t == "a" && ${inside} && ["${tag}"].containsAll(${value}.types))`,
    fails: `(${value}.t == "a" && !${inside})`,
  };
}

function anyOf(parts: readonly string[]): string {
  return `(${parts.join(' || ')})`;
}

function term(literal: Json): string {
  if (typeof literal === 'number') return `decimal("${decimalText(literal)}")`;
  return typeof literal === 'string' ? quoted(literal) : JSON.stringify(literal);
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function likeText(literal: Json): string {
  return (literal as string).replace(/["\\*]/g, '\\$&');
}

const OPERATORS: ReadonlySet<string> = new Set([
  ...['equals', 'not_equals', 'in', 'not_in', 'exists', 'between', 'starts_with', 'ends_with'],
  ...['contains', 'contains_any', 'contains_all', 'subset_of', ...Object.keys(ORDER)],
]);
/** Fields whose values are compared as times or addresses, which are not their texts; or that stand for several values. */
const SPECIAL =
  /^(context\.(ip|timestamp)|egress\.resolved_ips|intent_risk\.behavioral_signals\..*|.*\.(at|since|home))$/;

/**
 * The condition without the parts that have no form in Cedar; nothing when none is left. What is left out changes what
 * the policy means, so the engine must be asked about the result, too.
 */
export function translatablePart(when: Json): Json | undefined {
  if (when === 'always') return when;
  const condition = when as JsonObject;
  const children = condition['conditions'] as readonly Json[] | undefined;
  if (children === undefined) return isTranslatable(condition) ? condition : undefined;
  const kept = children.map(translatablePart).filter((child) => child !== undefined);
  return kept.length === 0 ? undefined : { ...condition, conditions: kept };
}

function isTranslatable(leaf: JsonObject): boolean {
  const operator = leaf['operator'] as string;
  const field = leaf['field'] as string;
  if (!OPERATORS.has(operator) || /(?<!\\)\[/.test(field)) return false;
  if (operator === 'exists') return !field.startsWith('intent_risk.behavioral_signals.');
  if (SPECIAL.test(field)) return false;
  const bounds = [leaf['value'] ?? []].flat() as readonly Json[];
  const isOrdered = operator === 'between' || Object.hasOwn(ORDER, operator);
  return !isOrdered || bounds.every((bound) => typeof bound === 'number');
}
