import type { Baseline } from '../baseline.js';
import type { RiskParameters } from '../parameters.js';

/** Whether enough is known of the agent to call something unusual. */
export function isFamiliar(
  baseline: Baseline | undefined,
  { minAttempts, minAgeMs }: RiskParameters,
): baseline is Baseline {
  return baseline !== undefined && baseline.attempts >= minAttempts && baseline.ageMs >= minAgeMs;
}
