/**
 * Second stage: binds the request to the release it is decided under. Whatever else evaluation reads (labels, history,
 * approvals) is fetched here too, and only what the bundle says that it needs, so that adjudication stays pure.
 */

import {
  type ContextualRequest,
  denied,
  mintContextual,
  type NormalizedRequest,
  next,
  type StageResult,
} from './chain.js';
import type { SnapshotSource } from './ports.js';

/** Takes the current snapshot; without a valid one nothing can be allowed. */
export function contextualize(
  normalized: NormalizedRequest,
  snapshots: SnapshotSource,
): StageResult<ContextualRequest> {
  const current = snapshots.current();
  if (!current.ok) return denied('NO_VALID_BUNDLE', current.message);
  return next(mintContextual({ normalized, snapshot: current.snapshot }));
}
