/** Times one subject's answers to one kind of question. */
import { median, quantile } from '../statistics.js';
import type { Loaded, Measured } from './subject.js';

/** The time that one kind of question may take: to warm up, and per round. */
const WARM_UP_MS = 1_000;
const ROUND_MS = 1_000;
const ROUNDS = 3;
const MAX_SAMPLES = 20_000;
/** Even a subject that takes seconds per answer gives this many per round. */
const MIN_SAMPLES = 3;
/** What one alone takes less than is timed several at a time: the clock itself takes some tens of nanoseconds. */
const SHORT_US = 20;
const BATCH = 10;

/** The middle of several rounds' p50 and p99, in microseconds per answer. */
export async function timeAnswers(loaded: Loaded, encoded: readonly unknown[]): Promise<readonly Measured[]> {
  let asked = 0;
  const next = (): unknown => encoded[asked++ % encoded.length];
  const answer = (): boolean | Promise<boolean> => loaded.decide(next());
  const first = answer();
  await first;
  // Awaiting what is not a promise would cost a turn of the queue per answer.
  const isAsync = first instanceof Promise;

  const timeOne = async (batch: number): Promise<number> => {
    const begun = process.hrtime.bigint();
    for (let index = 0; index < batch; index += 1) {
      const given = answer();
      if (isAsync) await given;
    }
    return Number(process.hrtime.bigint() - begun) / 1000 / batch;
  };
  const round = async (batch: number, forMs: number): Promise<number[]> => {
    const times: number[] = [];
    const end = performance.now() + forMs;
    while (times.length < MAX_SAMPLES && (times.length < MIN_SAMPLES || performance.now() < end)) {
      times.push(await timeOne(batch));
    }
    return times;
  };

  const warm = await round(1, WARM_UP_MS);
  const batch = median(warm.slice(-100)) < SHORT_US ? BATCH : 1;
  const rounds: number[][] = [];
  for (let index = 0; index < ROUNDS; index += 1) rounds.push(await round(batch, ROUND_MS));
  return [
    { metric: 'p50_us', value: median(rounds.map((times) => quantile(times, 0.5))), unit: 'us' },
    { metric: 'p99_us', value: median(rounds.map((times) => quantile(times, 0.99))), unit: 'us' },
  ];
}
