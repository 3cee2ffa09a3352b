/** Fifth stage: what the policy says. Pure and synchronous: everything it reads has been handed in. */

import { type Adjudicated, type AssessedRequest, mintAdjudicated, next, type StageResult } from './chain.js';

/** Evaluates the request with the engine of its own snapshot. The quotas it met are still to be asked. */
export function adjudicate(assessed: AssessedRequest): StageResult<Adjudicated> {
  const verdict = assessed.contextual.snapshot.engine.evaluate(assessed.request);
  return next(mintAdjudicated({ assessed, verdict }));
}
