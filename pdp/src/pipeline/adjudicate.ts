/** Fifth stage: what the policy says. Pure and synchronous: everything it reads has been handed in. */

import type { JsonObject } from '@portcullis/policy/model';
import { type Adjudicated, type AssessedRequest, mintAdjudicated, next, type StageResult } from './chain.js';
import { adjudicateListing, isListing } from './listing.js';

/** Evaluates the request with the engine of its own snapshot. The quotas it met are still to be asked. */
export function adjudicate(assessed: AssessedRequest): StageResult<Adjudicated> {
  const { engine } = assessed.contextual.snapshot;
  if (isListing(assessed.request)) {
    return next(mintAdjudicated({ assessed, verdict: adjudicateListing(assessed.request, engine), reads: undefined }));
  }
  if (engine.cacheTtlSeconds > 0) {
    return next(mintAdjudicated({ assessed, ...engine.evaluateWithReads(assessed.request) }));
  }
  return next(mintAdjudicated({ assessed, verdict: engine.evaluate(assessed.request), reads: undefined }));
}

/** Evaluates it again, with what people have agreed to: a rule that they were not asked about still has its say. */
export function adjudicateApproved(assessed: AssessedRequest, approval: JsonObject): Adjudicated {
  const { request, contextual } = assessed;
  const approved = { ...request, context: { ...request.context, approval } };
  return mintAdjudicated({ assessed, verdict: contextual.snapshot.engine.evaluate(approved), reads: undefined });
}
