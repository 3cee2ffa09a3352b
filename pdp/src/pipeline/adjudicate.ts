/** Fourth stage: what the policy says. Pure and synchronous: everything it reads has been handed in. */

import { type Adjudicated, type AssessedRequest, mintAdjudicated, next, type StageResult } from './chain.js';

/** Evaluates the request with the engine of its own snapshot. The quotas it met are still to be asked. */
export function adjudicate(assessed: AssessedRequest): StageResult<Adjudicated> {
  const { engine } = assessed.contextual.snapshot;
  if (engine.cacheTtlSeconds > 0) {
    return next(mintAdjudicated({ assessed, ...engine.evaluateWithReads(assessed.request) }));
  }
  return next(mintAdjudicated({ assessed, verdict: engine.evaluate(assessed.request), reads: undefined }));
}
