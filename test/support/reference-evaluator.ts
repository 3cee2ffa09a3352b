/**
 * What the policy language means, written as plainly as possible from contracts §2 and §3 and ADR-0001: no index, no
 * compilation, no short cuts, no code shared with the engine. The engine must agree with it on every input.
 */
import type { CanonicalRequest, Json, JsonObject, Verdict } from '@portcullis/policy/model';
import { kindOf } from '@portcullis/policy/model';
import { RE2JS } from 're2js';

export interface ReferencePolicy {
  readonly name: string;
  readonly slug: string;
  readonly when: Json;
  readonly effect: 'allow' | 'deny' | 'log_only' | { readonly type: string; readonly deny_reason_code?: string };
  readonly priority: number;
  readonly on?: readonly string[];
  readonly scope?: { readonly tenant?: string; readonly workspace?: string };
  readonly status?: 'active' | 'disabled' | 'archived';
  readonly created_at?: string;
}

export interface ReferenceSet {
  readonly name: string;
  readonly layer: 'platform' | 'tenant' | 'workspace';
  readonly tenant?: string;
  readonly workspace?: string;
  readonly combining: 'priority' | 'first_match' | 'deny_overrides';
  readonly priority_order: 'desc' | 'asc';
  readonly policies: readonly ReferencePolicy[];
}

export interface ReferenceBundle {
  readonly version: string;
  readonly default?: 'allow' | 'deny';
  readonly sets: readonly ReferenceSet[];
}

/** The parts of a verdict that have a meaning; texts for people are left out. */
export interface ReferenceVerdict {
  readonly effect: string;
  readonly deny: readonly { readonly code: string; readonly path: string; readonly reason_code?: string }[];
  readonly matched: readonly {
    readonly policy: string;
    readonly layer: string;
    readonly effect: string;
    readonly conditions: readonly string[];
  }[];
  readonly errors: readonly { readonly policy: string; readonly layer: string; readonly path: string }[];
}

/** The engine's verdict, reduced to what the reference speaks of. */
export function toReferenceVerdict(verdict: Verdict): ReferenceVerdict {
  return {
    effect: verdict.effect,
    deny: verdict.deny.map(({ code, path, reason_code }) => ({
      code,
      path,
      ...(reason_code === undefined ? {} : { reason_code }),
    })),
    matched: verdict.matched.map(({ policy, layer, effect, conditions }) => ({ policy, layer, effect, conditions })),
    errors: verdict.errors.map(({ policy, layer, path }) => ({ policy, layer, path })),
  };
}

type Outcome = { readonly value: true | false } | { readonly value: 'error'; readonly path: string };

/** Evaluates a request. */
export function evaluateReference(bundle: ReferenceBundle, request: CanonicalRequest): ReferenceVerdict {
  const deny: ReferenceVerdict['deny'][number][] = [];
  const matched: ReferenceVerdict['matched'][number][] = [];
  const errors: ReferenceVerdict['errors'][number][] = [];
  let someSetAllows = false;
  const layers = ['platform', 'tenant', 'workspace'];
  const sets = layers.flatMap((layer) => bundle.sets.filter((set) => set.layer === layer));
  for (const set of sets) {
    const result = evaluateSet(set, request);
    for (const { policy, outcome } of result.reported) {
      if (outcome.value === 'error') errors.push({ policy: policy.slug, layer: set.layer, path: outcome.path });
      else
        matched.push({
          policy: policy.slug,
          layer: set.layer,
          effect: typeOf(policy),
          conditions: fieldsOf(policy, set),
        });
    }
    if (result.effect === 'allow') someSetAllows = true;
    for (const { policy, outcome } of result.deniers) {
      const reason = typeof policy.effect === 'object' ? policy.effect.deny_reason_code : undefined;
      const path = `${set.layer}/${policy.slug}`;
      if (outcome.value === 'error') deny.push({ code: 'POLICY_ERROR', path });
      else deny.push({ code: 'POLICY_DENIED', path, ...(reason === undefined ? {} : { reason_code: reason }) });
    }
  }
  const loaded = sets.flatMap((set) => set.policies.filter(isActive)).length;
  const byDefault = loaded > 0 && bundle.default === 'allow';
  if (deny.length === 0 && !someSetAllows && !byDefault) deny.push({ code: 'NO_MATCHING_POLICY', path: 'default' });
  return { effect: deny.length === 0 ? 'allow' : 'deny', deny, matched, errors };
}

interface Met {
  readonly policy: ReferencePolicy;
  readonly outcome: Outcome;
}

interface SetResult {
  readonly effect: 'allow' | 'deny' | undefined;
  /** Rules that matched or erred, as far as the set's walk went. */
  readonly reported: readonly Met[];
  readonly deniers: readonly Met[];
}

function evaluateSet(set: ReferenceSet, request: CanonicalRequest): SetResult {
  const ordered = set.policies.filter(isActive).sort((a, b) => precedes(a, b, set.priority_order));
  const met = ordered
    .map((policy): Met => ({ policy, outcome: evaluatePolicy(policy, set, request) }))
    .filter(({ outcome }) => outcome.value !== false);
  const isDenial = ({ policy }: Met): boolean => typeOf(policy) === 'deny';
  const isAllow = ({ policy, outcome }: Met): boolean => typeOf(policy) === 'allow' && outcome.value === true;
  const isLog = ({ policy, outcome }: Met): boolean => typeOf(policy) === 'log_only' && outcome.value === true;

  if (set.combining === 'deny_overrides') {
    const stronger = (a: Met, b: Met): boolean =>
      set.priority_order === 'desc' ? a.policy.priority > b.policy.priority : a.policy.priority < b.policy.priority;
    const allows = met.filter(isAllow);
    const deniers = met.filter(isDenial).filter((denial) => !allows.some((allow) => stronger(allow, denial)));
    if (deniers.length > 0) return { effect: 'deny', reported: met, deniers };
    return { effect: allows.length > 0 ? 'allow' : undefined, reported: met, deniers: [] };
  }
  const decides = (one: Met): boolean =>
    isDenial(one) || isAllow(one) || (set.combining === 'first_match' && isLog(one));
  const at = met.findIndex(decides);
  const decider = met[at];
  if (decider === undefined) return { effect: undefined, reported: met, deniers: [] };
  const reported = met.slice(0, at + 1);
  return isDenial(decider)
    ? { effect: 'deny', reported, deniers: [decider] }
    : { effect: 'allow', reported, deniers: [] };
}

function isActive(policy: ReferencePolicy): boolean {
  return policy.status === undefined || policy.status === 'active';
}

function typeOf(policy: ReferencePolicy): string {
  return typeof policy.effect === 'string' ? policy.effect : policy.effect.type;
}

function precedes(a: ReferencePolicy, b: ReferencePolicy, order: 'desc' | 'asc'): number {
  if (a.priority !== b.priority) return order === 'desc' ? b.priority - a.priority : a.priority - b.priority;
  const age = (policy: ReferencePolicy): number =>
    policy.created_at === undefined ? Number.POSITIVE_INFINITY : Date.parse(policy.created_at);
  if (age(a) !== age(b)) return age(a) < age(b) ? -1 : 1;
  if (a.slug === b.slug) return 0;
  return a.slug < b.slug ? -1 : 1;
}

/** Scope, `on` and `when` must all hold. */
function evaluatePolicy(policy: ReferencePolicy, set: ReferenceSet, request: CanonicalRequest): Outcome {
  const parts: Outcome[] = [];
  const tenant = policy.scope?.tenant ?? set.tenant;
  const workspace = policy.scope?.workspace ?? set.workspace;
  const blocking = typeOf(policy) === 'deny';
  const ask = (condition: JsonObject, path: string): void => {
    parts.push(evaluateCondition(condition, { path, negated: false, blocking }, request));
  };
  if (tenant !== undefined) ask({ field: 'tenant_id', operator: 'equals', value: tenant }, 'scope.tenant');
  if (workspace !== undefined)
    ask({ field: 'context.workspace_id', operator: 'equals', value: workspace }, 'scope.workspace');
  if (policy.on !== undefined) ask({ field: 'kind', operator: 'in', value: policy.on }, 'on');
  if (policy.when !== 'always') ask(policy.when as JsonObject, 'when');
  return combine('and', parts);
}

/** Kleene: false dominates `and`, true dominates `or`; otherwise an error; the first error in reading order is reported. */
function combine(operator: 'and' | 'or', parts: readonly Outcome[]): Outcome {
  const dominant = operator === 'or';
  if (parts.some(({ value }) => value === dominant)) return { value: dominant };
  return parts.find(({ value }) => value === 'error') ?? { value: !dominant };
}

interface Place {
  readonly path: string;
  readonly negated: boolean;
  readonly blocking: boolean;
}

function evaluateCondition(condition: JsonObject, place: Place, request: CanonicalRequest): Outcome {
  const operator = condition['operator'] as string;
  if (operator === 'and' || operator === 'or' || operator === 'not') {
    const negated = operator === 'not' ? !place.negated : place.negated;
    const parts = (condition['conditions'] as readonly JsonObject[]).map((child, index) =>
      evaluateCondition(child, { ...place, negated, path: `${place.path}.conditions[${index}]` }, request),
    );
    const [first] = parts;
    if (operator === 'not') return first ?? { value: false };
    return combine(negated === (operator === 'or') ? 'and' : 'or', parts);
  }
  const field = condition['field'] as string;
  const found = read(field, request);
  const negative = place.negated !== operator.startsWith('not_');
  if (found === 'broken') return { value: 'error', path: place.path };
  if (operator === 'exists') {
    const wanted = condition['value'] !== false;
    return { value: ((found !== 'missing') === wanted) !== place.negated };
  }
  if (found === 'missing') return { value: negative && place.blocking };
  const held = compare(operator.replace('not_', ''), found.value, condition['value'] as Json);
  return held === 'error' ? { value: 'error', path: place.path } : { value: held !== negative };
}

function compare(operator: string, value: Json, literal: Json): boolean | 'error' {
  const sample = Array.isArray(literal) ? (literal[0] as Json) : literal;
  const wrongType = typeof value !== typeof sample;
  switch (operator) {
    case 'equals':
      return wrongType ? 'error' : value === literal;
    case 'in':
      return wrongType ? 'error' : (literal as readonly Json[]).includes(value);
    case 'greater_than':
      return wrongType ? 'error' : (value as number) > (literal as number);
    case 'less_than':
      return wrongType ? 'error' : (value as number) < (literal as number);
    case 'regex_match':
      return wrongType
        ? 'error'
        : RE2JS.compile(literal as string)
            .matcher(value as string)
            .find();
    case 'contains':
      if (Array.isArray(value)) {
        if (value.includes(literal)) return true;
        return value.some((element) => typeof element !== typeof literal) ? 'error' : false;
      }
      return typeof value === 'string' && typeof literal === 'string' ? value.includes(literal) : 'error';
    default:
      throw new Error(`the reference does not know ${operator}`);
  }
}

type Found = { readonly value: Json } | 'missing' | 'broken';

function read(path: string, request: CanonicalRequest): Found {
  if (path === 'kind') return { value: kindOf(request) };
  const names = path.split(/(?<!\\)\./).map((name) => name.replace(/\\(.)/g, '$1'));
  if (path === 'intent_risk.behavioral_signals.signal_type') {
    const list = readNames(names.slice(0, 2), request as unknown as Json);
    if (typeof list === 'string') return list;
    if (!Array.isArray(list.value)) return 'broken';
    const types = list.value.map((signal: Json) => readNames(['signal_type'], signal));
    return types.some((type) => typeof type === 'string')
      ? 'broken'
      : { value: types.map((type) => (type as { value: Json }).value) };
  }
  return readNames(names, request as unknown as Json);
}

function readNames(names: readonly string[], root: Json): Found {
  let value = root;
  for (const name of names) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'broken';
    const members = new Map(Object.entries(value));
    const member = members.get(name);
    if (member === undefined) return 'missing';
    value = member;
  }
  return { value };
}

/** The fields that the policy's conditions name, in reading order, each once. */
function fieldsOf(policy: ReferencePolicy, set: ReferenceSet): readonly string[] {
  const fields: string[] = [];
  if ((policy.scope?.tenant ?? set.tenant) !== undefined) fields.push('tenant_id');
  if ((policy.scope?.workspace ?? set.workspace) !== undefined) fields.push('context.workspace_id');
  if (policy.on !== undefined) fields.push('kind');
  const visit = (condition: JsonObject): void => {
    if (typeof condition['field'] === 'string') fields.push(condition['field']);
    for (const child of (condition['conditions'] ?? []) as readonly JsonObject[]) visit(child);
  };
  if (policy.when !== 'always') visit(policy.when as JsonObject);
  return [...new Set(fields)];
}
