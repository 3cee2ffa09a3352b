/** A shared store in front of this PDP's disk: what the store cannot take now waits there, and is handed over later. */

import { LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import type { NewReview } from './review.js';
import type { ReviewJournal } from './review-journal.js';
import type { ReviewStore } from './review-store.js';

/** A store that loses nothing while another one is away. */
export interface SpooledReviews extends ReviewStore {
  /** Hands over what waits. Never rejects. */
  handOver(): Promise<void>;
}

/** Begins with what the journal has: what was left waiting, or what this PDP kept by itself before. */
export function createSpooledReviews(
  store: ReviewStore,
  journal: ReviewJournal,
  { maxHeld, log }: { readonly maxHeld: number; readonly log: Logger },
): SpooledReviews {
  const held = new Map<string, NewReview>();
  for (const { closed, recorded: _recorded, told: _told, ...review } of journal.kept) {
    if (closed === undefined) held.set(review.id, review);
  }
  /** Under way: whoever withdraws one must know whether it waits here. */
  const keeping = new Map<string, Promise<boolean>>();
  const rewrite = (): Promise<void> =>
    journal.compact(() => [...held.values()].map((review) => ({ ...review, recorded: false, told: [] })));

  const keep = async (review: NewReview): Promise<boolean> => {
    try {
      return await store.keep(review);
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
      const kept = keep(review).finally(() => keeping.delete(review.id));
      keeping.set(review.id, kept);
      return kept;
    },
    close: async (id, closing) => {
      await keeping.get(id)?.catch(() => undefined);
      if (!held.has(id)) return store.close(id, closing);
      // The store may have it all the same: an answer that did not come says nothing.
      const isWithdrawn = await store.close(id, closing).catch(() => 'unknown' as const);
      held.delete(id);
      await rewrite();
      return isWithdrawn === 'unknown' ? 'closed' : isWithdrawn;
    },
    handOver: async () => {
      if (held.size === 0) return;
      const waiting = [...held.values()];
      try {
        for (const review of waiting) {
          if (!held.has(review.id)) continue;
          // Without room for one there is none for the others, and they go on waiting.
          if (!(await store.keep(review))) break;
          held.delete(review.id);
        }
      } catch (error) {
        log.debug({ [LOG_FIELD.reason]: PortcullisError.from(error).message }, 'Reviews wait for the store');
      }
      if (waiting.every(({ id }) => held.has(id))) return;
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
