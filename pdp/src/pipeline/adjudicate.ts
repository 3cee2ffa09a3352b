/** Third stage: what the policy says. Pure and synchronous: everything it reads has been handed in. */

import { type Adjudicated, type ContextualRequest, mintAdjudicated, next, type StageResult } from './chain.js';

/** Evaluates the request with the engine of its own snapshot. The quotas it met are still to be asked. */
export function adjudicate(contextual: ContextualRequest): StageResult<Adjudicated> {
  const verdict = contextual.snapshot.engine.evaluate(contextual.normalized.request);
  return next(mintAdjudicated({ contextual, verdict }));
}
