/** Does one step of every review that has it left to do: one after the other, each as often as it takes. */

import { LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import type { Review } from './review.js';
import type { ReviewStore } from './review-store.js';

/** What a worker works with. */
export interface StepParts {
  readonly store: ReviewStore;
  readonly stopped: AbortSignal;
  /** Resolves after so many milliseconds, or when the signal is aborted. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly log: Logger;
}

/** A worker. */
export interface StepWorker {
  /** There may be something to do. */
  wake(): void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;
/** Whoever is at a step for longer says so; another PDP takes over from one that does not. */
const LEASE_MS = 30_000;

/**
 * Builds the worker.
 * @param work whether the step is done; false when it is given up for now, because the process ends
 * @param then called whenever one is done
 */
export function createStepWorker(
  step: string,
  { store, stopped, pause, log }: StepParts,
  work: (review: Review) => Promise<boolean>,
  then: () => void = () => undefined,
): StepWorker {
  let working: Promise<void> | undefined;
  let isCalled = false;
  let failures = 0;

  const failed = async (cause: unknown, id: string | undefined): Promise<void> => {
    failures += 1;
    log.warn({ [LOG_FIELD.reason]: PortcullisError.from(cause).message }, 'Review is not dealt with yet');
    const ms = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 10));
    if (id !== undefined) await store.lease(step, id, 0).catch(() => undefined);
    await pause(ms, stopped);
  };
  /** Whether there was anything to do. */
  const one = async (): Promise<boolean> => {
    let id: string | undefined;
    try {
      const review = await store.claim(step, LEASE_MS);
      if (review === undefined) return false;
      id = review.id;
      const renew = (): void => void store.lease(step, review.id, LEASE_MS).catch(() => undefined);
      const renewing = setInterval(renew, LEASE_MS / 3).unref();
      const isDone = await work(review).finally(() => clearInterval(renewing));
      if (isDone) await store.done(step, id);
      else await store.lease(step, id, 0);
      failures = 0;
      if (isDone) then();
    } catch (error) {
      await failed(error, id);
    }
    return true;
  };
  const all = async (): Promise<void> => {
    while (!stopped.aborted) {
      isCalled = false;
      if (!(await one()) && !isCalled) break;
    }
    working = undefined;
  };
  return {
    wake: () => {
      isCalled = true;
      working ??= Promise.resolve().then(all);
    },
    idle: async () => {
      await working;
    },
  };
}
