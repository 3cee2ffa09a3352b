/**
 * The decision: what a PDP answers (seed 004 §7.5, contracts §4). A denial is a value here, never an exception.
 */

import type { Json } from './request.js';

/** Why something was denied. Closed; what a policy author writes rides in {@link DenyReason.reason_code}. */
export const DENY_CODES = [
  /** A rule denied. */
  'POLICY_DENIED',
  /** A rule holds the request for a human. */
  'APPROVAL_REQUIRED',
  /** People were asked, and what they said does not allow this: refused, or used up already. */
  'APPROVAL_REFUSED',
  /** A rule holds the request for a human, and nobody can say whether people agreed. */
  'APPROVAL_UNAVAILABLE',
  /** No rule of any layer decided and the bundle's default is deny. */
  'NO_MATCHING_POLICY',
  /** A rule that would block could not be evaluated (contracts §3: errors never open the gate). */
  'POLICY_ERROR',
  /** A quota of a rule is used up. */
  'QUOTA_EXCEEDED',
  /** A quota applies and nobody can say how much of it is left. */
  'QUOTA_UNAVAILABLE',
  /** Somebody stopped this agent, tenant, tool, or everything; no policy can allow it (ADR-0018). */
  'KILL_SWITCH',
  /** The PDP has no valid bundle, or only one that is past `max_stale`. */
  'NO_VALID_BUNDLE',
  /** The request is malformed, over a cap, or claims what the certificate does not say. */
  'REQUEST_INVALID',
  /** The caller's identity is missing, expired or of the wrong kind. */
  'IDENTITY_REJECTED',
  /** The method is not one the PEP knows how to decide. */
  'METHOD_UNKNOWN',
  /** The PEP keeps the tool from the agent: its definition changed, is unknown, or looks like another's, and nobody accepted that. */
  'TOOL_QUARANTINED',
  /** No PDP could be asked. */
  'PDP_UNAVAILABLE',
  /** No PDP answered within the deadline. */
  'PDP_TIMEOUT',
  /** The breaker is open: PDPs failed recently and are not asked. */
  'PDP_BREAKER_OPEN',
  /** The answer was not one: empty, garbled, or about another request. */
  'PDP_REPLY_INVALID',
  /** The decision carries a condition or obligation that this PEP cannot carry out. */
  'OBLIGATION_UNSUPPORTED',
  /** The decision could not be recorded, and the audit mode requires it. */
  'AUDIT_UNAVAILABLE',
  /** The process is draining. */
  'SHUTTING_DOWN',
  /** A defect of ours; still a denial. */
  'INTERNAL_ERROR',
] as const;
/** Why something was denied. */
export type DenyCode = (typeof DENY_CODES)[number];

/** The three outcomes. Everything that is not `allow` blocks. */
export const DECISION_EFFECTS = ['allow', 'deny', 'hold'] as const;
/** An outcome. */
export type DecisionEffect = (typeof DECISION_EFFECTS)[number];

/** One reason for a denial. */
export interface DenyReason {
  readonly code: DenyCode;
  /** For people; names what was denied and what to do. */
  readonly message: string;
  /** Where it comes from: `<layer>/<policy id>`, or a request path such as `tool.arguments`. */
  readonly path: string;
  /** The author's `deny_reason_code`, when a rule gave one. */
  readonly reason_code?: string;
}

/** What a PEP must enforce along with an allow (contracts §4). */
export const CONDITION_TYPES = [
  'rate_limit',
  'mask_fields',
  'redact',
  'require_approval',
  'require_hitl',
  'time_window',
  'audit_level',
  'max_tokens',
] as const;
/** A condition's type. */
export type ConditionType = (typeof CONDITION_TYPES)[number];

/** A condition on an allow; a PEP that cannot carry it out refuses. */
export interface Condition {
  readonly type: ConditionType;
  readonly value: Json;
}

/** Something to do besides; a PEP that does not know the type refuses. */
export interface Obligation {
  readonly type: string;
  readonly value: Json;
}

/** The obligation to tell somebody, `{policy, to}`, after the answer; on denials and holds, too. */
export const NOTIFY = 'notify';

/** The obligation to put what the attempt was thought to be after on record, `true`, after the answer (seed 004 §7.5). */
export const LOG_INTENT_SIGNALS = 'log_intent_signals';

/** Obligations that the PDP itself carries out, by its records and after its answer: a PEP has nothing to do for them. */
export const RECORDED_OBLIGATIONS: readonly string[] = ['review', NOTIFY, LOG_INTENT_SIGNALS];

/** Those that are carried out whatever the decision is: what is left of an allow's when it becomes a denial or a hold. */
export function lasting(obligations: readonly Obligation[]): readonly Obligation[] {
  return obligations.filter(({ type }) => type === NOTIFY || type === LOG_INTENT_SIGNALS);
}

/**
 * The obligation to report what the attempt brought back, `{max_bytes}` of it, and to give it to nobody before the PDP has it:
 * the next question of the session is decided by it (contracts §9).
 */
export const REPORT_RESULT = 'report_result';

/**
 * The obligation to ask about what a model answered, as an attempt of its own with the action `completion` and the answer in
 * `request.output`, before anybody gets it: a policy reads it.
 */
export const DECIDE_OUTPUT = 'decide_output';

/** The reason code of the denial that answers a question about kills alone: none stops what was asked about (ADR-0018). */
export const NOT_STOPPED = 'NOT_STOPPED';

/** Where rules live; a deny in any layer denies (contracts §3). */
export const LAYERS = ['platform', 'tenant', 'workspace'] as const;
/** A layer. */
export type Layer = (typeof LAYERS)[number];

/** Effects a rule may have (seed 002). */
export const RULE_EFFECTS = [
  'allow',
  'deny',
  'log_only',
  'redact',
  'limit',
  'require_approval',
  'require_hitl',
  'escalate',
] as const;
/** A rule's effect. */
export type RuleEffect = (typeof RULE_EFFECTS)[number];

/** A rule that took part in the outcome. */
export interface MatchedPolicy {
  /** The policy's slug. */
  readonly policy: string;
  readonly version: string;
  readonly layer: Layer;
  readonly effect: RuleEffect;
  /** The paths of the fields its condition read, in order of first reading. */
  readonly conditions: readonly string[];
}

/** A rule whose condition could not be evaluated. */
export interface PolicyFault {
  readonly policy: string;
  readonly layer: Layer;
  /** The path of the condition inside the policy, e.g. `when.conditions[1]`. */
  readonly path: string;
  readonly message: string;
}

/** How long and for which equal fields a PEP may reuse the decision. */
export interface CacheHint {
  readonly ttl_seconds: number;
  readonly scope: string;
}

/** Which policy answered, and how fast. */
export interface DecisionMeta {
  readonly policy_version: string;
  readonly evaluation_ms: number;
  readonly bundle_digest: string;
  readonly release_seq: number;
  readonly arm: 'stable' | 'candidate';
  readonly engine: string;
  readonly cached: boolean;
}

/** What a quota counts. */
export const QUOTA_KINDS = ['requests', 'concurrent', 'tokens', 'cost', 'bytes'] as const;
/** What a quota counts. */
export type QuotaKind = (typeof QUOTA_KINDS)[number];

/** Whose use a quota adds up (contracts §6). */
export const QUOTA_DIMENSIONS = [
  'agent',
  'user',
  'team',
  'workspace',
  'environment',
  'tenant',
  'model',
  'tool',
] as const;
/** Whose use a quota adds up. */
export type QuotaDimension = (typeof QUOTA_DIMENSIONS)[number];

/** What happens to a request that finds a quota used up. */
export type QuotaOutcome = 'deny' | 'hold' | 'log_only';

/**
 * How the expected use of a request is known: `stated` by it; `content`, from the size of what it sends; `price`, of a call;
 * `report`, only afterwards.
 */
export const GUARD_BASES = ['stated', 'content', 'price', 'report'] as const;
/** See {@link GUARD_BASES}. */
export type GuardBasis = (typeof GUARD_BASES)[number];

/** A quota that must be reserved before an allow becomes one (contracts §6). */
export interface QuotaGuard {
  /** `<layer>/<set>/<slug>`. */
  readonly id: string;
  readonly layer: Layer;
  readonly policy: string;
  readonly kind: QuotaKind;
  /** Units of `kind`: requests, calls, tokens, currency units, bytes. */
  readonly limit: number;
  /** Absent for `concurrent`. */
  readonly window_seconds?: number;
  /** How far above the even rate a moment may go. */
  readonly burst?: number;
  /** Shares of the limit, 0 to 1, at which to warn. */
  readonly warn_at?: readonly number[];
  /** The dimensions and this request's value of each; `null` where it has none: all such requests share one account. */
  readonly account: readonly (readonly [dimension: QuotaDimension, value: string | null])[];
  /** What this request is expected to use; `null` when only the call itself will tell. */
  readonly estimate: number | null;
  /** How `estimate` is known. */
  readonly basis?: GuardBasis;
  /** Why the use cannot be bounded although there will be some: then the quota is not known to have room for it. */
  readonly unknown?: string;
  /** ISO 4217, of a cost whose prices are known. */
  readonly currency?: string;
  readonly outcome: QuotaOutcome;
  /** The reason to give when it is used up. */
  readonly deny: DenyReason;
  /** What a hold asks for. */
  readonly hold?: Condition;
}

/** What the engine found, before it is tied to a request and a release. Pure: no clock, no ids. */
export interface Verdict {
  readonly effect: DecisionEffect;
  readonly deny: readonly DenyReason[];
  readonly conditions: readonly Condition[];
  readonly obligations: readonly Obligation[];
  readonly matched: readonly MatchedPolicy[];
  readonly errors: readonly PolicyFault[];
  /** What must be reserved before the allow counts; empty unless `effect` is `allow`. See `applyReadings`. */
  readonly guards: readonly QuotaGuard[];
}

/** The answer. `allow` is true exactly when `effect` is `allow`. */
export interface Decision {
  readonly decision_id: string;
  readonly allow: boolean;
  readonly effect: DecisionEffect;
  readonly deny: readonly DenyReason[];
  readonly conditions: readonly Condition[];
  readonly obligations: readonly Obligation[];
  readonly cache: CacheHint;
  readonly matched: readonly MatchedPolicy[];
  readonly diagnostics: { readonly errors: readonly PolicyFault[] };
  readonly meta: DecisionMeta;
  /** Lower-case hex SHA-256 of the canonical request's RFC 8785 bytes; a PEP refuses an answer with another digest. */
  readonly request_digest: string;
}
