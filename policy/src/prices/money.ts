/**
 * Money in whole numbers. Prices and costs are decimal texts outside and whole units inside: fractions of binary floating
 * point would drift with every sum.
 */

/** Accounts of cost count millionths of the currency unit. */
export const MICROS_PER_UNIT = 1_000_000;
/** Currency units of one amount at most: in millionths it is still exact, and so is its way through a decimal text. */
export const MAX_UNITS = 1_000_000_000;

const DECIMAL = /^(\d{1,10})(?:\.(\d{1,9}))?$/;
const NANO_DIGITS = 9;
const NANOS_PER_MICRO = 1_000n;

/** Billionths of a decimal such as `2.50`; `undefined` for anything else, exponents and more than nine decimals included. */
export function nanosOf(decimal: string): bigint | undefined {
  const [, whole, fraction = ''] = DECIMAL.exec(decimal) ?? [];
  if (whole === undefined) return undefined;
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(NANO_DIGITS, '0'));
}

/** Whole millionths of billionths, rounded up: what something costs is never taken for less. */
export function microsOfNanos(nanos: bigint): bigint {
  return (nanos + NANOS_PER_MICRO - 1n) / NANOS_PER_MICRO;
}

/**
 * Millionths of an amount in currency units, exact for what people write: the shortest text that stands for the number is what
 * was written. What is finer than a millionth is rounded up or down as asked; what is no amount is `undefined`.
 */
export function microsOfUnits(units: number, rounding: 'up' | 'down'): number | undefined {
  if (!(units >= 0)) return undefined;
  // More than nine digits before the point, or an exponent after it: too large to be held exactly, or smaller than anything.
  if (units > MAX_UNITS) return rounding === 'up' ? Number.MAX_SAFE_INTEGER : MAX_UNITS * MICROS_PER_UNIT;
  const nanos = nanosOf(String(units)) ?? roundedNanos(units, rounding);
  return Number(rounding === 'up' ? microsOfNanos(nanos) : nanos / NANOS_PER_MICRO);
}

function roundedNanos(units: number, rounding: 'up' | 'down'): bigint {
  const whole = Math.floor(units);
  const nanos = (units - whole) * 1e9;
  return BigInt(whole) * 1_000_000_000n + BigInt(rounding === 'up' ? Math.ceil(nanos) : Math.floor(nanos));
}

/** Currency units as a decimal text, exact: `1250000` millionths are `1.25`. */
export function textOfMicros(micros: number): string {
  const whole = Math.floor(micros / MICROS_PER_UNIT);
  const rest = String(micros - whole * MICROS_PER_UNIT).padStart(6, '0');
  return `${whole}.${rest}`.replace(/\.?0+$/, '') || '0';
}
