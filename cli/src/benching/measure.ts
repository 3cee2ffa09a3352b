import type { Engine } from '@portcullis/policy';
import type { ContextualRequest } from '@portcullis/policy/model';
import type { Clock } from '@portcullis/runtime';

/** How fast an engine decides. */
export interface EngineSpeed {
  readonly decisions_per_second: number;
  /** Microseconds. */
  readonly p50_us: number;
  /** Microseconds. */
  readonly p99_us: number;
  /** Decisions that were timed one by one. */
  readonly timed: number;
}

/** How long and by which clock. */
export interface MeasureOptions {
  readonly seconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Shares of the time: to let the machine get to know the code, to count, and to time single decisions. */
const WARM_UP = 0.2;
const COUNTING = 0.4;
/** Later timings are dropped; percentiles of this many are steady. */
const MAX_TIMED = 1_000_000;
/** Decisions between two looks at the clock while counting. */
const ROUND = 256;

/**
 * Asks an engine the same requests over and over. Counting and timing are apart, because reading the clock around every
 * decision costs about as much as a small decision.
 * @param requests at least one
 */
export function measureEngine(
  engine: Engine,
  requests: readonly ContextualRequest[],
  { seconds, clock, signal }: MeasureOptions,
): EngineSpeed {
  let next = 0;
  const ask = (): void => {
    engine.evaluate(requests[next] as ContextualRequest);
    next = next + 1 === requests.length ? 0 : next + 1;
  };
  const spend = (share: number): { readonly asked: number; readonly ms: number } => {
    const start = clock.monotonic();
    const end = start + share * seconds * 1000;
    let asked = 0;
    let now = start;
    do {
      for (let count = 0; count < ROUND; count += 1) ask();
      asked += ROUND;
      now = clock.monotonic();
    } while (now < end && !signal.aborted);
    return { asked, ms: now - start };
  };

  spend(WARM_UP);
  const counted = spend(COUNTING);
  const timings = new Float64Array(MAX_TIMED);
  const end = clock.monotonic() + (1 - WARM_UP - COUNTING) * seconds * 1000;
  let timed = 0;
  for (let now = clock.monotonic(); timed < MAX_TIMED && (timed === 0 || now < end) && !signal.aborted; timed += 1) {
    ask();
    const after = clock.monotonic();
    timings[timed] = after - now;
    now = after;
  }
  signal.throwIfAborted();
  const sorted = timings.subarray(0, timed).sort();
  const percentile = (share: number): number => (sorted[Math.min(timed - 1, Math.floor(share * timed))] ?? 0) * 1000;
  return {
    decisions_per_second: Math.round((counted.asked * 1000) / counted.ms),
    p50_us: rounded(percentile(0.5)),
    p99_us: rounded(percentile(0.99)),
    timed,
  };
}

/** Two decimals: what is finer is noise. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
