/**
 * Wire enums and domain unions, side by side. A member added on either side fails to compile here until it has a partner:
 * `satisfies` demands every domain member, {@link PAIRED} every wire member but the unspecified one.
 */

import type {
  AttemptKind,
  ConditionType,
  DecisionEffect,
  DecisionMeta,
  DenyCode,
  Environment,
  IntentRisk,
  Layer,
  RuleEffect,
  Source,
} from '@portcullis/policy/model';
import type * as Wire from '../wire.js';

/** How old a PDP's bundle is (contracts §10). */
export type BundleFreshness = 'fresh' | 'stale' | 'expired';

/** What became of an allowed attempt. */
export type EnforcementOutcome = 'forwarded' | 'upstream_failed' | 'refused';

/** A caller's or the risk stage's opinion. */
export type RiskDecision = NonNullable<IntentRisk['decision']>;

const SOURCE = {
  mcp_proxy: 'SOURCE_MCP_PROXY',
  llm_proxy: 'SOURCE_LLM_PROXY',
  egress_proxy: 'SOURCE_EGRESS_PROXY',
  a2a_proxy: 'SOURCE_A2A_PROXY',
  sdk: 'SOURCE_SDK',
  ext_authz: 'SOURCE_EXT_AUTHZ',
  hook: 'SOURCE_HOOK',
} as const satisfies Record<Source, Wire.Source__Output>;

const ATTEMPT_KIND = {
  tool_call: 'ATTEMPT_KIND_TOOL_CALL',
  tool_list: 'ATTEMPT_KIND_TOOL_LIST',
  inference: 'ATTEMPT_KIND_INFERENCE',
  egress: 'ATTEMPT_KIND_EGRESS',
  a2a: 'ATTEMPT_KIND_A2A',
  resource: 'ATTEMPT_KIND_RESOURCE',
  prompt: 'ATTEMPT_KIND_PROMPT',
  session: 'ATTEMPT_KIND_SESSION',
} as const satisfies Record<AttemptKind, Wire.AttemptKind__Output>;

const ENVIRONMENT = {
  dev: 'ENVIRONMENT_DEV',
  staging: 'ENVIRONMENT_STAGING',
  prod: 'ENVIRONMENT_PROD',
} as const satisfies Record<Environment, Wire.Environment__Output>;

const RISK_DECISION = {
  ALLOW: 'RISK_DECISION_ALLOW',
  REVIEW: 'RISK_DECISION_REVIEW',
  BLOCK: 'RISK_DECISION_BLOCK',
} as const satisfies Record<RiskDecision, Wire.RiskDecision__Output>;

const DECISION_EFFECT = {
  allow: 'DECISION_EFFECT_ALLOW',
  deny: 'DECISION_EFFECT_DENY',
  hold: 'DECISION_EFFECT_HOLD',
} as const satisfies Record<DecisionEffect, Wire.DecisionEffect__Output>;

const DENY_CODE = {
  POLICY_DENIED: 'DENY_CODE_POLICY_DENIED',
  APPROVAL_REQUIRED: 'DENY_CODE_APPROVAL_REQUIRED',
  NO_MATCHING_POLICY: 'DENY_CODE_NO_MATCHING_POLICY',
  POLICY_ERROR: 'DENY_CODE_POLICY_ERROR',
  QUOTA_EXCEEDED: 'DENY_CODE_QUOTA_EXCEEDED',
  QUOTA_UNAVAILABLE: 'DENY_CODE_QUOTA_UNAVAILABLE',
  APPROVAL_REFUSED: 'DENY_CODE_APPROVAL_REFUSED',
  APPROVAL_UNAVAILABLE: 'DENY_CODE_APPROVAL_UNAVAILABLE',
  KILL_SWITCH: 'DENY_CODE_KILL_SWITCH',
  NO_VALID_BUNDLE: 'DENY_CODE_NO_VALID_BUNDLE',
  REQUEST_INVALID: 'DENY_CODE_REQUEST_INVALID',
  IDENTITY_REJECTED: 'DENY_CODE_IDENTITY_REJECTED',
  METHOD_UNKNOWN: 'DENY_CODE_METHOD_UNKNOWN',
  TOOL_QUARANTINED: 'DENY_CODE_TOOL_QUARANTINED',
  PDP_UNAVAILABLE: 'DENY_CODE_PDP_UNAVAILABLE',
  PDP_TIMEOUT: 'DENY_CODE_PDP_TIMEOUT',
  PDP_BREAKER_OPEN: 'DENY_CODE_PDP_BREAKER_OPEN',
  PDP_REPLY_INVALID: 'DENY_CODE_PDP_REPLY_INVALID',
  OBLIGATION_UNSUPPORTED: 'DENY_CODE_OBLIGATION_UNSUPPORTED',
  AUDIT_UNAVAILABLE: 'DENY_CODE_AUDIT_UNAVAILABLE',
  SHUTTING_DOWN: 'DENY_CODE_SHUTTING_DOWN',
  INTERNAL_ERROR: 'DENY_CODE_INTERNAL_ERROR',
} as const satisfies Record<DenyCode, Wire.DenyCode__Output>;

const CONDITION_TYPE = {
  rate_limit: 'CONDITION_TYPE_RATE_LIMIT',
  mask_fields: 'CONDITION_TYPE_MASK_FIELDS',
  redact: 'CONDITION_TYPE_REDACT',
  require_approval: 'CONDITION_TYPE_REQUIRE_APPROVAL',
  require_hitl: 'CONDITION_TYPE_REQUIRE_HITL',
  time_window: 'CONDITION_TYPE_TIME_WINDOW',
  audit_level: 'CONDITION_TYPE_AUDIT_LEVEL',
  max_tokens: 'CONDITION_TYPE_MAX_TOKENS',
} as const satisfies Record<ConditionType, Wire.ConditionType__Output>;

const LAYER = {
  platform: 'LAYER_PLATFORM',
  tenant: 'LAYER_TENANT',
  workspace: 'LAYER_WORKSPACE',
} as const satisfies Record<Layer, Wire.Layer__Output>;

const RULE_EFFECT = {
  allow: 'RULE_EFFECT_ALLOW',
  deny: 'RULE_EFFECT_DENY',
  log_only: 'RULE_EFFECT_LOG_ONLY',
  redact: 'RULE_EFFECT_REDACT',
  require_approval: 'RULE_EFFECT_REQUIRE_APPROVAL',
  require_hitl: 'RULE_EFFECT_REQUIRE_HITL',
  escalate: 'RULE_EFFECT_ESCALATE',
  limit: 'RULE_EFFECT_LIMIT',
} as const satisfies Record<RuleEffect, Wire.RuleEffect__Output>;

const ARM = {
  stable: 'ARM_STABLE',
  candidate: 'ARM_CANDIDATE',
} as const satisfies Record<DecisionMeta['arm'], Wire.Arm__Output>;

const BUNDLE_FRESHNESS = {
  fresh: 'BUNDLE_FRESHNESS_FRESH',
  stale: 'BUNDLE_FRESHNESS_STALE',
  expired: 'BUNDLE_FRESHNESS_EXPIRED',
} as const satisfies Record<BundleFreshness, Wire.BundleFreshness__Output>;

const ENFORCEMENT_OUTCOME = {
  forwarded: 'ENFORCEMENT_OUTCOME_FORWARDED',
  upstream_failed: 'ENFORCEMENT_OUTCOME_UPSTREAM_FAILED',
  refused: 'ENFORCEMENT_OUTCOME_REFUSED',
} as const satisfies Record<EnforcementOutcome, Wire.EnforcementOutcome__Output>;

/** `true` when the table reaches every specified member of the wire enum; otherwise names the members it misses. */
type Reaches<WireEnum extends string, Table extends Record<string, string>> = [
  Exclude<WireEnum, Table[keyof Table] | `${string}_UNSPECIFIED`>,
] extends [never]
  ? true
  : Exclude<WireEnum, Table[keyof Table] | `${string}_UNSPECIFIED`>;

/** Every wire member has a domain partner. Compiles only while that is so; its value says nothing. */
export const PAIRED: {
  readonly source: Reaches<Wire.Source__Output, typeof SOURCE>;
  readonly attemptKind: Reaches<Wire.AttemptKind__Output, typeof ATTEMPT_KIND>;
  readonly environment: Reaches<Wire.Environment__Output, typeof ENVIRONMENT>;
  readonly riskDecision: Reaches<Wire.RiskDecision__Output, typeof RISK_DECISION>;
  readonly decisionEffect: Reaches<Wire.DecisionEffect__Output, typeof DECISION_EFFECT>;
  readonly denyCode: Reaches<Wire.DenyCode__Output, typeof DENY_CODE>;
  readonly conditionType: Reaches<Wire.ConditionType__Output, typeof CONDITION_TYPE>;
  readonly layer: Reaches<Wire.Layer__Output, typeof LAYER>;
  readonly ruleEffect: Reaches<Wire.RuleEffect__Output, typeof RULE_EFFECT>;
  readonly arm: Reaches<Wire.Arm__Output, typeof ARM>;
  readonly bundleFreshness: Reaches<Wire.BundleFreshness__Output, typeof BUNDLE_FRESHNESS>;
  readonly enforcementOutcome: Reaches<Wire.EnforcementOutcome__Output, typeof ENFORCEMENT_OUTCOME>;
} = {
  source: true,
  attemptKind: true,
  environment: true,
  riskDecision: true,
  decisionEffect: true,
  denyCode: true,
  conditionType: true,
  layer: true,
  ruleEffect: true,
  arm: true,
  bundleFreshness: true,
  enforcementOutcome: true,
};

/** One enum in both vocabularies. */
export interface EnumPair<Domain extends string, WireName extends string> {
  /** For messages: what the enum is about. */
  readonly about: string;
  readonly toWire: Readonly<Record<Domain, WireName>>;
  /** By wire name. A Map, because the key comes from the peer: `constructor` is not a member. */
  readonly fromWire: ReadonlyMap<unknown, Domain>;
}

function pair<Domain extends string, WireName extends string>(
  about: string,
  toWire: Readonly<Record<Domain, WireName>>,
): EnumPair<Domain, WireName> {
  const members = Object.keys(toWire) as Domain[];
  return { about, toWire, fromWire: new Map(members.map((member) => [toWire[member], member])) };
}

/** Every enum of decision.proto. */
export const ENUMS = {
  source: pair('source', SOURCE),
  attemptKind: pair('attempt kind', ATTEMPT_KIND),
  environment: pair('environment', ENVIRONMENT),
  riskDecision: pair('risk decision', RISK_DECISION),
  decisionEffect: pair('decision effect', DECISION_EFFECT),
  denyCode: pair('deny code', DENY_CODE),
  conditionType: pair('condition type', CONDITION_TYPE),
  layer: pair('layer', LAYER),
  ruleEffect: pair('rule effect', RULE_EFFECT),
  arm: pair('arm', ARM),
  bundleFreshness: pair('bundle freshness', BUNDLE_FRESHNESS),
  enforcementOutcome: pair('enforcement outcome', ENFORCEMENT_OUTCOME),
} as const;
