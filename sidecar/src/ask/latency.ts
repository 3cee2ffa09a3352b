/**
 * Expected latency of one PDP: rises at once to a worse sample, falls slowly (peak-sensitive moving average), and fades
 * towards the floor while nothing is measured, so that a PDP that was slow is tried again after a while.
 */
export interface Latency {
  /** Takes a sample in milliseconds, measured at `now` (monotonic ms). */
  observe(sampleMs: number, now: number): void;
  /** The expectation at `now`, at least {@link LATENCY_FLOOR_MS}. */
  at(now: number): number;
}

/** Differences below this are noise when PDPs are compared. */
export const LATENCY_FLOOR_MS = 0.05;

/** Creates the average; `decayMs` is the time in which the weight of the past falls to 1/e. */
export function createLatency(decayMs: number, initialMs: number = 1): Latency {
  let value = initialMs;
  let stamp: number | undefined;
  const keep = (now: number): number => (stamp === undefined ? 1 : Math.exp(-Math.max(0, now - stamp) / decayMs));
  return {
    observe(sampleMs, now) {
      const sample = Math.max(0, sampleMs);
      const weight = keep(now);
      value = sample >= value * weight ? sample : value * weight + sample * (1 - weight);
      stamp = now;
    },
    at(now) {
      return Math.max(LATENCY_FLOOR_MS, value * keep(now));
    },
  };
}
