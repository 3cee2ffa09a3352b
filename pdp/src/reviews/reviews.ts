/**
 * What the PDP itself does about a decision after its answer: it keeps a review for people, writes it into the chain and tells
 * webhooks. Accepting is one line in a journal; everything else comes after the answer and holds nothing up.
 */

import { createHash } from 'node:crypto';
import type { ReviewEntry } from '@portcullis/policy/evidence';
import { type Clock, LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import type { Deliver } from '../approvals/notices.js';
import type { AskedReview, Review } from './review.js';
import type { ReviewJournal } from './review-journal.js';

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
  readonly journal: ReviewJournal;
  /** Open reviews at once. */
  readonly maxOpen: number;
  /** Closed ones that are remembered. */
  readonly maxClosed: number;
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

/** The reviews of one PDP. */
export interface Reviews {
  /** Whether it is kept; false when there is no room, or the disk does not take it. Never rejects. */
  accept(asked: AskedReview): Promise<boolean>;
  /** The decision did not stand after all. Never rejects. */
  withdraw(id: string): Promise<void>;
  /** The newest first; closed ones only when asked for. */
  list(closed: boolean): readonly Review[];
  /**
   * @throws PortcullisError `ERR_REVIEW_UNKNOWN` (`invalid`), `ERR_REVIEW_CLOSED` (`conflict`), or kind `unavailable` when it could
   * not be recorded or kept: it is open then.
   */
  close(id: string, by: string, note: string): Promise<Review>;
  /** Resolves when nothing is left to do. */
  idle(): Promise<void>;
  /** Stops; what is left to do is done after the next start. */
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;

/** Goes on with what was left. */
export function openReviews(parts: ReviewParts): Reviews {
  const { journal, observer, clock, log } = parts;
  const reviews = new Map<string, Review>();
  /** Those that wait for somebody, or of which the PDP has something left to do. */
  const busy = new Set<string>();
  /** The others, the first closed first. */
  const over = new Set<string>();
  const stopped = new AbortController();
  const webhooks = parts.webhooks(stopped.signal);
  let lines = journal.kept.length;

  const isDone = ({ recorded, told }: Review): boolean => recorded && webhooks.every(({ name }) => told.includes(name));
  const file = (review: Review): void => {
    reviews.set(review.id, review);
    if (review.closed === undefined || !isDone(review)) busy.add(review.id);
    else {
      busy.delete(review.id);
      over.add(review.id);
    }
    const [first] = over;
    if (over.size > parts.maxClosed && first !== undefined) {
      over.delete(first);
      reviews.delete(first);
    }
  };
  const set = async (review: Review): Promise<void> => {
    await journal.keep(review);
    file(review);
    lines += 1;
    // The journal does not grow beyond a few lines for each review.
    if (lines < 4 * (parts.maxOpen + parts.maxClosed)) return;
    lines = reviews.size;
    await journal.compact([...reviews.values()]);
  };
  /** The newest state of it: somebody may close it while it is worked upon. */
  const change = async (id: string, edit: (review: Review) => Review): Promise<void> => {
    const review = reviews.get(id);
    if (review !== undefined) await set(edit(review));
  };
  const entry = (event: ReviewEntry['event'], { id, asked }: Review, more: Partial<ReviewEntry> = {}): ReviewEntry => ({
    kind: 'review',
    event,
    decision_id: id,
    policies: asked.map(({ policy }) => policy),
    at: new Date(clock.now()).toISOString(),
    ...more,
  });

  /** One after the other, each as often as it takes. */
  const worker = (doOne: (review: Review) => Promise<void>) => {
    const waiting: string[] = [];
    let working: Promise<void> | undefined;
    const work = async (): Promise<void> => {
      let failures = 0;
      for (let id = waiting[0]; id !== undefined && !stopped.signal.aborted; id = waiting[0]) {
        const review = reviews.get(id);
        try {
          if (review !== undefined) await doOne(review);
          waiting.shift();
          failures = 0;
        } catch (error) {
          failures += 1;
          log.warn({ [LOG_FIELD.reason]: PortcullisError.from(error).message }, 'Review is not dealt with yet');
          await parts.pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 10)), stopped.signal);
        }
      }
      working = undefined;
    };
    return {
      add: (id: string): void => {
        waiting.push(id);
        working ??= Promise.resolve().then(work);
      },
      idle: async (): Promise<void> => {
        await working;
      },
    };
  };
  // A receiver that is dead holds up neither the chain nor the others.
  const tellers = webhooks.map(({ name, deliver }) =>
    worker(async (review) => {
      if (review.told.includes(name)) return;
      const outcome = await deliver(review);
      if (outcome === 'dropped') return;
      const event = outcome === 'delivered' ? 'notified' : 'unnotified';
      await parts.record?.(entry(event, review, { webhook: name }));
      await change(review.id, (now) => ({ ...now, told: [...now.told, name] }));
      observer.review(event);
    }),
  );
  const recorder = worker(async (review) => {
    if (!review.recorded) {
      await parts.record?.(entry('opened', review));
      await change(review.id, (now) => ({ ...now, recorded: true }));
      observer.review('recorded');
    }
    for (const teller of tellers) teller.add(review.id);
  });
  const workers = [recorder, ...tellers];
  for (const review of journal.kept) {
    file(review);
    if (!isDone(review)) recorder.add(review.id);
  }

  const accept = async (asked: AskedReview): Promise<boolean> => {
    if (stopped.signal.aborted || busy.size >= parts.maxOpen) return false;
    const review = { ...asked, opened_at: new Date(clock.now()).toISOString(), recorded: false, told: [] };
    // At once, so that those who come together cannot share the last room.
    file(review);
    try {
      await set(review);
    } catch (error) {
      reviews.delete(review.id);
      busy.delete(review.id);
      log.error({ [LOG_FIELD.error]: PortcullisError.from(error) }, 'Review could not be kept');
      return false;
    }
    setImmediate(() => recorder.add(review.id));
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
      const closed = { by: 'pdp', at, note: 'the decision did not stand: it was denied after all' };
      await change(id, (review) => ({ ...review, closed })).catch(() => undefined);
    },
    list: (closed) => [...reviews.values()].filter((review) => closed || review.closed === undefined).toReversed(),
    close: async (id, by, note) => {
      const review = reviews.get(id);
      if (review === undefined) throw new PortcullisError('ERR_REVIEW_UNKNOWN', 'invalid', 'there is no such review');
      if (review.closed !== undefined)
        throw new PortcullisError('ERR_REVIEW_CLOSED', 'conflict', 'it is closed already');
      const digest = createHash('sha256').update(note).digest('hex');
      await parts.record?.(entry('closed', review, { by, note_digest: digest }));
      const closed = { by, at: new Date(clock.now()).toISOString(), note };
      await change(id, (now) => ({ ...now, closed }));
      observer.review('closed');
      return { ...review, closed };
    },
    idle: async () => {
      for (const { idle } of workers) await idle();
    },
    stop: async () => {
      stopped.abort();
      for (const { idle } of workers) await idle();
      await journal.close();
    },
  };
}
