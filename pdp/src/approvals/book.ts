/** What the pipeline and the approvers' surface share: the store, what is recorded, and who is told. */

import type { ApprovalEntry } from '@portcullis/policy/evidence';
import type { ContextualRequest, JsonObject } from '@portcullis/policy/model';
import type { Approval, ApprovalStore } from './port.js';

/** Something that people outside should hear of. */
export interface Notice {
  readonly event: 'requested' | 'decided' | 'consumed' | 'void' | 'escalated' | 'granted';
  readonly approval: Approval;
  /** Who did it, where a person did. */
  readonly by?: string;
}

/** How held requests end; closed list, labels of a metric. */
export const HOLD_OUTCOMES = ['asked', 'attached', 'consumed', 'granted', 'refused', 'answered', 'unknown'] as const;
/** How a held request ended. */
export type HoldOutcome = (typeof HOLD_OUTCOMES)[number];

/** Who counts what happens to holds. */
export interface HoldObserver {
  held(outcome: HoldOutcome, seconds: number): void;
}

/** Everything that approvals are made of. */
export interface ApprovalBook {
  readonly store: ApprovalStore;
  /** Resolves once the record is kept; rejects when it could not be. Without a chain it resolves at once. */
  record(entry: ApprovalEntry): Promise<void>;
  /** At once, never throws; delivery is somebody else's. */
  tell(notice: Notice): void;
  /** What approvers are shown of a request, as configured. */
  describe(request: ContextualRequest): JsonObject;
  /** Unique; a UUID. */
  newId(): string;
  /** Milliseconds since the epoch. */
  now(): number;
}
