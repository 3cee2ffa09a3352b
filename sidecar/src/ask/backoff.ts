/** Waits between attempts: doubling from `minMs` to `maxMs`, each shortened at random so that clients do not march in step. */
export interface Backoff {
  /** The next wait in whole milliseconds: between half of the step and the step. */
  next(): number;
  /** Starts over after a success. */
  reset(): void;
}

/** Creates a back-off. `random` yields [0, 1). */
export function createBackoff(minMs: number, maxMs: number, random: () => number = Math.random): Backoff {
  let step = minMs;
  return {
    next() {
      const wait = Math.round(step * (0.5 + random() / 2));
      step = Math.min(maxMs, step * 2);
      return wait;
    },
    reset() {
      step = minMs;
    },
  };
}
