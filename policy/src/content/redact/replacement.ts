/** What takes the place of a finding (contracts §8). */

import { createHmac } from 'node:crypto';
import { bare } from '../recogniser.js';
import { labelOf } from './detectors.js';

/** Gives what takes the place of `value`, which is of `type`. */
export type Replace = (value: string, type: string) => string;

/** Characters at the end that a mask leaves: what receipts show of a card or an account. */
const KEPT: ReadonlyMap<string, number> = new Map([
  ['CREDIT_CARD', 4],
  ['IBAN_CODE', 4],
]);
/** A mask says no more than this about a value's length. */
const MAX_MASK = 64;

/**
 * Stars for letters and digits; what parts them stays, and of cards and accounts the last four. A `placeholder` takes the place of
 * all that. Secrets are eight stars whatever they are.
 */
export function masking(options: {
  readonly placeholder?: string;
  readonly secretTypes: ReadonlySet<string>;
}): Replace {
  const { placeholder, secretTypes } = options;
  return (value, type) => {
    if (placeholder !== undefined) return placeholder;
    if (secretTypes.has(type)) return '********';
    const keep = KEPT.get(type) ?? 0;
    const shown = value.length > MAX_MASK ? value.slice(-MAX_MASK) : value;
    let left = Array.from(shown).filter((character) => isSign(character)).length - keep;
    return Array.from(shown, (character) => {
      if (!isSign(character)) return character;
      left -= 1;
      return left >= 0 ? '*' : character;
    }).join('');
  };
}

function isSign(character: string): boolean {
  return /[\p{L}\p{N}]/u.test(character);
}

/** Leaves nothing. */
export const dropping: Replace = () => '';

/** Letters only, so that no recogniser takes a hash for a number. */
const LETTERS = 'abcdefghijklmnop';

/**
 * `[CARD:…]` with 80 bits of an HMAC-SHA-256: equal values stay equal under one key and scope, and say nothing else. Separators in
 * a number do not count.
 * @param scope within which equal values are to look equal, for example the tenant
 */
export function hashing(key: Uint8Array, scope: string): Replace {
  return (value, type) => {
    const subject = /^[\d\p{Zs}./()+-]*$/u.test(value) ? bare(value) : value;
    const mac = createHmac('sha256', key).update(`${scope.length}:${scope}${type}:${subject}`).digest();
    const letters = [...mac.subarray(0, 10)].map((byte) => `${LETTERS[byte >> 4]}${LETTERS[byte & 15]}`).join('');
    return `[${labelOf(type)}:${letters}]`;
  };
}

/** The placeholder of the `serial`th value of a type. */
export function tokenOf(type: string, serial: number): string {
  return `[${labelOf(type)}_${serial}]`;
}

/** The longest placeholder, in UTF-16 units. */
export const MAX_TOKEN = 64;
