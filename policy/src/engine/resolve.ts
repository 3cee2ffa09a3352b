/**
 * Resolution inside a set: from the truth of its rules to its outcome. Contracts §3; the reasons are in
 * docs/adr/0001-resolution-order.md. How sets and layers become one verdict is in verdict.ts.
 */

import { type CompiledEffect, effectBlocks, effectNarrows } from '../dsl/effects.js';
import { ERROR, type TRUE, type Truth } from '../dsl/truth.js';
import { type DecisionEffect, LAYERS, type Layer, type RuleEffect } from '../model/decision.js';
import type { Combining, PriorityOrder, RuleIr, SetIr } from './ir.js';

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
export function compareLayers(a: { readonly layer: Layer }, b: { readonly layer: Layer }): number {
  return LAYERS.indexOf(a.layer) - LAYERS.indexOf(b.layer);
}

// By code unit, not by locale: two PDPs on differently configured machines must agree.
function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** A text that sorts as the instant does, to the nanosecond; undated ones come last. */
function instantKey(instant: string | undefined): string {
  if (instant === undefined) return '~';
  const fraction = /\.(\d+)/.exec(instant)?.[1] ?? '';
  // Shifted so that years before 1970 sort too.
  return `${String(Date.parse(instant) + 1e15).padStart(17, '0')}.${fraction.padEnd(9, '0')}`;
}

/** What a rule did in its set. */
export type Role =
  /** Decided the set, alone or with others. */
  | 'decided'
  /** Matched and was recorded; it does not decide. */
  | 'recorded'
  /** Matched, and its quota must be reserved should the request be allowed. */
  | 'guarding'
  /** Spoke, and another rule of the set had the last word. */
  | 'overridden'
  /** Erred, and would not have blocked: counts as not matched. */
  | 'void';

/** A set's outcome. */
export type SetEffect = DecisionEffect | undefined;

/** A rule that matched or erred, in its set. */
export interface Finding<R extends { readonly ir: RuleIr }> {
  readonly rule: R;
  readonly truth: typeof TRUE | typeof ERROR;
  /** A hold that people have already agreed to. */
  readonly satisfied: boolean;
  role: Role;
}

/** A set's outcome and how it came about. */
export interface SetOutcome<R extends { readonly ir: RuleIr }> {
  readonly set: SetIr;
  readonly effect: SetEffect;
  /** In precedence order. */
  readonly findings: readonly Finding<R>[];
}

/** Walks the rules of one set in precedence order. */
export interface SetWalk<R extends { readonly ir: RuleIr }> {
  /** Takes the next rule whose condition is not false. Returns whether rules after it can still matter. */
  take(rule: R, truth: typeof TRUE | typeof ERROR): boolean;
  finish(): SetOutcome<R>;
}

/** The holds that people have agreed to for this very request, by {@link holdId}. */
export type Granted = ReadonlySet<string>;

/** What an approval names: the rule that asked for it. */
export function holdId(set: SetIr, rule: RuleIr): string {
  return `${set.layer}/${set.name}/${rule.id}`;
}

/** Begins a walk by the set's way of combining. */
export function walkSet<R extends { readonly ir: RuleIr }>(set: SetIr, granted: Granted): SetWalk<R> {
  return WALKS[set.combining](set, granted);
}

type Walk = <R extends { readonly ir: RuleIr }>(set: SetIr, granted: Granted) => SetWalk<R>;

const WALKS: Readonly<Record<Combining, Walk>> = {
  priority: (set, granted) => walkInOrder(set, granted, false),
  first_match: (set, granted) => walkInOrder(set, granted, true),
  deny_overrides: walkAll,
};

/** `priority` and `first_match` stop at the deciding rule; they differ in whether a recording rule decides. */
function walkInOrder<R extends { readonly ir: RuleIr }>(
  set: SetIr,
  granted: Granted,
  firstDecides: boolean,
): SetWalk<R> {
  const findings: Finding<R>[] = [];
  let effect: SetEffect;
  return {
    take(rule, truth) {
      const satisfied = isSatisfied(rule.ir, set, granted);
      effect = voiceOf(rule.ir, truth, { satisfied, firstDecides });
      findings.push({ rule, truth, satisfied, role: effect === undefined ? silentRole(rule.ir, truth) : 'decided' });
      return effect === undefined;
    },
    finish: () => ({ set, effect, findings }),
  };
}

function silentRole(rule: RuleIr, truth: Truth): Role {
  if (truth === ERROR) return 'void';
  return rule.guard === undefined ? 'recorded' : 'guarding';
}

function isSatisfied(rule: RuleIr, set: SetIr, granted: Granted): boolean {
  return isHoldEffect(rule.effect) && granted.has(holdId(set, rule));
}

/** What a rule of each effect says when it holds. `records`: nothing, or an allow where the first match decides. */
const SAYS = {
  allow: 'allow',
  deny: 'deny',
  require_approval: 'hold',
  require_hitl: 'hold',
  log_only: 'records',
  redact: 'records',
  limit: 'records',
  escalate: 'records',
} as const satisfies Record<RuleEffect, DecisionEffect | 'records'>;

/** What one rule says by itself. An errored rule says deny when it would block, and nothing otherwise. */
function voiceOf(
  rule: RuleIr,
  truth: Truth,
  { satisfied, firstDecides }: { readonly satisfied: boolean; readonly firstDecides: boolean },
): SetEffect {
  const { type } = rule.effect;
  if (truth === ERROR) return effectBlocks(type) ? 'deny' : undefined;
  if (rule.guard !== undefined) return undefined;
  const says = SAYS[type];
  if (says === 'hold') return satisfied ? 'allow' : 'hold';
  // In seed 002's first-match walk a matching policy of these lets the request continue; elsewhere it is recorded.
  if (says === 'records') return firstDecides ? 'allow' : undefined;
  return says;
}

/**
 * `deny_overrides` looks at every rule: a denial or a hold blocks unless an allow of strictly higher priority matched.
 * A hold that was agreed to allows, and lifts nothing: people agreed to that rule alone.
 */
function walkAll<R extends { readonly ir: RuleIr }>(set: SetIr, granted: Granted): SetWalk<R> {
  const findings: Finding<R>[] = [];
  const voice = ({ rule, truth, satisfied }: Finding<R>): SetEffect =>
    voiceOf(rule.ir, truth, { satisfied, firstDecides: false });
  return {
    take(rule, truth) {
      findings.push({
        rule,
        truth,
        satisfied: isSatisfied(rule.ir, set, granted),
        role: silentRole(rule.ir, truth),
      });
      return true;
    },
    finish() {
      const wins = (a: number, b: number): boolean => (set.priorityOrder === 'desc' ? a > b : a < b);
      let best = set.priorityOrder === 'desc' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
      for (const finding of findings) {
        if (finding.satisfied || voice(finding) !== 'allow') continue;
        if (wins(finding.rule.ir.priority, best)) best = finding.rule.ir.priority;
      }
      const lifts = ({ rule }: Finding<R>): boolean => wins(best, rule.ir.priority) && isLiftable(rule.ir);
      const said = new Set(findings.filter((finding) => !lifts(finding)).map(voice));
      const effect = (['deny', 'hold', 'allow'] as const).find((one) => said.has(one));
      for (const finding of findings) {
        const says = voice(finding);
        if (says === undefined) continue;
        const lifted = says !== 'allow' && lifts(finding);
        finding.role = says === effect && !lifted ? 'decided' : 'overridden';
      }
      return { set, effect, findings };
    },
  };
}

/**
 * Whether an allow could lift what the rule says. A redaction, a limit and a quota stay beside an allow; were their errors lifted,
 * an unreadable field would do away with them.
 */
function isLiftable({ effect, guard }: RuleIr): boolean {
  return !effectNarrows(effect.type) && guard === undefined;
}

/** An effect that waits for people. */
export type HoldEffect = Extract<CompiledEffect, { readonly type: 'require_approval' | 'require_hitl' }>;

/** Whether an effect waits for people. */
export function isHoldEffect(effect: CompiledEffect): effect is HoldEffect {
  return effect.type === 'require_approval' || effect.type === 'require_hitl';
}
