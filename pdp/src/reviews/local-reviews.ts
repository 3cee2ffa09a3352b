/** The reviews of one PDP: in its memory, and in a journal on its disk. */

import type { Clock } from '@portcullis/runtime';
import type { Review } from './review.js';
import type { ReviewJournal } from './review-journal.js';
import { RECORD_STEP, type ReviewCaps, type ReviewStore, tellStep, toldBy } from './review-store.js';

/** Goes on with what the journal has. */
export function createLocalReviews(
  journal: ReviewJournal,
  caps: ReviewCaps,
  clock: Pick<Clock, 'monotonic'>,
): ReviewStore {
  const reviews = new Map<string, Review>();
  /** Those that take room: they wait for somebody, or for the chain. */
  const busy = new Set<string>();
  /** The others, the first closed first. */
  const over = new Set<string>();
  /** By step: who has it left to do, oldest first, and when it may be given out again. */
  const left = new Map<string, Map<string, number>>();
  let lines = journal.kept.length;

  const queue = (step: string): Map<string, number> => {
    const known = left.get(step) ?? new Map<string, number>();
    left.set(step, known);
    return known;
  };
  const forgetFirst = (): void => {
    const [first] = over;
    if (over.size <= caps.maxClosed || first === undefined) return;
    over.delete(first);
    reviews.delete(first);
    for (const waiting of left.values()) waiting.delete(first);
  };
  const file = (review: Review): void => {
    reviews.set(review.id, review);
    if (review.closed === undefined || !review.recorded) {
      busy.add(review.id);
      return;
    }
    busy.delete(review.id);
    over.add(review.id);
    forgetFirst();
  };
  const tell = ({ id, told }: Review): void => {
    for (const name of caps.webhooks) if (!told.includes(name)) queue(tellStep(name)).set(id, 0);
  };
  const enqueue = (review: Review): void => {
    if (review.recorded) tell(review);
    else queue(RECORD_STEP).set(review.id, 0);
  };
  const set = async (review: Review): Promise<void> => {
    await journal.keep(review);
    lines += 1;
    // The journal does not grow beyond a few lines for each review.
    if (lines < 4 * (caps.maxOpen + caps.maxClosed)) return;
    const before = lines;
    lines = reviews.size;
    // The line is written, whether or not the others can be left out now: the next one tries again.
    await journal
      .compact(() => [...reviews.values()])
      .catch(() => {
        lines = before;
      });
  };
  /** What is seen is what was written: the state of memory is changed in the same turn in which the line is handed over. */
  const change = async (id: string, edit: (review: Review) => Review): Promise<void> => {
    const before = reviews.get(id);
    if (before === undefined) return;
    const after = edit(before);
    file(after);
    try {
      await set(after);
    } catch (error) {
      if (reviews.get(id) === after) {
        over.delete(id);
        file(before);
      }
      throw error;
    }
  };
  for (const review of journal.kept) {
    enqueue(review);
    file(review);
  }

  return {
    keep: async (asked) => {
      if (reviews.has(asked.id)) return true;
      if (busy.size >= caps.maxOpen) return false;
      const review: Review = { ...asked, recorded: false, told: [] };
      // At once, so that those who come together cannot share the last room.
      file(review);
      try {
        await set(review);
      } catch (error) {
        reviews.delete(review.id);
        busy.delete(review.id);
        throw error;
      }
      enqueue(reviews.get(review.id) ?? review);
      return true;
    },
    find: async (id) => reviews.get(id),
    list: async (closed) =>
      [...reviews.values()].filter((review) => closed || review.closed === undefined).toReversed(),
    close: async (id, closing) => {
      const review = reviews.get(id);
      if (review === undefined) return 'unknown';
      if (review.closed !== undefined) return 'already';
      await change(id, (now) => ({ ...now, closed: closing }));
      return 'closed';
    },
    claim: async (step, leaseMs) => {
      const now = clock.monotonic();
      const waiting = queue(step);
      for (const [id, from] of waiting) {
        if (from > now) continue;
        waiting.set(id, now + leaseMs);
        return reviews.get(id);
      }
      return undefined;
    },
    lease: async (step, id, leaseMs) => {
      if (queue(step).has(id)) queue(step).set(id, clock.monotonic() + leaseMs);
    },
    done: async (step, id) => {
      const name = toldBy(step);
      await change(id, (now) =>
        name === undefined ? { ...now, recorded: true } : { ...now, told: [...now.told, name] },
      );
      queue(step).delete(id);
      const review = reviews.get(id);
      if (name === undefined && review !== undefined) tell(review);
    },
    stop: () => journal.close(),
  };
}
