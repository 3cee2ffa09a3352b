import type { Literal } from '../dsl/operators.js';
import { ERROR, FALSE, TRUE, type Truth } from '../dsl/truth.js';
import type { DecisionEffect, RuleEffect, Verdict } from '../model/decision.js';
import type { ContextualRequest } from '../model/facts.js';
import type { Json } from '../model/request.js';
import type { Combining } from './ir.js';
import type { LinkedRule, LinkedSet } from './linked-rule.js';
import type { LinkedLeaf } from './match.js';
import { BROKEN, MISSING, type Reading } from './read-field.js';
import { type Finding, type Granted, isHoldEffect, type Role, type SetOutcome, walkSet } from './resolve.js';

/** A field's value as an explanation may show it. */
export type ShownValue =
  | { readonly is: 'value'; readonly value: Json }
  /** Payload or personal data: only its type and, for texts, lists and objects, its length. */
  | { readonly is: 'redacted'; readonly type: string; readonly length?: number }
  | { readonly is: 'missing' }
  /** The path leads through something that is not an object. */
  | { readonly is: 'unreachable' };

/** One leaf of a rule. */
export interface ConditionExplanation {
  /** The place inside the policy, e.g. `when.conditions[1]`. */
  readonly path: string;
  readonly line: number;
  readonly field: string;
  /** As written; `negated` says whether the leaf asks for its opposite after `not` has been pushed to the leaves. */
  readonly operator: string;
  readonly negated: boolean;
  readonly literal: Literal;
  readonly outcome: 'true' | 'false' | 'error';
  readonly value: ShownValue;
}

/** One rule. */
export interface RuleExplanation {
  readonly policy: string;
  readonly name: string;
  readonly effect: RuleEffect;
  readonly priority: number;
  readonly file: string;
  readonly line: number;
  readonly outcome: 'matched' | 'not_matched' | 'error';
  /** What it did in its set; `not_reached`: the set was decided before it. */
  readonly role: Role | 'none' | 'not_reached';
  /** One sentence. */
  readonly why: string;
  readonly conditions: readonly ConditionExplanation[];
}

/** One set. */
export interface SetExplanation {
  readonly set: string;
  readonly layer: string;
  readonly combining: Combining;
  /** The pack it was made from, as `name@version`. */
  readonly pack?: string;
  readonly outcome: DecisionEffect | 'undecided';
  /** Every rule whose scope admits the request, in precedence order. */
  readonly rules: readonly RuleExplanation[];
}

/** Why a request got its verdict. */
export interface Explanation {
  readonly policyVersion: string;
  readonly verdict: Verdict;
  /** One sentence. */
  readonly summary: string;
  readonly sets: readonly SetExplanation[];
}

interface ExplainInput {
  readonly request: ContextualRequest;
  readonly sets: readonly LinkedSet[];
  readonly granted: Granted;
  readonly verdict: Verdict;
  readonly policyVersion: string;
}

/** Explains a verdict by evaluating every rule without the index, through the same walk that decided. */
export function explainRequest({ request, sets, granted, verdict, policyVersion }: ExplainInput): Explanation {
  const explained = sets.map((set) => explainSet(set, request, granted)).filter((set) => set.rules.length > 0);
  return { policyVersion, verdict, summary: summaryOf(verdict, explained), sets: explained };
}

function explainSet(set: LinkedSet, request: ContextualRequest, granted: Granted): SetExplanation {
  const walk = walkSet<LinkedRule>(set.ir, granted);
  const notReached = new Set<LinkedRule>();
  const truths = new Map<LinkedRule, Truth>();
  let open = true;
  for (const rule of set.rules) {
    // Another tenant's policies are not candidates, and are nobody's business here.
    if (rule.condition.leaves.some((leaf) => leaf.leaf.path.startsWith('scope.') && leaf.test(request) === FALSE))
      continue;
    const truth = rule.condition.test(request);
    truths.set(rule, truth);
    if (!open) notReached.add(rule);
    else if (truth !== FALSE) open = walk.take(rule, truth);
  }
  const outcome = walk.finish();
  return {
    set: set.ir.name,
    layer: set.ir.layer,
    ...(set.ir.pack === undefined ? {} : { pack: set.ir.pack }),
    combining: set.ir.combining,
    outcome: outcome.effect ?? 'undecided',
    rules: [...truths].map(([rule, truth]) => explainRule(rule, truth, { request, outcome, notReached })),
  };
}

interface RuleContext {
  readonly request: ContextualRequest;
  readonly outcome: SetOutcome<LinkedRule>;
  readonly notReached: ReadonlySet<LinkedRule>;
}

function explainRule(rule: LinkedRule, truth: Truth, context: RuleContext): RuleExplanation {
  const { ir } = rule;
  const finding = context.outcome.findings.find((candidate) => candidate.rule === rule);
  const role = context.notReached.has(rule) ? 'not_reached' : (finding?.role ?? 'none');
  return {
    policy: ir.id,
    name: ir.name,
    effect: ir.effect.type,
    priority: ir.priority,
    file: ir.file,
    line: ir.line,
    outcome: ({ [TRUE]: 'matched', [FALSE]: 'not_matched', [ERROR]: 'error' } as const)[truth],
    role,
    why: whyOf(role, truth, { rule, finding, outcome: context.outcome }),
    conditions: rule.condition.leaves.map((leaf) => explainLeaf(leaf, context.request)),
  };
}

interface Why {
  readonly rule: LinkedRule;
  readonly finding: Finding<LinkedRule> | undefined;
  readonly outcome: SetOutcome<LinkedRule>;
}

function whyOf(role: RuleExplanation['role'], truth: Truth, { rule, finding, outcome }: Why): string {
  const deciders = outcome.findings.filter((finding) => finding.role === 'decided').map(({ rule }) => rule.ir.id);
  switch (role) {
    case 'none':
      return 'its conditions do not hold';
    case 'not_reached':
      return `${deciders.join(', ')} decided the set before it`;
    case 'recorded':
      return 'it holds and is recorded; it does not decide';
    case 'guarding':
      return 'it holds, and its quota must be reserved if the request is allowed';
    case 'void':
      return 'its conditions could not be evaluated, and a rule that does not block then counts as not matched';
    case 'decided':
      if (truth === ERROR)
        return 'its conditions could not be evaluated, and a rule that blocks then counts as a denial';
      return finding?.satisfied === true
        ? 'it holds, people have agreed to this request, and so it allows it'
        : `it holds and decides the set: ${outcome.effect ?? 'undecided'}`;
    case 'overridden':
      return overriddenBy(rule, deciders, outcome);
  }
}

function overriddenBy(rule: LinkedRule, deciders: readonly string[], { effect }: SetOutcome<LinkedRule>): string {
  const others = deciders.join(', ');
  if (rule.ir.effect.type === 'allow') return `it holds, and what it may not lift (${others}) decides the set`;
  if (effect === 'deny') return `it would hold the request, and a denial (${others}) decides the set`;
  const would = isHoldEffect(rule.ir.effect) ? 'hold the request' : 'deny';
  return `it would ${would}, and an allow of higher priority (${others}) lifts it`;
}

function explainLeaf(linked: LinkedLeaf, request: ContextualRequest): ConditionExplanation {
  const { leaf, field } = linked;
  return {
    path: leaf.path,
    line: leaf.line,
    field: leaf.field,
    operator: leaf.written,
    negated: leaf.negated,
    literal: leaf.literal,
    outcome: ({ [TRUE]: 'true', [FALSE]: 'false', [ERROR]: 'error' } as const)[linked.test(request)],
    value: show(linked.read(request), field.sensitive),
  };
}

/** Longer texts and lists are shown by length only. */
const MAX_SHOWN_LENGTH = 200;

function show(reading: Reading, sensitive: boolean): ShownValue {
  if (reading === MISSING) return { is: 'missing' };
  if (reading === BROKEN) return { is: 'unreachable' };
  if (Array.isArray(reading)) {
    const plain =
      !sensitive && reading.length <= MAX_SHOWN_LENGTH && reading.every((element) => isShort(element as Json));
    return plain ? { is: 'value', value: reading as Json } : { is: 'redacted', type: 'list', length: reading.length };
  }
  if (typeof reading === 'object' && reading !== null) {
    return { is: 'redacted', type: 'object', length: Object.keys(reading).length };
  }
  if (!sensitive && isShort(reading)) return { is: 'value', value: reading };
  if (typeof reading === 'string') return { is: 'redacted', type: 'string', length: reading.length };
  return { is: 'redacted', type: reading === null ? 'null' : typeof reading };
}

function isShort(value: Json): boolean {
  if (typeof value === 'string') return value.length <= MAX_SHOWN_LENGTH;
  return typeof value !== 'object' || value === null;
}

function summaryOf(verdict: Verdict, sets: readonly SetExplanation[]): string {
  const deciding = sets.filter((set) => set.outcome === verdict.effect);
  if (deciding.length === 0) return `${verdict.effect}: no set decided, so the default does`;
  const names = deciding.map((set) => `${set.layer}/${set.set}`).join(', ');
  const lost = sets.filter((set) => verdict.effect !== 'allow' && set.outcome === 'allow');
  const beaten =
    lost.length === 0
      ? ''
      : `; the allow of ${lost.map((set) => `${set.layer}/${set.set}`).join(', ')} does not lift another set's ${verdict.effect === 'hold' ? 'hold' : 'denial'}`;
  return `${verdict.effect}: decided by ${names}${beaten}`;
}
