import type { CanonicalRequest } from '@portcullis/policy/model';
import type { ToolAnnotations } from './annotations.js';
import { SESSION_CAPS, type SessionState } from './state.js';
import type { SpokenValue } from './values.js';
import { type WordCodes, wordsOf } from './words.js';

/** What the session has added up, with one more attempt. A negative amount adds nothing, so nothing is ever taken off. */
export function totalsWith(
  state: SessionState,
  request: CanonicalRequest,
  annotations: ToolAnnotations | undefined,
  values: readonly SpokenValue[],
  codes: WordCodes,
): { readonly [name: string]: number } {
  const amount = annotations?.amount === undefined ? undefined : request.tool?.arguments?.[annotations.amount];
  const isWrite = annotations?.effect !== 'read';
  return {
    // What is beyond all numbers has no JSON, and would be kept as if nothing had been added up.
    amount: Math.min(
      Number.MAX_VALUE,
      (state.totals['amount'] ?? 0) + (typeof amount === 'number' && amount > 0 ? amount : 0),
    ),
    destinations: destinationsWith(state, values, codes).length,
    writes: (state.totals['writes'] ?? 0) + (isWrite ? 1 : 0),
  };
}

/** Codes of all destinations, with those of one more attempt. */
export function destinationsWith(
  state: SessionState,
  values: readonly SpokenValue[],
  codes: WordCodes,
): readonly string[] {
  const reached = values
    .filter(({ role }) => role === 'destination')
    .map(({ value }) => codes.encode(wordsOf(String(value)).slice(0, 32)));
  return [...new Set([...state.destinations, ...reached])].slice(0, SESSION_CAPS.destinations);
}
