/**
 * Resolution: from the truth of rules to one verdict. Contracts §3; the reasons are in docs/adr/0001-resolution-order.md.
 * Everything about order, combining and layers is in this file and nowhere else.
 */

import { effectBlocks } from '../dsl/effects.js';
import { ERROR, TRUE, type Truth } from '../dsl/truth.js';
import type { DecisionEffect, DenyReason, MatchedPolicy, PolicyFault, Verdict } from '../model/decision.js';
import { LAYERS } from '../model/decision.js';
import { assertNever } from '../model/exhaustive.js';
import type { DefaultEffect, PriorityOrder, RuleIr, SetIr } from './ir.js';

/** What the precedence order compares. */
export interface Precedence {
  readonly priority: number;
  readonly id: string;
  readonly createdAt: string | undefined;
}

/** Orders rules, highest precedence first: priority by the set's order, then age (undated last), then id. */
export function comparePrecedence(order: PriorityOrder): (a: Precedence, b: Precedence) => number {
  const sign = order === 'desc' ? -1 : 1;
  return (a, b) =>
    sign * (a.priority - b.priority) ||
    compareText(instantKey(a.createdAt), instantKey(b.createdAt)) ||
    compareText(a.id, b.id);
}

/** Orders sets: platform, tenant, workspace. Only the order of reports depends on it, never the outcome. */
export function compareLayers(a: SetIr, b: SetIr): number {
  return LAYERS.indexOf(a.layer) - LAYERS.indexOf(b.layer);
}

// By code unit, not by locale: two PDPs on differently configured machines must agree.
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** A text that sorts as the instant does, to the nanosecond; undated ones come last. */
function instantKey(instant: string | undefined): string {
  if (instant === undefined) return '~';
  const fraction = /\.(\d+)/.exec(instant)?.[1] ?? '';
  const whole = Date.parse(instant.replace(/\.\d+/, ''));
  // Shifted so that years before 1970 sort too.
  return `${String(whole + 1e15).padStart(17, '0')}.${fraction.padEnd(9, '0')}`;
}

/** What a rule did in its set. */
export type Role =
  /** Decided the set, alone or with others. */
  | 'decided'
  /** Matched and was recorded; it does not decide. */
  | 'recorded'
  /** Would have blocked, and an allow of higher precedence lifted it. */
  | 'overridden'
  /** Erred, and would not have blocked: counts as not matched. */
  | 'void';

/** A rule that matched or erred, in its set. */
export interface Finding<R extends { readonly ir: RuleIr }> {
  readonly rule: R;
  readonly truth: typeof TRUE | typeof ERROR;
  role: Role;
}

/** A set's outcome. */
export interface SetOutcome<R extends { readonly ir: RuleIr }> {
  readonly set: SetIr;
  readonly effect: 'allow' | 'deny' | undefined;
  /** In precedence order. */
  readonly findings: readonly Finding<R>[];
}

/** Walks the rules of one set in precedence order. */
export interface SetWalk<R extends { readonly ir: RuleIr }> {
  /** Takes the next rule whose condition is not false. Returns whether rules after it can still matter. */
  take(rule: R, truth: typeof TRUE | typeof ERROR): boolean;
  finish(): SetOutcome<R>;
}

/** Begins a walk by the set's way of combining. */
export function walkSet<R extends { readonly ir: RuleIr }>(set: SetIr): SetWalk<R> {
  switch (set.combining) {
    case 'priority':
      return walkInOrder(set, false);
    case 'first_match':
      return walkInOrder(set, true);
    case 'deny_overrides':
      return walkAll(set);
    default:
      return assertNever(set.combining);
  }
}

/** `priority` and `first_match` stop at the deciding rule; they differ in whether a `log_only` decides. */
function walkInOrder<R extends { readonly ir: RuleIr }>(set: SetIr, logDecides: boolean): SetWalk<R> {
  const findings: Finding<R>[] = [];
  let effect: 'allow' | 'deny' | undefined;
  return {
    take(rule, truth) {
      const decision = decides(rule.ir, truth, logDecides);
      findings.push({ rule, truth, role: decision === undefined ? roleOfUndecided(truth) : 'decided' });
      effect = decision;
      return decision === undefined;
    },
    finish: () => ({ set, effect, findings }),
  };
}

function roleOfUndecided(truth: typeof TRUE | typeof ERROR): Role {
  return truth === TRUE ? 'recorded' : 'void';
}

/** What one rule says by itself. An errored rule says deny when it would block, and nothing otherwise. */
function decides(rule: RuleIr, truth: Truth, logDecides: boolean): 'allow' | 'deny' | undefined {
  const { type } = rule.effect;
  if (truth === ERROR) return effectBlocks(type) ? 'deny' : undefined;
  switch (type) {
    case 'allow':
      return 'allow';
    case 'deny':
      return 'deny';
    case 'log_only':
      // In seed 002's first-match walk a matching log_only lets the request continue; elsewhere it only records.
      return logDecides ? 'allow' : undefined;
    default:
      return assertNever(type);
  }
}

/** `deny_overrides` looks at every rule: a denial blocks unless an allow of strictly higher priority matched. */
function walkAll<R extends { readonly ir: RuleIr }>(set: SetIr): SetWalk<R> {
  const findings: Finding<R>[] = [];
  return {
    take(rule, truth) {
      findings.push({ rule, truth, role: roleOfUndecided(truth) });
      return true;
    },
    finish() {
      const wins = (a: number, b: number): boolean => (set.priorityOrder === 'desc' ? a > b : a < b);
      let best: number | undefined;
      for (const { rule, truth } of findings) {
        if (decides(rule.ir, truth, false) !== 'allow') continue;
        if (best === undefined || wins(rule.ir.priority, best)) best = rule.ir.priority;
      }
      let effect: 'allow' | 'deny' | undefined = best === undefined ? undefined : 'allow';
      for (const finding of findings) {
        if (decides(finding.rule.ir, finding.truth, false) !== 'deny') continue;
        const lifted = best !== undefined && wins(best, finding.rule.ir.priority);
        finding.role = lifted ? 'overridden' : 'decided';
        if (!lifted) effect = 'deny';
      }
      for (const finding of findings) {
        if (decides(finding.rule.ir, finding.truth, false) === 'allow') {
          finding.role = effect === 'allow' ? 'decided' : 'overridden';
        }
      }
      return { set, effect, findings };
    },
  };
}

/** What the verdict needs besides the sets' outcomes. */
export interface VerdictContext<R extends { readonly ir: RuleIr }> {
  readonly policyVersion: string;
  readonly default: DefaultEffect;
  /** Active rules of the whole bundle; none at all means deny. */
  readonly policyCount: number;
  readonly faultOf: (rule: R, set: SetIr) => PolicyFault;
  readonly fieldsOf: (rule: R) => readonly string[];
}

/** Combines the sets by deny-overrides: a deny in any denies, else an allow in any allows, else the default. */
export function resolveSets<R extends { readonly ir: RuleIr }>(
  outcomes: readonly SetOutcome<R>[],
  context: VerdictContext<R>,
): Verdict {
  const deny: DenyReason[] = [];
  const matched: MatchedPolicy[] = [];
  const errors: PolicyFault[] = [];
  let allowed = false;
  for (const { set, effect, findings } of outcomes) {
    if (effect === 'allow') allowed = true;
    for (const { rule, truth, role } of findings) {
      if (truth === ERROR) errors.push(context.faultOf(rule, set));
      else matched.push(matchedPolicy(rule, set, context));
      if (effect === 'deny' && role === 'decided') deny.push(denyReason(rule, truth, set));
    }
  }
  if (deny.length === 0 && !allowed) {
    const refusal = refusalByDefault(context.default, context.policyCount);
    if (refusal !== undefined) deny.push(refusal);
  }
  const effect: DecisionEffect = deny.length === 0 ? 'allow' : 'deny';
  return { effect, deny, conditions: [], obligations: [], matched, errors };
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

function denyReason<R extends { readonly ir: RuleIr }>(rule: R, truth: Truth, set: SetIr): DenyReason {
  const { ir } = rule;
  const path = `${set.layer}/${ir.id}`;
  if (truth === ERROR) {
    return { code: 'POLICY_ERROR', message: `the policy "${ir.name}" could not be evaluated for this request`, path };
  }
  const written = ir.effect.type === 'deny' ? ir.effect : undefined;
  return {
    code: 'POLICY_DENIED',
    message: written?.message ?? `denied by the policy "${ir.name}"`,
    path,
    ...(written?.code === undefined ? {} : { reason_code: written.code }),
  };
}
