/** Third stage: what the policy says. Pure and synchronous: everything it reads has been handed in. */

import { applyReadings, type GuardReading } from '@portcullis/policy';
import { type Adjudicated, type ContextualRequest, mintAdjudicated, next, type StageResult } from './chain.js';

const NO_READINGS: ReadonlyMap<string, GuardReading> = new Map();

/** Evaluates the request with the engine of its own snapshot. */
export function adjudicate(contextual: ContextualRequest): StageResult<Adjudicated> {
  const found = contextual.snapshot.engine.evaluate(contextual.normalized.request);
  // Nobody keeps accounts here, so what a quota guards is denied.
  const verdict = applyReadings(found, NO_READINGS);
  return next(mintAdjudicated({ contextual, verdict }));
}
