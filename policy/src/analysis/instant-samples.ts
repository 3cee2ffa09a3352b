import { parseInstant, parseInstantRange } from '../dsl/operators/instant.js';

/** A Monday; windows of time are sampled over the week that begins here. */
const WEEK = Date.UTC(2026, 0, 5);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NO_INSTANT = 'not a time';
/** What an RFC 3339 text can say without a sign. */
const EARLIEST = Date.UTC(1, 0, 1);
const LATEST = Date.UTC(9999, 11, 31);

/** A window of time in a literal, as far as sampling it needs to know. */
export interface SampledWindow {
  readonly from?: string;
  readonly to?: string;
  readonly dates?: { readonly from?: string; readonly to?: string };
}

/**
 * Times that comparisons with the given ones can tell apart: each, one from each gap, one beyond either end; and a text
 * that is no time. Complete for comparisons. For windows it is only a good sample: hours of a week, and days around dates.
 */
export function instantSamples(given: readonly string[], windows: readonly SampledWindow[]): readonly string[] {
  const points = new Set<number>();
  for (const text of [...given, ...windows.flatMap(({ dates }) => [dates?.from, dates?.to])]) {
    const range = text === undefined ? undefined : parseInstantRange(text);
    if (range === undefined) continue;
    points.add(range.first.ms);
    points.add(range.last.ms);
  }
  const ends = [...points].sort((a, b) => a - b);
  const samples = new Set<number>([WEEK + 12 * HOUR_MS]);
  for (const [index, end] of ends.entries()) {
    const next = ends[index + 1];
    samples.add(end);
    samples.add(Math.floor((end + (next ?? end + 2 * DAY_MS)) / 2));
    // A nanosecond away is another instant, and a text can say so; the next millisecond is close enough to find it.
    samples.add(end + 1);
    samples.add(end - 1);
  }
  if (windows.length > 0) {
    const starts = [WEEK, ...ends];
    for (const start of starts) for (let hour = 0; hour < 7 * 24; hour += 1) samples.add(start + hour * HOUR_MS);
  }
  const exact = given.filter((text) => parseInstant(text) !== undefined);
  const texts = [...samples].filter((ms) => ms >= EARLIEST && ms <= LATEST).map((ms) => new Date(ms).toISOString());
  return [...texts.map((text) => text.replace('.000Z', 'Z')), ...exact, NO_INSTANT];
}
