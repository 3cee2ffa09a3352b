/** The wall clock of a time zone at an instant. */
export interface WallClock {
  /** Days since 1970-01-01, by the local calendar. */
  readonly day: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** Minutes since local midnight, as the clock shows them: on a day with a shift some come twice and some never. */
  readonly minute: number;
}

/** Tells the wall clock at an instant in milliseconds since the epoch. */
export type ZoneClock = (ms: number) => WallClock;

const DAY_MS = 86_400_000;
/** The Epoch was a Thursday. */
const EPOCH_WEEKDAY = 4;

/** A clock for an IANA time zone; throws a RangeError for a name that is not one. */
export function createZoneClock(timeZone: string): ZoneClock {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  // Thousands of rules may ask of one request's time in turn; the answer is the same for all of them.
  let lastMs = Number.NaN;
  let last: WallClock = { day: 0, weekday: EPOCH_WEEKDAY, minute: 0 };
  return (ms) => {
    if (ms !== lastMs) {
      last = readClock(format.formatToParts(ms));
      lastMs = ms;
    }
    return last;
  };
}

/** Clocks by time zone, each made once. */
export function createZoneClocks(): (timeZone: string) => ZoneClock {
  const clocks = new Map<string, ZoneClock>();
  return (timeZone) => {
    const clock = clocks.get(timeZone) ?? createZoneClock(timeZone);
    clocks.set(timeZone, clock);
    return clock;
  };
}

function readClock(parts: readonly Intl.DateTimeFormatPart[]): WallClock {
  const numberOf = (type: Intl.DateTimeFormatPartTypes): number =>
    Number(parts.find((part) => part.type === type)?.value ?? Number.NaN);
  const beforeChrist = parts.some((part) => part.type === 'era' && part.value === 'BC');
  const year = beforeChrist ? 1 - numberOf('year') : numberOf('year');
  const midnight = new Date(0).setUTCFullYear(year, numberOf('month') - 1, numberOf('day'));
  const day = midnight / DAY_MS;
  return { day, weekday: (((day + EPOCH_WEEKDAY) % 7) + 7) % 7, minute: numberOf('hour') * 60 + numberOf('minute') };
}
