/** Digits of 2^53 - 1. */
const MAX_SAFE_DIGITS = '9007199254740991';

/**
 * Whether a number literal keeps its value in a double: integers within ±(2^53 - 1), anything else finite.
 * Literals that are no numbers pass; the grammar refuses them elsewhere.
 */
export function isFaithfulNumber(literal: string): boolean {
  const digits = literal.startsWith('-') ? literal.slice(1) : literal;
  if (!/^[0-9]+$/.test(digits)) return Math.abs(Number(literal)) !== Number.POSITIVE_INFINITY;
  if (digits.length !== MAX_SAFE_DIGITS.length) return digits.length < MAX_SAFE_DIGITS.length;
  return digits <= MAX_SAFE_DIGITS;
}
