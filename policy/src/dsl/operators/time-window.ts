import type { Json, JsonObject } from '../../model/request.js';
import { didYouMean } from '../nearest.js';
import { ERROR, truthOf } from '../truth.js';
import { parseDate, parseInstant } from './instant.js';
import { valueFault } from './literal.js';
import type { Comparison, LinkContext, Literal, LiteralFault, OperatorRow } from './row.js';
import { createZoneClock, type WallClock } from './zone-clock.js';

/** Days of the week in a time window's literal, in the order of the calendar's own numbers. */
export const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
/** `HH:MM` of a 24-hour clock; `24:00` ends a day. */
export const CLOCK_TIME = /^(([01]\d|2[0-3]):[0-5]\d|24:00)$/;
/** `YYYY-MM-DD`. */
export const CALENDAR_DATE = /^\d{4}-\d{2}-\d{2}$/;

const KEYS: readonly string[] = ['timezone', 'days', 'from', 'to', 'dates'];
const DATE_KEYS: readonly string[] = ['from', 'to'];
const DAY_MS = 86_400_000;

/** A window of local time: `from` belongs to it, `to` does not; a window that wraps midnight is of the day it began. */
interface TimeWindow {
  readonly timezone: string;
  /** Weekdays, by number; every day when absent. */
  readonly days?: ReadonlySet<number>;
  /** Minutes since midnight; `to` may be smaller than `from`. */
  readonly from: number;
  readonly to: number;
  /** Days since 1970-01-01, both included. */
  readonly firstDay: number;
  readonly lastDay: number;
}

/** `in_time_window`: whether an instant lies in hours, weekdays and dates of a time zone. */
export const IN_TIME_WINDOW: OperatorRow = {
  fields: ['datetime', 'any'],
  check: windowFault,
  link: linkWindow,
};

function linkWindow(literal: Literal, _field: unknown, context: LinkContext): Comparison {
  const window = readWindow(literal as JsonObject);
  const clock = context.zoneClock(window.timezone);
  return (value) => {
    const instant = typeof value === 'string' ? parseInstant(value) : undefined;
    return instant === undefined ? ERROR : truthOf(inWindow(clock(instant.ms), window));
  };
}

function inWindow({ day, weekday, minute }: WallClock, window: TimeWindow): boolean {
  const { from, to } = window;
  const wraps = from > to;
  const early = wraps && minute < to;
  if (wraps ? !early && minute < from : minute < from || minute >= to) return false;
  // The hours after midnight belong to the window that began the day before.
  const began = early ? day - 1 : day;
  const dayOfWeek = early ? (weekday + 6) % 7 : weekday;
  if (window.days !== undefined && !window.days.has(dayOfWeek)) return false;
  return began >= window.firstDay && began <= window.lastDay;
}

function readWindow(literal: JsonObject): TimeWindow {
  const days = literal['days'] as readonly (typeof WEEKDAYS)[number][] | undefined;
  const dates = (literal['dates'] ?? {}) as JsonObject;
  const dayOf = (date: Json | undefined, otherwise: number): number =>
    typeof date === 'string' ? (parseDate(date) ?? Number.NaN) / DAY_MS : otherwise;
  return {
    timezone: literal['timezone'] as string,
    ...(days === undefined ? {} : { days: new Set(days.map((day) => WEEKDAYS.indexOf(day))) }),
    from: minutesOf(literal['from'] ?? '00:00'),
    to: minutesOf(literal['to'] ?? '24:00'),
    firstDay: dayOf(dates['from'], Number.NEGATIVE_INFINITY),
    lastDay: dayOf(dates['to'], Number.POSITIVE_INFINITY),
  };
}

function minutesOf(time: Json): number {
  const [hours = 0, minutes = 0] = (time as string).split(':').map(Number);
  return hours * 60 + minutes;
}

function windowFault(literal: Json | undefined): LiteralFault | undefined {
  if (!isObject(literal)) return valueFault('expected a time window {timezone, days, from, to, dates}');
  return (
    unknownKeyFault(literal, KEYS) ??
    zoneFault(literal['timezone']) ??
    daysFault(literal['days']) ??
    hoursFault(literal) ??
    datesFault(literal['dates']) ??
    emptyFault(literal)
  );
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unknownKeyFault(
  literal: JsonObject,
  known: readonly string[],
  ...at: readonly string[]
): LiteralFault | undefined {
  const unknown = Object.keys(literal).find((key) => !known.includes(key));
  if (unknown === undefined) return undefined;
  return valueFault(`a time window has no "${unknown}"${didYouMean(unknown, known)}`, ...at, unknown);
}

function zoneFault(timezone: Json | undefined): LiteralFault | undefined {
  if (typeof timezone !== 'string') {
    return valueFault('a time window names its time zone, such as Asia/Jakarta or UTC', 'timezone');
  }
  // An offset such as +07:00 is no zone: it knows of no summer time.
  if (/^[A-Za-z]/.test(timezone) && isZone(timezone)) return undefined;
  const meant = didYouMean(timezone, Intl.supportedValuesOf('timeZone'));
  return valueFault(`"${timezone}" is not an IANA time zone${meant}`, 'timezone');
}

function isZone(timezone: string): boolean {
  try {
    createZoneClock(timezone);
    return true;
  } catch {
    // A RangeError is how Intl says no.
    return false;
  }
}

function daysFault(days: Json | undefined): LiteralFault | undefined {
  if (days === undefined) return undefined;
  if (!Array.isArray(days) || days.length === 0) return valueFault('expected a list of at least one weekday', 'days');
  const index = (days as readonly Json[]).findIndex((day) => !(WEEKDAYS as readonly Json[]).includes(day));
  if (index === -1) return undefined;
  const written: unknown = days[index];
  const suggestion = typeof written === 'string' ? didYouMean(written, WEEKDAYS) : '';
  return valueFault(`a weekday is one of ${WEEKDAYS.join(', ')}${suggestion}`, 'days', index);
}

function hoursFault(literal: JsonObject): LiteralFault | undefined {
  const { from, to } = { from: literal['from'], to: literal['to'] };
  if (from === undefined && to === undefined) return undefined;
  for (const [key, time] of Object.entries({ from, to })) {
    if (typeof time !== 'string' || !CLOCK_TIME.test(time)) {
      return valueFault(`${key} is a time of a 24-hour clock, such as 09:00`, key);
    }
  }
  if (from === to) return valueFault('from and to are the same; leave both out for whole days', 'to');
  return from === '24:00' ? valueFault('a window begins at 23:59 at the latest', 'from') : undefined;
}

function datesFault(dates: Json | undefined): LiteralFault | undefined {
  if (dates === undefined) return undefined;
  if (!isObject(dates) || Object.keys(dates).length === 0) {
    return valueFault('dates has from, to, or both, such as 2026-01-31', 'dates');
  }
  const unknown = unknownKeyFault(dates, DATE_KEYS, 'dates');
  if (unknown !== undefined) return unknown;
  for (const [key, date] of Object.entries(dates)) {
    if (typeof date !== 'string' || parseDate(date) === undefined) {
      return valueFault('expected a date of the calendar, such as 2026-01-31', 'dates', key);
    }
  }
  const { from, to } = { from: dates['from'], to: dates['to'] };
  return typeof from === 'string' && typeof to === 'string' && from > to
    ? valueFault(`dates end (${to}) before they begin (${from})`, 'dates', 'to')
    : undefined;
}

function emptyFault(literal: JsonObject): LiteralFault | undefined {
  return ['days', 'from', 'dates'].some((key) => literal[key] !== undefined)
    ? undefined
    : valueFault('a time window with a time zone only holds always; add days, from and to, or dates');
}
