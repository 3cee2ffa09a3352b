/** A shared store in front of this PDP's disk: what the store cannot take now waits there, and is handed over later. */

import { LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import { byDeadline } from '../pipeline/by-deadline.js';
import type { NewReview } from './review.js';
import type { ReviewJournal } from './review-journal.js';
import type { ReviewStore } from './review-store.js';

/** A store that loses nothing while another one is away. */
export interface SpooledReviews extends ReviewStore {
  /** Hands over what waits. Never rejects. */
  handOver(): Promise<void>;
}

/** Bounds of a spool. */
export interface SpoolOptions {
  /** Reviews that wait at once. */
  readonly maxHeld: number;
  /** A decision waits for the store no longer than this before the disk takes its review, in milliseconds. */
  readonly keepTimeoutMs: number;
  readonly log: Logger;
}

/** Begins with what the journal has: what was left waiting, or what this PDP kept by itself before. */
export function createSpooledReviews(
  store: ReviewStore,
  journal: ReviewJournal,
  { maxHeld, keepTimeoutMs, log }: SpoolOptions,
): SpooledReviews {
  const held = new Map<string, NewReview>();
  for (const { closed, recorded: _recorded, told: _told, ...review } of journal.kept) {
    if (closed === undefined) held.set(review.id, review);
  }
  /** Under way: whoever withdraws one must know whether it waits here, and come after the store has taken it. */
  const keeping = new Map<string, Promise<unknown>>();
  /** Whether the journal has some that wait no longer. */
  let isStale = false;
  const leave = (id: string): void => {
    if (held.delete(id)) isStale = true;
  };
  const rewrite = async (): Promise<void> => {
    isStale = false;
    try {
      await journal.compact(() => [...held.values()].map((review) => ({ ...review, recorded: false, told: [] })));
    } catch (error) {
      isStale = true;
      throw error;
    }
  };

  const keep = async (review: NewReview, asked: Promise<boolean>): Promise<boolean> => {
    try {
      const isKept = await byDeadline(asked, keepTimeoutMs);
      if (isKept === undefined) throw new PortcullisError('ERR_REVIEW_STORE', 'timeout', 'the store is slow');
      return isKept;
    } catch (error) {
      if (held.size >= maxHeld) return false;
      held.set(review.id, review);
      log.debug({ [LOG_FIELD.reason]: PortcullisError.from(error).message }, 'Review waits for the store');
      try {
        await journal.keep({ ...review, recorded: false, told: [] });
      } catch (failure) {
        held.delete(review.id);
        throw failure;
      }
      return true;
    }
  };

  return {
    ...store,
    keep: (review) => {
      const asked = store.keep(review);
      const kept = keep(review, asked);
      const answered = Promise.allSettled([asked, kept]).then(([taken]) => {
        keeping.delete(review.id);
        if (taken.status === 'fulfilled' && taken.value) leave(review.id);
      });
      keeping.set(review.id, answered);
      return kept;
    },
    close: async (id, closing) => {
      await keeping.get(id);
      if (!held.has(id)) return store.close(id, closing);
      // At once, or it could be handed over after the store was asked.
      leave(id);
      // The store may have it all the same: an answer that did not come says nothing.
      const isWithdrawn = await store.close(id, closing).catch(() => 'unknown' as const);
      await rewrite();
      return isWithdrawn === 'unknown' ? 'closed' : isWithdrawn;
    },
    handOver: async () => {
      try {
        for (const review of [...held.values()]) {
          if (!held.has(review.id)) continue;
          // Without room for one there is none for the others, and they go on waiting.
          if (!(await store.keep(review))) break;
          leave(review.id);
        }
      } catch (error) {
        log.debug({ [LOG_FIELD.reason]: PortcullisError.from(error).message }, 'Reviews wait for the store');
      }
      if (!isStale) return;
      await rewrite().catch((error: unknown) => {
        log.warn({ [LOG_FIELD.error]: PortcullisError.from(error) }, 'Reviews are handed over again after a restart');
      });
    },
    stop: async () => {
      await store.stop();
      await journal.close();
    },
  };
}
