// Original file: proto/portcullis/v1/decision.proto

export const EnforcementOutcome = {
  ENFORCEMENT_OUTCOME_UNSPECIFIED: 'ENFORCEMENT_OUTCOME_UNSPECIFIED',
  /**
   * The attempt went upstream and an answer came back.
   */
  ENFORCEMENT_OUTCOME_FORWARDED: 'ENFORCEMENT_OUTCOME_FORWARDED',
  /**
   * The attempt went upstream and failed there.
   */
  ENFORCEMENT_OUTCOME_UPSTREAM_FAILED: 'ENFORCEMENT_OUTCOME_UPSTREAM_FAILED',
  /**
   * The PEP refused in spite of an allow (an obligation it cannot carry out, a draining process).
   */
  ENFORCEMENT_OUTCOME_REFUSED: 'ENFORCEMENT_OUTCOME_REFUSED',
} as const;

export type EnforcementOutcome =
  | 'ENFORCEMENT_OUTCOME_UNSPECIFIED'
  | 0
  /**
   * The attempt went upstream and an answer came back.
   */
  | 'ENFORCEMENT_OUTCOME_FORWARDED'
  | 1
  /**
   * The attempt went upstream and failed there.
   */
  | 'ENFORCEMENT_OUTCOME_UPSTREAM_FAILED'
  | 2
  /**
   * The PEP refused in spite of an allow (an obligation it cannot carry out, a draining process).
   */
  | 'ENFORCEMENT_OUTCOME_REFUSED'
  | 3

export type EnforcementOutcome__Output = typeof EnforcementOutcome[keyof typeof EnforcementOutcome]
