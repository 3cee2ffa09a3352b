/**
 * What PDPs themselves do about a decision after its answer: they keep a review for people, write it into a chain and tell
 * webhooks. Accepting is one step of a store; everything else comes after the answer and holds nothing up. Where several PDPs share
 * a store, each does what any of them has left to do.
 */

import { createHash } from 'node:crypto';
import type { ReviewEntry } from '@portcullis/policy/evidence';
import { type Clock, LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import type { Deliver } from '../approvals/notices.js';
import type { AskedReview, Review } from './review.js';
import { RECORD_STEP, type ReviewStore, tellStep } from './review-store.js';
import { createStepWorker } from './step-worker.js';

/** What becomes of reviews; closed list, labels of a metric. */
export const REVIEW_OUTCOMES = ['opened', 'refused', 'recorded', 'notified', 'unnotified', 'closed'] as const;
/** What became of a review. */
export type ReviewOutcome = (typeof REVIEW_OUTCOMES)[number];

/** Who counts reviews. */
export interface ReviewObserver {
  review(outcome: ReviewOutcome): void;
}

/** Who is told of reviews. */
export interface ReviewWebhook {
  readonly name: string;
  readonly deliver: (review: Review) => ReturnType<Deliver>;
}

/** What reviews are made of. */
export interface ReviewParts {
  readonly store: ReviewStore;
  /** Hands the store what waits for it. Never rejects. */
  readonly handOver: () => Promise<void>;
  /** Where events are recorded; nowhere without one. */
  readonly record: ((entry: ReviewEntry) => Promise<void>) | undefined;
  /** Who is told, until the signal is aborted. */
  readonly webhooks: (signal: AbortSignal) => readonly ReviewWebhook[];
  /** Resolves after so many milliseconds, or when the signal is aborted. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly observer: ReviewObserver;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The reviews, as one PDP sees them. */
export interface Reviews {
  /** Whether it is kept; false when there is no room, or nothing takes it. Never rejects. */
  accept(asked: AskedReview): Promise<boolean>;
  /** The decision did not stand after all. Never rejects. */
  withdraw(id: string): Promise<void>;
  /** The newest first; closed ones only when asked for. */
  list(closed: boolean): Promise<readonly Review[]>;
  /**
   * @throws PortcullisError `ERR_REVIEW_UNKNOWN` (`invalid`), `ERR_REVIEW_CLOSED` (`conflict`), or kind `unavailable` when it could
   * not be recorded or kept: it is open then.
   */
  close(id: string, by: string, note: string): Promise<Review>;
  /** Does what was left to do, here or by another PDP that is gone. */
  look(): Promise<void>;
  /** Resolves when nothing is left to do. */
  idle(): Promise<void>;
  /** Stops; what is left to do is done after the next start. */
  stop(): Promise<void>;
}

/** Goes on with what was left. */
export function createReviews(parts: ReviewParts): Reviews {
  const { store, observer, clock, log } = parts;
  const stopped = new AbortController();
  const entry = (event: ReviewEntry['event'], { id, asked }: Review, more: Partial<ReviewEntry> = {}): ReviewEntry => ({
    kind: 'review',
    event,
    decision_id: id,
    policies: asked.map(({ policy }) => policy),
    at: new Date(clock.now()).toISOString(),
    ...more,
  });
  const working = { ...parts, stopped: stopped.signal };
  // A receiver that is dead holds up neither the chain nor the others.
  const tellers = parts.webhooks(stopped.signal).map(({ name, deliver }) =>
    createStepWorker(tellStep(name), working, async (review) => {
      const outcome = await deliver(review);
      if (outcome === 'dropped') return false;
      const event = outcome === 'delivered' ? 'notified' : 'unnotified';
      await parts.record?.(entry(event, review, { webhook: name }));
      observer.review(event);
      return true;
    }),
  );
  const record = async (review: Review): Promise<boolean> => {
    await parts.record?.(entry('opened', review));
    observer.review('recorded');
    return true;
  };
  const recorder = createStepWorker(RECORD_STEP, working, record, () => {
    for (const teller of tellers) teller.wake();
  });
  const workers = [recorder, ...tellers];

  const accept = async (asked: AskedReview): Promise<boolean> => {
    if (stopped.signal.aborted) return false;
    try {
      if (!(await store.keep({ ...asked, opened_at: new Date(clock.now()).toISOString() }))) return false;
    } catch (error) {
      log.error({ [LOG_FIELD.error]: PortcullisError.from(error) }, 'Review could not be kept');
      return false;
    }
    setImmediate(() => recorder.wake());
    return true;
  };

  return {
    accept: async (asked) => {
      const isKept = await accept(asked);
      observer.review(isKept ? 'opened' : 'refused');
      return isKept;
    },
    withdraw: async (id) => {
      const at = new Date(clock.now()).toISOString();
      const closing = { by: 'pdp', at, note: 'the decision did not stand: it was denied after all' };
      await store.close(id, closing).catch((error: unknown) => {
        log.warn({ [LOG_FIELD.reason]: PortcullisError.from(error).message }, 'Review could not be withdrawn');
      });
    },
    list: (closed) => store.list(closed),
    close: async (id, by, note) => {
      const review = await store.find(id);
      if (review === undefined) throw unknownReview();
      if (review.closed !== undefined) throw closedReview();
      const digest = createHash('sha256').update(note).digest('hex');
      await parts.record?.(entry('closed', review, { by, note_digest: digest }));
      const closing = { by, at: new Date(clock.now()).toISOString(), note };
      const outcome = await store.close(id, closing);
      if (outcome === 'unknown') throw unknownReview();
      if (outcome === 'already') throw closedReview();
      observer.review('closed');
      return { ...review, closed: closing };
    },
    look: async () => {
      await parts.handOver();
      for (const { wake } of workers) wake();
    },
    idle: async () => {
      for (const { idle } of workers) await idle();
    },
    stop: async () => {
      stopped.abort();
      for (const { idle } of workers) await idle();
      await store.stop();
    },
  };
}

function unknownReview(): PortcullisError {
  return new PortcullisError('ERR_REVIEW_UNKNOWN', 'invalid', 'there is no such review');
}

function closedReview(): PortcullisError {
  return new PortcullisError('ERR_REVIEW_CLOSED', 'conflict', 'it is closed already');
}
