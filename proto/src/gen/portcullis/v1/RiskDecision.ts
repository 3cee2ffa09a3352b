// Original file: proto/portcullis/v1/decision.proto

export const RiskDecision = {
  RISK_DECISION_UNSPECIFIED: 'RISK_DECISION_UNSPECIFIED',
  RISK_DECISION_ALLOW: 'RISK_DECISION_ALLOW',
  RISK_DECISION_REVIEW: 'RISK_DECISION_REVIEW',
  RISK_DECISION_BLOCK: 'RISK_DECISION_BLOCK',
} as const;

export type RiskDecision =
  | 'RISK_DECISION_UNSPECIFIED'
  | 0
  | 'RISK_DECISION_ALLOW'
  | 1
  | 'RISK_DECISION_REVIEW'
  | 2
  | 'RISK_DECISION_BLOCK'
  | 3

export type RiskDecision__Output = typeof RiskDecision[keyof typeof RiskDecision]
