/**
 * Counting that does not make decisions or calls wait. The library makes a text of the labels at every count to find the series by,
 * several times in each decision; here counts are only kept, and told to it in batches after answers, or when it is asked.
 */

/** Observations that are kept at once, some fifty decisions' worth. */
const BATCH = 256;

/** Keeps observations of a histogram by the values of its label; `seriesOf` is called once for each. */
export function deferred<V extends string>(
  histogram: object,
  values: readonly V[],
  seriesOf: (value: V) => { observe(seconds: number): void },
): (value: V, seconds: number) => void {
  const series = new Map(values.map((value) => [value, seriesOf(value)]));
  let whose: V[] = [];
  let seconds: number[] = [];
  let telling: NodeJS.Immediate | undefined;
  const tell = (): void => {
    clearImmediate(telling);
    telling = undefined;
    const [names, times] = [whose, seconds];
    whose = [];
    seconds = [];
    for (const [index, name] of names.entries()) series.get(name)?.observe(times[index] ?? 0);
  };
  Object.assign(histogram, { collect: tell });
  return (value, took) => {
    whose.push(value);
    seconds.push(took);
    if (whose.length >= BATCH) telling ??= setImmediate(tell);
  };
}

/** One series of a counter. */
export interface Tally {
  add(more: number): void;
  /** Tells the library. */
  tell(): void;
}

/** Keeps the count of one series until it is told. */
export function tally(count: (more: number) => void): Tally {
  let untold = 0;
  return {
    add: (more) => {
      untold += more;
    },
    tell: () => {
      if (untold > 0) count(untold);
      untold = 0;
    },
  };
}
