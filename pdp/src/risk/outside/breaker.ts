import type { Clock } from '@portcullis/runtime';

/** Failures in a row after which nobody is asked for a while. */
const FAILURES = 5;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** Keeps a PDP from waiting, decision after decision, for somebody who does not answer. */
export interface Breaker {
  /** Whether to ask now. After a pause one question is let through; the others wait for what becomes of it. */
  admits(): boolean;
  succeeded(): void;
  failed(): void;
}

/** Makes one, closed. */
export function createBreaker(clock: Clock): Breaker {
  let failures = 0;
  let pauseMs = FIRST_PAUSE_MS;
  let openUntil: number | undefined;
  let isProbing = false;
  return {
    admits: () => {
      if (openUntil === undefined) return true;
      if (isProbing || clock.monotonic() < openUntil) return false;
      isProbing = true;
      return true;
    },
    succeeded: () => {
      failures = 0;
      pauseMs = FIRST_PAUSE_MS;
      openUntil = undefined;
      isProbing = false;
    },
    failed: () => {
      failures += 1;
      const wasProbe = isProbing;
      isProbing = false;
      if (!wasProbe && (failures < FAILURES || openUntil !== undefined)) return;
      if (wasProbe) pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
      openUntil = clock.monotonic() + pauseMs;
    },
  };
}
