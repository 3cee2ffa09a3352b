/**
 * Resolution across sets and layers: from their outcomes to one verdict (contracts §3, docs/adr/0001-resolution-order.md).
 */

import type { CompiledEffect, RedactConfig } from '../dsl/effects.js';
import { ERROR, type Truth } from '../dsl/truth.js';
import {
  type Condition,
  type DecisionEffect,
  type DenyReason,
  LOG_INTENT_SIGNALS,
  lasting,
  type MatchedPolicy,
  NOTIFY,
  type Obligation,
  type PolicyFault,
  type QuotaGuard,
  type Verdict,
} from '../model/decision.js';
import type { CanonicalRequest, JsonObject } from '../model/request.js';
import type { PriceList } from '../prices/price-list.js';
import { guardOf } from './guards.js';
import type { DefaultEffect, GuardIr, ModuleIr, RuleIr, SetIr } from './ir.js';
import { type Granted, type HoldEffect, holdId, isHoldEffect, type SetEffect, type SetOutcome } from './resolve.js';

/** What the verdict needs besides the sets' outcomes. */
export interface VerdictContext<R extends { readonly ir: RuleIr }> {
  readonly policyVersion: string;
  readonly default: DefaultEffect;
  /** Active rules of the whole bundle and its modules; none at all means deny. */
  readonly policyCount: number;
  readonly request: CanonicalRequest;
  readonly granted: Granted;
  /** What calls cost, where the bundle says. */
  readonly prices?: PriceList | undefined;
  readonly faultOf: (rule: R, set: SetIr) => PolicyFault;
  readonly fieldsOf: (rule: R) => readonly string[];
}

/** What a module of another engine said; it takes part like a set of its layer. */
export interface ModuleOutcome {
  readonly effect: SetEffect;
  /** The reasons of a denial or a hold. */
  readonly deny: readonly DenyReason[];
  /** What a hold asks for, or what an allow comes with. */
  readonly conditions: readonly Condition[];
  readonly obligations: readonly Obligation[];
  readonly matched: readonly MatchedPolicy[];
  readonly errors: readonly PolicyFault[];
}

/** What a module says of a request of which its scope cannot be read: a denial, as of a rule that blocks. */
export function scopeFault({ name, layer }: ModuleIr): ModuleOutcome {
  const message = `the module "${name}" could not be evaluated for this request`;
  return {
    effect: 'deny',
    deny: [{ code: 'POLICY_ERROR', message, path: `${layer}/${name}` }],
    conditions: [],
    obligations: [],
    matched: [],
    errors: [
      { policy: name, layer, path: 'scope', message: 'what it would look at has the wrong type, or is not known' },
    ],
  };
}

/**
 * Combines the sets by deny-overrides: a deny in any denies, else a hold in any holds, else an allow in any allows, else
 * the default. Redactions, limits, reviews and quotas of all of them are united; whom rules notify is told whatever the decision is.
 */
export function resolveSets<R extends { readonly ir: RuleIr }>(
  outcomes: readonly SetOutcome<R>[],
  context: VerdictContext<R>,
  modules: readonly ModuleOutcome[],
): Verdict {
  const said = new Set<SetEffect>();
  for (const { effect } of outcomes) said.add(effect);
  for (const { effect } of modules) said.add(effect);
  const deny: DenyReason[] = [];
  let effect: DecisionEffect = said.has('deny') ? 'deny' : said.has('hold') ? 'hold' : 'allow';
  if (effect === 'allow' && !said.has('allow')) {
    const refusal = refusalByDefault(context.default, context.policyCount);
    if (refusal !== undefined) {
      deny.push(refusal);
      effect = 'deny';
    }
  }
  const conditions: Condition[] = [];
  const obligations: Obligation[] = [];
  const guards: QuotaGuard[] = [];
  const matched: MatchedPolicy[] = [];
  const errors: PolicyFault[] = [];
  for (const { set, effect: setEffect, findings } of outcomes) {
    for (const { rule, truth, role, satisfied } of findings) {
      if (truth === ERROR) errors.push(context.faultOf(rule, set));
      else matched.push(matchedPolicy(rule, set, context));
      const decidedThis = effect !== 'allow' && setEffect === effect && role === 'decided';
      if (decidedThis) deny.push(denyReason(rule.ir, truth, set));
      if (truth === ERROR) continue;
      const asked = satisfied ? undefined : holdCondition(rule.ir, set);
      if (decidedThis && asked !== undefined) conditions.push(asked);
      const { notify, logIntentSignals } = rule.ir.effect;
      if (notify !== undefined) obligations.push(notice(notify, set, rule.ir));
      if (logIntentSignals && !obligations.includes(LOGGED)) obligations.push(LOGGED);
      if (effect !== 'allow') continue;
      if (hasGuard(rule.ir)) {
        const id = holdId(set, rule.ir);
        const granted = context.granted.has(id);
        const hold = { id, condition: holdCondition(rule.ir, set), granted };
        guards.push(guardOf(rule.ir, set, context.request, hold, context.prices));
      } else if (rule.ir.effect.type === 'redact') conditions.push(redaction(rule.ir.effect.config, set, rule.ir));
      else if (rule.ir.effect.type === 'limit')
        conditions.push({ type: 'max_tokens', value: rule.ir.effect.maxTokens });
      else if (rule.ir.effect.type === 'escalate') obligations.push(review(rule.ir.effect.reason, set, rule.ir));
    }
  }
  for (const module of modules) {
    matched.push(...module.matched);
    errors.push(...module.errors);
    for (const asked of effect === 'allow' ? module.obligations : lasting(module.obligations)) {
      const isThere = asked.type === LOG_INTENT_SIGNALS && obligations.some(({ type }) => type === asked.type);
      if (!isThere) obligations.push(asked);
    }
    if (effect !== 'allow' && module.effect === effect) deny.push(...module.deny);
    if (effect === 'allow' || module.effect === effect) conditions.push(...module.conditions);
  }
  return { effect, deny, conditions, obligations, matched, errors, guards };
}

function hasGuard(rule: RuleIr): rule is RuleIr & { readonly guard: GuardIr } {
  return rule.guard !== undefined;
}

/** What a hold asks for; nothing for a rule that does not hold. */
function holdCondition({ id, effect }: RuleIr, set: SetIr): Condition | undefined {
  if (!isHoldEffect(effect)) return undefined;
  const terms = {
    hold: `${set.layer}/${set.name}/${id}`,
    quorum: effect.quorum,
    expires_seconds: effect.expires,
  };
  return effect.type === 'require_approval'
    ? { type: effect.type, value: { ...terms, role: effect.role } }
    : { type: effect.type, value: { ...terms, group: effect.group } };
}

function redaction(config: RedactConfig, set: SetIr, rule: RuleIr): Condition {
  if (config.mask_fields !== undefined) return { type: 'mask_fields', value: config.mask_fields };
  const asked = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as JsonObject;
  return { type: 'redact', value: { ...asked, policy: holdId(set, rule) } };
}

function review(reason: string | undefined, set: SetIr, rule: RuleIr): Obligation {
  return { type: 'review', value: { policy: holdId(set, rule), ...(reason === undefined ? {} : { reason }) } };
}

const LOGGED: Obligation = { type: LOG_INTENT_SIGNALS, value: true };

function notice(to: readonly string[], set: SetIr, rule: RuleIr): Obligation {
  return { type: NOTIFY, value: { policy: holdId(set, rule), to } };
}

function refusalByDefault(fallback: DefaultEffect, policyCount: number): DenyReason | undefined {
  const code = 'NO_MATCHING_POLICY';
  if (policyCount === 0) return { code, message: 'no policy is loaded, so nothing is allowed', path: 'default' };
  if (fallback === 'deny') return { code, message: 'no policy allows this request', path: 'default' };
  return undefined;
}

function matchedPolicy<R extends { readonly ir: RuleIr }>(
  rule: R,
  set: SetIr,
  context: VerdictContext<R>,
): MatchedPolicy {
  return {
    policy: rule.ir.id,
    version: context.policyVersion,
    layer: set.layer,
    effect: rule.ir.effect.type,
    conditions: context.fieldsOf(rule),
  };
}

function denyReason(ir: RuleIr, truth: Truth, set: SetIr): DenyReason {
  const path = `${set.layer}/${ir.id}`;
  if (truth === ERROR) {
    return { code: 'POLICY_ERROR', message: `the policy "${ir.name}" could not be evaluated for this request`, path };
  }
  // Nothing but a denial or a hold decides against a request.
  const effect = ir.effect as DenyingEffect;
  const isHold = isHoldEffect(effect);
  return {
    code: isHold ? 'APPROVAL_REQUIRED' : 'POLICY_DENIED',
    message: effect.message ?? `${isHold ? 'held for approval' : 'denied'} by the policy "${ir.name}"`,
    path,
    ...(effect.code === undefined ? {} : { reason_code: effect.code }),
  };
}

type DenyingEffect = HoldEffect | Extract<CompiledEffect, { readonly type: 'deny' }>;
