/**
 * What the policy language means, written as plainly as possible from contracts §2, §3 and §7 and ADR-0001: no index, no
 * compilation, no short cuts, no code shared with the engine. The engine must agree with it on every input.
 */
import type { ContextualRequest, Json, JsonObject, Verdict } from '@portcullis/policy/model';
import { combine, evaluateCondition, type Outcome } from './reference-conditions.js';
import { holdsOf, isQuota, type ReferenceTypedPolicy } from './reference-kinds.js';

export interface ReferencePolicy {
  readonly name: string;
  readonly slug: string;
  readonly when: Json;
  /** A name, or `{type, …}`. */
  readonly effect: Json;
  readonly priority: number;
  readonly on?: readonly string[];
  readonly scope?: { readonly tenant?: string; readonly workspace?: string };
  readonly status?: 'active' | 'disabled' | 'archived';
  readonly created_at?: string;
  /** What a typed policy asks in place of `when`. */
  readonly typed?: ReferenceTypedPolicy;
}

export interface ReferenceSet {
  readonly name: string;
  readonly layer: 'platform' | 'tenant' | 'workspace';
  readonly tenant?: string;
  readonly workspace?: string;
  readonly environments?: { readonly only: readonly string[] } | { readonly except: readonly string[] };
  readonly combining: 'priority' | 'first_match' | 'deny_overrides';
  readonly priority_order: 'desc' | 'asc';
  readonly policies: readonly ReferencePolicy[];
}

export interface ReferenceBundle {
  readonly version: string;
  readonly default?: 'allow' | 'deny';
  readonly fields?: Readonly<Record<string, { readonly type: string; readonly members?: readonly string[] }>>;
  readonly sets: readonly ReferenceSet[];
}

/** The parts of a verdict that have a meaning; texts for people are left out. */
export interface ReferenceVerdict {
  readonly effect: string;
  readonly deny: readonly { readonly code: string; readonly path: string; readonly reason_code?: string }[];
  readonly conditions: readonly { readonly type: string; readonly value: Json }[];
  readonly obligations: readonly { readonly type: string; readonly value: Json }[];
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
    conditions: verdict.conditions,
    obligations: verdict.obligations,
    matched: verdict.matched.map(({ policy, layer, effect, conditions }) => ({ policy, layer, effect, conditions })),
    errors: verdict.errors.map(({ policy, layer, path }) => ({ policy, layer, path })),
  };
}

type Effect = 'allow' | 'deny' | 'hold';

/** A policy that matched or erred. */
interface Met {
  readonly policy: ReferencePolicy;
  readonly outcome: Outcome;
  /** `<layer>/<set>/<slug>`: what an approval names. */
  readonly id: string;
  /** What it says by itself, apart from its neighbours; nothing when it only adds to the decision. */
  readonly says: Effect | undefined;
}

interface SetResult {
  readonly set: ReferenceSet;
  readonly effect: Effect | undefined;
  /** As far as the set's walk went. */
  readonly reported: readonly Met[];
  readonly deciders: readonly Met[];
}

/** Evaluates a request. */
export function evaluateReference(bundle: ReferenceBundle, request: ContextualRequest): ReferenceVerdict {
  const layers = ['platform', 'tenant', 'workspace'];
  const sets = layers.flatMap((layer) => bundle.sets.filter((set) => set.layer === layer));
  const results = sets.map((set) => evaluateSet(set, bundle, request));
  const said = (effect: Effect): boolean => results.some((result) => result.effect === effect);
  const loaded = sets.flatMap((set) => set.policies.filter(isActive)).length;
  const byDefault = loaded > 0 && bundle.default === 'allow';
  const undecided = !said('deny') && !said('hold') && !said('allow');
  const refused = undecided && !byDefault;
  const effect: Effect = said('deny') || refused ? 'deny' : said('hold') ? 'hold' : 'allow';

  const reported = results.flatMap(({ set, reported: some }) => some.map((met) => ({ set, met })));
  const stopped = results
    .filter((result) => effect !== 'allow' && result.effect === effect)
    .flatMap(({ set, deciders }) => deciders.map((met) => ({ set, met })));
  const matched = reported.filter(({ met }) => met.outcome.value === true);
  const holds = stopped.filter(({ met }) => effect === 'hold' && met.outcome.value === true);
  return {
    effect,
    deny: refused
      ? [{ code: 'NO_MATCHING_POLICY', path: 'default' }]
      : stopped.map(({ set, met }) => reasonOf(met, `${set.layer}/${met.policy.slug}`)),
    conditions:
      effect === 'allow' ? matched.flatMap(({ met }) => narrowingOf(met)) : holds.map(({ met }) => holdOf(met)),
    obligations: matched
      .flatMap(({ met }) => [...noticeOf(met), ...loggedOf(met), ...(effect === 'allow' ? reviewOf(met) : [])])
      .filter(({ type }, place, all) => type !== LOGGED || place === all.findIndex((one) => one.type === LOGGED)),
    matched: matched.map(({ set, met: { policy } }) => ({
      policy: policy.slug,
      layer: set.layer,
      effect: typeOf(policy),
      conditions: fieldsOf(policy, set),
    })),
    errors: reported.flatMap(({ set, met: { policy, outcome } }) =>
      outcome.value === 'error' ? [{ policy: policy.slug, layer: set.layer, path: outcome.path }] : [],
    ),
  };
}

function evaluateSet(set: ReferenceSet, bundle: ReferenceBundle, request: ContextualRequest): SetResult {
  const ordered = set.policies.filter(isActive).sort((a, b) => precedes(a, b, set.priority_order));
  const met = ordered.flatMap((policy): readonly Met[] => {
    const outcome = evaluatePolicy(policy, set, bundle, request);
    if (outcome.value === false) return [];
    const id = `${set.layer}/${set.name}/${policy.slug}`;
    return [{ policy, outcome, id, says: voiceOf(policy, outcome, grantedBy(request).includes(id)) }];
  });

  if (set.combining === 'deny_overrides') {
    const stronger = (a: Met, b: Met): boolean =>
      set.priority_order === 'desc' ? a.policy.priority > b.policy.priority : a.policy.priority < b.policy.priority;
    const allows = met.filter((one) => typeOf(one.policy) === 'allow' && one.says === 'allow');
    const stands = (one: Met): boolean => {
      // An allow never takes away a redaction or a limit, so neither does it the refusal that stands in for one.
      if (one.outcome.value === 'error' && narrows(one.policy)) return true;
      return one.says === 'allow' || !allows.some((allow) => stronger(allow, one));
    };
    const standing = met.filter(stands);
    const effect = (['deny', 'hold', 'allow'] as const).find((one) => standing.some(({ says }) => says === one));
    return { set, effect, reported: met, deciders: standing.filter(({ says }) => says === effect) };
  }
  const decides = (one: Met): boolean =>
    one.says !== undefined || (set.combining === 'first_match' && one.outcome.value === true && !guards(one.policy));
  const at = met.findIndex(decides);
  const decider = met[at];
  if (decider === undefined) return { set, effect: undefined, reported: met, deciders: [] };
  return { set, effect: decider.says ?? 'allow', reported: met.slice(0, at + 1), deciders: [decider] };
}

function voiceOf(policy: ReferencePolicy, outcome: Outcome, granted: boolean): Effect | undefined {
  const type = typeOf(policy);
  if (outcome.value === 'error') return blocks(policy) ? 'deny' : undefined;
  if (guards(policy)) return undefined;
  if (type === 'allow' || type === 'deny') return type;
  if (type === 'require_approval' || type === 'require_hitl') return granted ? 'allow' : 'hold';
  return undefined;
}

function blocks(policy: ReferencePolicy): boolean {
  return ['deny', 'redact', 'limit', 'require_approval', 'require_hitl'].includes(typeOf(policy));
}

/** What it orders stands beside an allow. */
function narrows(policy: ReferencePolicy): boolean {
  return ['redact', 'limit'].includes(typeOf(policy));
}

/** A quota is counted once the request is allowed; it decides nothing itself. */
function guards({ typed }: ReferencePolicy): boolean {
  return typed !== undefined && isQuota(typed);
}

function grantedBy(request: ContextualRequest): readonly Json[] {
  const granted: Json | undefined = request.context?.approval?.['granted'];
  return Array.isArray(granted) ? granted : [];
}

function reasonOf({ policy, outcome, says }: Met, path: string): ReferenceVerdict['deny'][number] {
  if (outcome.value === 'error') return { code: 'POLICY_ERROR', path };
  const written = detailOf(policy, 'deny_reason_code');
  const code = says === 'hold' ? 'APPROVAL_REQUIRED' : 'POLICY_DENIED';
  return { code, path, ...(written === undefined ? {} : { reason_code: written as string }) };
}

function holdOf({ policy, id }: Met): ReferenceVerdict['conditions'][number] {
  const terms = {
    hold: id,
    quorum: detailOf(policy, 'quorum') ?? 1,
    expires_seconds: detailOf(policy, 'expires_seconds') ?? 3600,
  };
  return typeOf(policy) === 'require_approval'
    ? { type: 'require_approval', value: { ...terms, role: detailOf(policy, 'role') ?? 'admin' } }
    : { type: 'require_hitl', value: { ...terms, group: detailOf(policy, 'group') ?? 'reviewers' } };
}

function narrowingOf({ policy, id }: Met): ReferenceVerdict['conditions'] {
  if (typeOf(policy) === 'limit') return [{ type: 'max_tokens', value: detailOf(policy, 'max_tokens') ?? null }];
  if (typeOf(policy) !== 'redact') return [];
  const config = (detailOf(policy, 'redact_config') ?? {}) as JsonObject;
  const { mask_fields: masked } = config;
  if (masked !== undefined) return [{ type: 'mask_fields', value: masked }];
  return [{ type: 'redact', value: { ...config, policy: id } }];
}

function reviewOf({ policy, id }: Met): ReferenceVerdict['obligations'] {
  if (typeOf(policy) !== 'escalate') return [];
  const reason = detailOf(policy, 'reason');
  return [{ type: 'review', value: { policy: id, ...(reason === undefined ? {} : { reason }) } }];
}

function noticeOf({ policy, id }: Met): ReferenceVerdict['obligations'] {
  const to = detailOf(policy, 'notify');
  return to === undefined ? [] : [{ type: 'notify', value: { policy: id, to } }];
}

const LOGGED = 'log_intent_signals';

function loggedOf({ policy }: Met): ReferenceVerdict['obligations'] {
  return detailOf(policy, LOGGED) === undefined ? [] : [{ type: LOGGED, value: true }];
}

function isActive(policy: ReferencePolicy): boolean {
  return policy.status === undefined || policy.status === 'active';
}

/** The name of a policy's effect. */
export function typeOf({ effect }: ReferencePolicy): string {
  return typeof effect === 'string' ? effect : ((effect as JsonObject)['type'] as string);
}

function detailOf({ effect }: ReferencePolicy, key: string): Json | undefined {
  return typeof effect === 'string' ? undefined : (effect as JsonObject)[key];
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
function evaluatePolicy(
  policy: ReferencePolicy,
  set: ReferenceSet,
  bundle: ReferenceBundle,
  request: ContextualRequest,
): Outcome {
  const parts: Outcome[] = [];
  const types = Object.fromEntries(Object.entries(bundle.fields ?? {}).map(([path, { type }]) => [path, type]));
  // Redacted or limited it would get through there, and passed over it might get through as it is.
  const isDoubtful = narrows(policy) && set.combining === 'first_match';
  const blocking: boolean | 'error' = isDoubtful ? 'error' : blocks(policy);
  const ask = (condition: JsonObject, path: string): void => {
    parts.push(evaluateCondition(condition, { path, negated: false, blocking, types }, request));
  };
  const tenant = policy.scope?.tenant ?? set.tenant;
  const workspace = policy.scope?.workspace ?? set.workspace;
  if (tenant !== undefined) ask({ field: 'tenant_id', operator: 'equals', value: tenant }, 'scope.tenant');
  if (workspace !== undefined)
    ask({ field: 'context.workspace_id', operator: 'equals', value: workspace }, 'scope.workspace');
  if (set.environments !== undefined) {
    const [operator, value] =
      'only' in set.environments
        ? (['in', set.environments.only] as const)
        : (['not_in', set.environments.except] as const);
    // Who does not say where it runs may be in any of them: what blocks applies, and nothing that allows.
    const place = { path: 'scope.environments', negated: false, blocking, types };
    const isThere = evaluateCondition({ field: 'context.environment', operator: 'exists' }, place, request);
    if (isThere.value !== false) ask({ field: 'context.environment', operator, value }, place.path);
    else parts.push(isDoubtful ? { value: 'error', path: place.path } : { value: blocks(policy) });
  }
  if (policy.on !== undefined) ask({ field: 'kind', operator: 'in', value: policy.on }, 'on');
  if (policy.when !== 'always') ask(policy.when as JsonObject, 'when');
  if (policy.typed !== undefined) {
    const held = holdsOf(policy.typed, request);
    parts.push(held === 'error' ? { value: held, path: 'config' } : { value: held });
  }
  return combine('and', parts);
}

/** The fields that the policy's conditions name, in reading order, each once. */
function fieldsOf(policy: ReferencePolicy, set: ReferenceSet): readonly string[] {
  const fields: string[] = [];
  if ((policy.scope?.tenant ?? set.tenant) !== undefined) fields.push('tenant_id');
  if ((policy.scope?.workspace ?? set.workspace) !== undefined) fields.push('context.workspace_id');
  if (set.environments !== undefined) fields.push('context.environment');
  if (policy.on !== undefined) fields.push('kind');
  const visit = (condition: JsonObject): void => {
    if (typeof condition['field'] === 'string') fields.push(condition['field']);
    for (const child of (condition['conditions'] ?? []) as readonly JsonObject[]) visit(child);
  };
  if (policy.when !== 'always') visit(policy.when as JsonObject);
  return [...new Set(fields)];
}
