/** What an operator may set about the risk stage; the configuration of a PDP has the same fields. */

/** Numbers that the analysers and the combiner are given. */
export interface RiskParameters {
  /** Whole scores from which the decision is REVIEW, and BLOCK; 0 to 1. */
  readonly reviewFrom: number;
  readonly blockFrom: number;
  /** Signals that are not looked for. */
  readonly disabled: readonly string[];
  /** In the place of a signal's own weight, by signal. */
  readonly weights: Readonly<Record<string, number>>;
  /** Attempts before an agent has habits. */
  readonly minAttempts: number;
  /** Milliseconds before an agent has habits. */
  readonly minAgeMs: number;
  /** How many times its usual rate an agent may go before it is a burst. */
  readonly burstFactor: number;
  /** Attempts a minute that are never a burst. */
  readonly burstFloorPerMinute: number;
  /** Denials of the recent past from which they are a signal. */
  readonly denials: number;
  /** Sum of recent amounts from which they are a signal; 0 looks at habits alone. */
  readonly amountLimit: number;
  /** Labels that mean that a session holds what must not leave. */
  readonly sensitiveLabels: readonly string[];
  /** Labels that mean that others wrote it. */
  readonly untrustedLabels: readonly string[];
}

/** What a PDP uses when nothing else is said. */
export const DEFAULT_RISK_PARAMETERS: RiskParameters = {
  reviewFrom: 0.5,
  blockFrom: 0.9,
  disabled: [],
  weights: {},
  minAttempts: 20,
  minAgeMs: 600_000,
  burstFactor: 8,
  burstFloorPerMinute: 30,
  denials: 3,
  amountLimit: 0,
  sensitiveLabels: ['confidential', 'restricted', 'secret', 'pii', 'personal', 'credentials', 'private'],
  untrustedLabels: ['untrusted', 'third_party', 'external'],
};
