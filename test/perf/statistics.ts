/** Order statistics of measured durations. */

/** The value below which `share` (0 to 1) of the sample lies; `NaN` for an empty sample. */
export function quantile(sample: readonly number[], share: number): number {
  const sorted = sample.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The middle of an odd number of runs. */
export function median(sample: readonly number[]): number {
  return quantile(sample, 0.5);
}

/** Four significant digits: more than any of these measurements has. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
