/**
 * Domain words of logs, metrics and evidence, spelled once so that all three agree (style §3.5).
 */
export const FIELD = {
  requestId: 'request_id',
  tenantId: 'tenant_id',
  agentId: 'agent_id',
  toolId: 'tool_id',
  decisionId: 'decision_id',
  bundleDigest: 'bundle_digest',
  releaseSeq: 'release_seq',
  effect: 'effect',
  outcome: 'outcome',
  denyCode: 'deny_code',
} as const;
