/** What keeps reviews, whoever keeps it: at one PDP, or for all that share a Redis (ADR-0037). */

import type { NewReview, Review } from './review.js';

/** The first step of a review's work: it is written into a chain. Every other step comes after it. */
export const RECORD_STEP = 'record';
const TELL = 'tell/';

/** The step in which a webhook is told. */
export function tellStep(webhook: string): string {
  return TELL + webhook;
}

/** The webhook that a step tells; `undefined` for the step that records. */
export function toldBy(step: string): string | undefined {
  return step.startsWith(TELL) ? step.slice(TELL.length) : undefined;
}

/** Bounds of a store, and what is to be done about each review. */
export interface ReviewCaps {
  /** Reviews that wait for somebody, or are not recorded yet. */
  readonly maxOpen: number;
  /** Closed ones that are remembered. */
  readonly maxClosed: number;
  /** The webhooks that are told. */
  readonly webhooks: readonly string[];
}

/** How a review was closed. */
export type Closing = NonNullable<Review['closed']>;

/** What closing came to. */
export const CLOSINGS = ['closed', 'already', 'unknown'] as const;
/** See {@link CLOSINGS}. */
export type Closed = (typeof CLOSINGS)[number];

/**
 * The keeper. Every operation but `list` is one atomic step, and rejects with a `PortcullisError` when the store cannot be asked
 * or cannot keep it: whether it took place is then not known.
 */
export interface ReviewStore {
  /** Whether it is kept; false without room. The same id again changes nothing. */
  keep(review: NewReview): Promise<boolean>;
  find(id: string): Promise<Review | undefined>;
  /** The newest first; closed ones only when asked for. */
  list(closed: boolean): Promise<readonly Review[]>;
  close(id: string, closing: Closing): Promise<Closed>;
  /** The oldest review with this step left to do that nobody is at. Nobody else is given it for so many milliseconds. */
  claim(step: string, leaseMs: number): Promise<Review | undefined>;
  /** From now, nobody else is given it for so many milliseconds. */
  lease(step: string, id: string, leaseMs: number): Promise<void>;
  /** The step is done, and is given to nobody any more. */
  done(step: string, id: string): Promise<void>;
  stop(): Promise<void>;
}
