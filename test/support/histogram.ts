/** Reads a histogram off a service's admin port: latencies as the service itself saw them, without the test's own client. */
import { request } from 'undici';

/** A histogram with all its label sets added up. */
export interface Histogram {
  /** Observations of at most `le` seconds; ascending, the last is `Infinity`. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[];
  readonly count: number;
  readonly sum: number;
}

/** Reads `name` (without prefix-guessing) from `http://<admin>/metrics`. */
export async function readHistogram(admin: string, name: string): Promise<Histogram> {
  const { body } = await request(`http://${admin}/metrics`);
  const text = await body.text();
  const buckets = new Map<number, number>();
  let sum = 0;
  for (const line of text.split('\n')) {
    const [series = '', value = ''] = line.split(/ (?=\S+$)/);
    if (series.startsWith(`${name}_sum`)) sum += Number(value);
    if (!series.startsWith(`${name}_bucket`)) continue;
    const le = /le="([^"]+)"/.exec(series)?.[1];
    const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
    buckets.set(bound, (buckets.get(bound) ?? 0) + Number(value));
  }
  const ordered = [...buckets].map(([le, count]) => ({ le, count })).toSorted((a, b) => a.le - b.le);
  if (ordered.length === 0) throw new Error(`no histogram ${name} at ${admin}`);
  return { buckets: ordered, count: ordered.at(-1)?.count ?? 0, sum };
}

/** What was observed between two readings. */
export function between(before: Histogram, after: Histogram): Histogram {
  return {
    buckets: after.buckets.map(({ le, count }, index) => ({ le, count: count - (before.buckets[index]?.count ?? 0) })),
    count: after.count - before.count,
    sum: after.sum - before.sum,
  };
}

/** The share, 0 to 1, of observations of at most `le` seconds; `le` has to be a bucket's bound. */
export function shareWithin(histogram: Histogram, le: number): number {
  const bucket = histogram.buckets.find((known) => known.le === le);
  if (bucket === undefined) throw new Error(`no bucket ends at ${le} s`);
  return bucket.count / histogram.count;
}
