// Original file: proto/portcullis/v1/decision.proto

export const DecisionEffect = {
  /**
   * Read as a denial.
   */
  DECISION_EFFECT_UNSPECIFIED: 'DECISION_EFFECT_UNSPECIFIED',
  DECISION_EFFECT_ALLOW: 'DECISION_EFFECT_ALLOW',
  DECISION_EFFECT_DENY: 'DECISION_EFFECT_DENY',
  DECISION_EFFECT_HOLD: 'DECISION_EFFECT_HOLD',
} as const;

export type DecisionEffect =
  /**
   * Read as a denial.
   */
  | 'DECISION_EFFECT_UNSPECIFIED'
  | 0
  | 'DECISION_EFFECT_ALLOW'
  | 1
  | 'DECISION_EFFECT_DENY'
  | 2
  | 'DECISION_EFFECT_HOLD'
  | 3

export type DecisionEffect__Output = typeof DecisionEffect[keyof typeof DecisionEffect]
