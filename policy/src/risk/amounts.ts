import type { CanonicalRequest, Json } from '../model/request.js';

/** Names of arguments that say how much is paid, in lower case without separators. */
const AMOUNT_NAMES: ReadonlySet<string> = new Set([
  'amount',
  'total',
  'totalamount',
  'price',
  'sum',
  'value',
  'refundamount',
  'transferamount',
  'paymentamount',
]);
/** Arguments deeper than this are not looked at. */
const MAX_DEPTH = 4;
/** Nobody pays more. Sums of such numbers stay numbers, however many are added up. */
const MAX_AMOUNT = Number.MAX_SAFE_INTEGER;

/**
 * The largest amount among the arguments, in whatever currency, at most {@link MAX_AMOUNT}; `undefined` when there is none, or none
 * above zero.
 */
export function amountOf(request: CanonicalRequest): number | undefined {
  const largest = largestIn(request.tool?.arguments, MAX_DEPTH);
  return largest > 0 ? Math.min(largest, MAX_AMOUNT) : undefined;
}

function largestIn(value: Json | undefined, depth: number): number {
  if (depth === 0 || value === null || typeof value !== 'object') return 0;
  let largest = 0;
  for (const [name, inner] of Object.entries(value)) {
    const found = AMOUNT_NAMES.has(name.toLowerCase().replaceAll(/[_-]/g, ''))
      ? numberIn(inner)
      : largestIn(inner, depth - 1);
    largest = Math.max(largest, found);
  }
  return largest;
}

function numberIn(value: Json): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.length > 32) return 0;
  // `1,200.50`, `$1200`: what a payment tool would make of it.
  const number = Number(value.replaceAll(/[,\s$€£]/g, ''));
  return Number.isFinite(number) ? number : 0;
}
