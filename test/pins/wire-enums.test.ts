import { describe, expect, test } from '@jest/globals';
import { loadDecisionPackage } from '@portcullis/proto';

/** Numbers that peers of other versions have compiled in. Add to these; never change or reuse one. */
const ENUMS = {
  Source: {
    SOURCE_UNSPECIFIED: 0,
    SOURCE_MCP_PROXY: 1,
    SOURCE_LLM_PROXY: 2,
    SOURCE_EGRESS_PROXY: 3,
    SOURCE_A2A_PROXY: 4,
    SOURCE_SDK: 5,
    SOURCE_EXT_AUTHZ: 6,
    SOURCE_HOOK: 7,
  },
  AttemptKind: {
    ATTEMPT_KIND_UNSPECIFIED: 0,
    ATTEMPT_KIND_TOOL_CALL: 1,
    ATTEMPT_KIND_TOOL_LIST: 2,
    ATTEMPT_KIND_INFERENCE: 3,
    ATTEMPT_KIND_EGRESS: 4,
    ATTEMPT_KIND_A2A: 5,
    ATTEMPT_KIND_RESOURCE: 6,
    ATTEMPT_KIND_PROMPT: 7,
    ATTEMPT_KIND_SESSION: 8,
  },
  Environment: {
    ENVIRONMENT_UNSPECIFIED: 0,
    ENVIRONMENT_DEV: 1,
    ENVIRONMENT_STAGING: 2,
    ENVIRONMENT_PROD: 3,
  },
  RiskDecision: {
    RISK_DECISION_UNSPECIFIED: 0,
    RISK_DECISION_ALLOW: 1,
    RISK_DECISION_REVIEW: 2,
    RISK_DECISION_BLOCK: 3,
  },
  DecisionEffect: {
    DECISION_EFFECT_UNSPECIFIED: 0,
    DECISION_EFFECT_ALLOW: 1,
    DECISION_EFFECT_DENY: 2,
    DECISION_EFFECT_HOLD: 3,
  },
  DenyCode: {
    DENY_CODE_UNSPECIFIED: 0,
    DENY_CODE_POLICY_DENIED: 1,
    DENY_CODE_APPROVAL_REQUIRED: 2,
    DENY_CODE_NO_MATCHING_POLICY: 3,
    DENY_CODE_POLICY_ERROR: 4,
    DENY_CODE_NO_VALID_BUNDLE: 5,
    DENY_CODE_REQUEST_INVALID: 6,
    DENY_CODE_IDENTITY_REJECTED: 7,
    DENY_CODE_METHOD_UNKNOWN: 8,
    DENY_CODE_PDP_UNAVAILABLE: 9,
    DENY_CODE_PDP_TIMEOUT: 10,
    DENY_CODE_PDP_BREAKER_OPEN: 11,
    DENY_CODE_PDP_REPLY_INVALID: 12,
    DENY_CODE_OBLIGATION_UNSUPPORTED: 13,
    DENY_CODE_AUDIT_UNAVAILABLE: 14,
    DENY_CODE_SHUTTING_DOWN: 15,
    DENY_CODE_INTERNAL_ERROR: 16,
    DENY_CODE_QUOTA_EXCEEDED: 17,
    DENY_CODE_QUOTA_UNAVAILABLE: 18,
    DENY_CODE_APPROVAL_REFUSED: 20,
    DENY_CODE_APPROVAL_UNAVAILABLE: 21,
    DENY_CODE_KILL_SWITCH: 19,
    DENY_CODE_TOOL_QUARANTINED: 22,
  },
  ConditionType: {
    CONDITION_TYPE_UNSPECIFIED: 0,
    CONDITION_TYPE_RATE_LIMIT: 1,
    CONDITION_TYPE_MASK_FIELDS: 2,
    CONDITION_TYPE_REDACT: 3,
    CONDITION_TYPE_REQUIRE_APPROVAL: 4,
    CONDITION_TYPE_REQUIRE_HITL: 5,
    CONDITION_TYPE_TIME_WINDOW: 6,
    CONDITION_TYPE_AUDIT_LEVEL: 7,
    CONDITION_TYPE_MAX_TOKENS: 8,
  },
  Layer: {
    LAYER_UNSPECIFIED: 0,
    LAYER_PLATFORM: 1,
    LAYER_TENANT: 2,
    LAYER_WORKSPACE: 3,
  },
  RuleEffect: {
    RULE_EFFECT_UNSPECIFIED: 0,
    RULE_EFFECT_ALLOW: 1,
    RULE_EFFECT_DENY: 2,
    RULE_EFFECT_LOG_ONLY: 3,
    RULE_EFFECT_REDACT: 4,
    RULE_EFFECT_REQUIRE_APPROVAL: 5,
    RULE_EFFECT_REQUIRE_HITL: 6,
    RULE_EFFECT_ESCALATE: 7,
    RULE_EFFECT_LIMIT: 8,
  },
  Arm: {
    ARM_UNSPECIFIED: 0,
    ARM_STABLE: 1,
    ARM_CANDIDATE: 2,
  },
  BundleFreshness: {
    BUNDLE_FRESHNESS_UNSPECIFIED: 0,
    BUNDLE_FRESHNESS_FRESH: 1,
    BUNDLE_FRESHNESS_STALE: 2,
    BUNDLE_FRESHNESS_EXPIRED: 3,
  },
  EnforcementOutcome: {
    ENFORCEMENT_OUTCOME_UNSPECIFIED: 0,
    ENFORCEMENT_OUTCOME_FORWARDED: 1,
    ENFORCEMENT_OUTCOME_UPSTREAM_FAILED: 2,
    ENFORCEMENT_OUTCOME_REFUSED: 3,
  },
} as const;

/** Field numbers of every message: the same promise. */
const MESSAGES = {
  CanonicalRequest:
    'version=1 tenant_id=2 source=3 kind=4 agent=5 tool=6 user=7 request=8 egress=9 peer=10 context=11 intent_risk=12',
  Agent: 'id=1 type=2 trust_level=3 attributes_json=4',
  Tool: 'id=1 name=2 operation=3 server=4 arguments_json=5 definition_digest=6 attributes_json=7',
  Usage:
    'tokens=1 cost=2 bytes=3 input_tokens=4 output_tokens=5 cached_tokens=6 model=7 model_provider=8 bytes_in=9 bytes_out=10',
  User: 'id=1 email=2 role=3 team=4 attributes_json=5',
  ModelRequest:
    'action=1 model=2 model_provider=3 model_endpoint=4 estimated_tokens=5 max_tokens=6 stream=7 query=8 output=9',
  Egress: 'scheme=1 host=2 port=3 method=4 path=5 resolved_ips=6 bytes=7',
  Peer: 'agent_id=1 skill=2 url=3',
  Context:
    'timestamp=1 request_id=2 environment=3 ip=4 session_id=5 workspace_id=6 tenant_id=7 data_classification=8 labels=9 store=10 delegation_json=11 approval_json=12 attributes_json=13 task_json=14',
  StringList: 'values=1',
  IntentRisk: 'decision=1 explanation=2 behavioral_signals_json=3 risk_dimensions_json=4',
  DenyReason: 'code=1 message=2 path=3 reason_code=4',
  Condition: 'type=1 value_json=2',
  Obligation: 'type=1 value_json=2',
  MatchedPolicy: 'policy=1 version=2 layer=3 effect=4 conditions=5',
  PolicyFault: 'policy=1 layer=2 path=3 message=4',
  Decision:
    'decision_id=1 effect=2 deny=3 conditions=4 obligations=5 cache_ttl_seconds=6 cache_scope=7 matched=8 errors=9 policy_version=10 evaluation_ms=11 bundle_digest=12 release_seq=13 arm=14 engine=15 cached=16 request_digest=17 epochs=18 content_digest=19',
  Epochs: 'release_seq=1 trust=2 labels=3 kill=4',
  EvaluateRequest: 'request=1 request_digest=2 user_token=3 only_kills=4',
  EvaluateResponse: 'decision=1',
  EvaluateBatchRequest: 'requests=1',
  EvaluateBatchResponse: 'responses=1',
  DecideRequest: 'questions=1',
  Question: 'id=1 evaluate=2 ping=3 traceparent=4 tracestate=5',
  DecideResponse: 'answers=1',
  Answer: 'id=1 decision=2 fault=3 pong=4',
  Ping: '',
  Fault: 'code=1 message=2',
  WatchRequest: '',
  WatchEvent: 'epochs=1 bundle_digest=2 policy_version=3 freshness=4 approvals=5',
  Settlement:
    'decision_id=1 outcome=2 request_digest=3 duration_ms=4 usage=5 result_json=6 session_id=7 result_truncated=8 ' +
    'tenant_id=9 agent_id=10 redaction=11',
  Reuse:
    'decision_id=1 reuse_of=2 request_digest=3 tenant_id=4 agent_id=5 server=6 tool=7 operation=8 arguments_digest=9 bundle_digest=10 policy_version=11 release_seq=12 matched=13 at=14 target=15',
  RedactionLayers: 'layers=1 ner=2',
  AttemptTarget: 'host=1 method=2 model=3 peer=4 port=5 provider=6 scheme=7 skill=8',
  Refusal:
    'refusal_id=1 source=2 code=3 reason=4 status=5 server=6 tool=7 operation=8 count=9 at=10 last_at=11 target=12 decision_id=13',
  SettleRequest: 'settlements=1 reuses=8 refusals=9',
  SettleResponse: 'accepted=1 reuses_recorded=8 refusals_recorded=9',
} as const;

const METHODS = [
  '/portcullis.v1.DecisionService/Evaluate',
  '/portcullis.v1.DecisionService/EvaluateBatch',
  '/portcullis.v1.DecisionService/Decide',
  '/portcullis.v1.DecisionService/Watch',
  '/portcullis.v1.DecisionService/Settle',
] as const;

interface Descriptor {
  readonly format: string;
  readonly type: {
    readonly value?: readonly { readonly name: string; readonly number: number }[];
    readonly field?: readonly { readonly name: string; readonly number: number }[];
  };
}

const LOADED = Object.entries(loadDecisionPackage() as unknown as Record<string, Descriptor>);
const named = (kind: string): readonly (readonly [string, Descriptor])[] =>
  LOADED.filter(([, { format }]) => format === `Protocol Buffer 3 ${kind}DescriptorProto`).map(
    ([name, descriptor]) => [name.replace('portcullis.v1.', ''), descriptor] as const,
  );

describe('decision.proto', () => {
  test('enum names and numbers', () => {
    const found = named('Enum').map(([name, { type }]) => [
      name,
      Object.fromEntries((type.value ?? []).map((value) => [value.name, value.number])),
    ]);
    expect(Object.fromEntries(found)).toEqual(ENUMS);
  });

  test('zero is unspecified everywhere', () => {
    const zeros = named('Enum').map(([, { type }]) => type.value?.find(({ number }) => number === 0)?.name ?? '');
    expect(zeros).toHaveLength(12);
    expect(zeros.filter((name) => !name.endsWith('_UNSPECIFIED'))).toEqual([]);
  });

  test('field names and numbers', () => {
    const found = named('').map(([name, { type }]) => [
      name,
      (type.field ?? []).map((field) => `${field.name}=${field.number}`).join(' '),
    ]);
    expect(Object.fromEntries(found)).toEqual(MESSAGES);
  });

  test('methods', () => {
    const service = loadDecisionPackage()['portcullis.v1.DecisionService'] as unknown as Record<
      string,
      { path: string }
    >;
    expect(Object.values(service).map(({ path }) => path)).toEqual(METHODS);
  });
});
