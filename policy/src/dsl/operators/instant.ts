/** An instant, exact to the nanosecond. */
export interface Instant {
  /** Milliseconds since the epoch. */
  readonly ms: number;
  /** 0 to 999 999. */
  readonly ns: number;
}

/** A literal on the time line: an instant is the range of itself; a date is its whole day in UTC. */
export interface InstantRange {
  readonly first: Instant;
  readonly last: Instant;
}

const PATTERN =
  /^(\d{4})-(\d{2})-(\d{2})T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const DAY_MS = 86_400_000;

/** Reads an RFC 3339 instant (upper-case T and Z, up to nine digits of a second); nothing for a time that is not one. */
export function parseInstant(text: string): Instant | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const day = dayOf(match[1], match[2], match[3]);
  if (day === undefined) return undefined;
  const [hours, minutes, seconds] = [Number(match[4]), Number(match[5]), Number(match[6])];
  const fraction = Number((match[7] ?? '').padEnd(9, '0'));
  const offset = match[8] === undefined ? 0 : Number(match[9]) * 60 + Number(match[10]);
  const shift = (match[8] === '-' ? offset : -offset) * 60_000;
  const ns = fraction % 1_000_000;
  return { ms: day + hours * 3_600_000 + minutes * 60_000 + seconds * 1000 + (fraction - ns) / 1_000_000 + shift, ns };
}

/** Reads an instant or a date. */
export function parseInstantRange(text: string): InstantRange | undefined {
  const instant = parseInstant(text);
  if (instant !== undefined) return { first: instant, last: instant };
  const day = parseDate(text);
  if (day === undefined) return undefined;
  return { first: { ms: day, ns: 0 }, last: { ms: day + DAY_MS - 1, ns: 999_999 } };
}

/** Reads a date as the milliseconds of its midnight in UTC; nothing for a day that the calendar does not have. */
export function parseDate(text: string): number | undefined {
  const match = DATE.exec(text);
  return match === null ? undefined : dayOf(match[1], match[2], match[3]);
}

/** Negative when `a` is earlier, positive when it is later. */
export function compareInstants(a: Instant, b: Instant): number {
  return a.ms - b.ms || a.ns - b.ns;
}

function dayOf(year = '', month = '', day = ''): number | undefined {
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const exists = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  return exists ? date.getTime() : undefined;
}
