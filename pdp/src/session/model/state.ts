import type { PastAttempt } from '@portcullis/policy/model';

/**
 * The caps of a session. What overflows makes the session less trusted, never more: forgotten results make every value that
 * is not the user's of unknown origin, forgotten attempts leave their labels behind.
 */
export const SESSION_CAPS = {
  /** Past attempts that are remembered; older ones are forgotten. */
  attempts: 256,
  /** Words of the user. */
  promptWords: 4_096,
  /** Words of results and endorsements. */
  words: 16_384,
  /** Different labels; one more sets `overflow`. */
  labels: 64,
  /** Names in the scope; one more makes the whole scope empty. */
  scopeTools: 256,
  /** Leaves of arguments that provenance is worked out for; those beyond are of unknown origin. */
  argumentLeaves: 512,
} as const;

/** What is remembered of a session. JSON; bounded by {@link SESSION_CAPS}; opaque to whoever keeps it. */
export interface SessionState {
  readonly format: 1;
  /** Counts changes that may change a fact: goes up by one with each of them. */
  readonly epoch: number;
  /** Whether something had to be forgotten. */
  readonly overflow: boolean;
  readonly labels: readonly string[];
  readonly attempts: readonly PastAttempt[];
}

/** A session of which nothing is known yet. */
export function emptySession(): SessionState {
  return { format: 1, epoch: 0, overflow: false, labels: [], attempts: [] };
}
