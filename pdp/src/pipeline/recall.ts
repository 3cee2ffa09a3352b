/**
 * Between the second stage and the third: an equal request that was decided before, under the same release and epochs,
 * needs no context, no risk and no engine (contracts §5). Its decision is recorded and answered like any other.
 */

import { type Adjudicated, type IdentifiedRequest, mintAdjudicated, mintAssessed, mintContextual } from './chain.js';
import type { DecisionMemory, Look, Question, SnapshotSource } from './ports.js';

/** What the step needs. */
export interface RecallParts {
  readonly snapshots: SnapshotSource;
  /** Without one, every request is decided anew. */
  readonly memory?: DecisionMemory | undefined;
}

/** A look into the memory, and what it found, as the link of the chain that it stands for. */
export interface Recall {
  readonly look: Look;
  readonly adjudicated: Adjudicated | undefined;
}

/** Nothing without a memory, without a release, or for a bundle that keeps nothing. Never waits. */
export function recall(
  { snapshots, memory }: RecallParts,
  identified: IdentifiedRequest,
  question: Question,
): Recall | undefined {
  if (memory === undefined) return undefined;
  const current = snapshots.current();
  if (!current.ok) return undefined;
  const { snapshot } = current;
  const look = memory.look(question, snapshot);
  if (look === undefined) return undefined;
  if (look.found === undefined) return { look, adjudicated: undefined };
  const { normalized, request } = identified;
  const contextual = mintContextual({ normalized, snapshot, request });
  const assessed = mintAssessed({ contextual, request });
  return { look, adjudicated: mintAdjudicated({ assessed, verdict: look.found.verdict, reads: undefined }) };
}
