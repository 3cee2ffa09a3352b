import { createHmac } from 'node:crypto';

/**
 * Text as a sequence of words that are equal when people would call them the same: Unicode compatibility forms, case, accents,
 * invisible characters, punctuation, the scheme and the `www` of an address, zeros behind a decimal point.
 */

const INVISIBLE = /[\p{Cf}\p{Variation_Selector}]/gu;
const MARKS = /\p{M}/gu;
const WORD = /\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\p{L}\p{N}])|\d+\.\d+(?![\p{L}\p{N}.])|[\p{L}\p{N}]+/gu;
const ADDRESS_NOISE: ReadonlySet<string> = new Set(['http', 'https', 'www']);
/** Groups of digits and capitals, as people write account, card and telephone numbers. */
const GROUPED = /(?<![\p{L}\p{N}])[\p{Lu}\p{N}]{2,6}(?:[ -][\p{Lu}\p{N}]{2,6}){2,10}(?![\p{L}\p{N}])/gu;
const MIN_GROUPED = 10;
const MANY_DIGITS = /\d.*\d.*\d.*\d.*\d.*\d/u;
const PERCENT = /(?:%[0-9a-f]{2})+/giu;

/** The words of a text, in order. Linear in its length. */
export function wordsOf(text: string): readonly string[] {
  const words: string[] = [];
  for (const [written] of folded(text).matchAll(WORD)) {
    if (!ADDRESS_NOISE.has(written)) words.push(canonicalNumber(written));
  }
  return words;
}

/** Other ways to read a text: grouped numbers in one piece, percent-encoding taken off. Each is a sequence of its own. */
export function otherReadings(text: string): readonly (readonly string[])[] {
  const readings: (readonly string[])[] = [];
  for (const [group] of text.normalize('NFKC').matchAll(GROUPED)) {
    const joined = group.replace(/[ -]/gu, '');
    if (joined.length >= MIN_GROUPED && MANY_DIGITS.test(joined)) readings.push(wordsOf(joined));
  }
  if (text.includes('%')) {
    const decoded = text.replace(PERCENT, decodePercent);
    if (decoded !== text) readings.push(wordsOf(decoded));
  }
  return readings;
}

/** Keyed fingerprints of words, {@link CODE_LENGTH} characters each; without the key they say nothing about the words. */
export interface WordCodes {
  /** The fingerprint of a whole text, 43 characters. */
  digest(text: string): string;
  /** Every word's fingerprint, each after a dot: `.aB3_x9.…`. A dot stands nowhere else, so substrings align with words. */
  encode(words: readonly string[]): string;
}

/** 36 bits of HMAC-SHA-256: one false match in 4 million for a session of {@link SESSION_CAPS.words} different words. */
const CODE_LENGTH = 6;
/** Characters that a word has in {@link WordCodes.encode}. */
export const CODED_WORD = CODE_LENGTH + 1;

/** Words whose fingerprints are at hand; when there are more, all are worked out anew. */
const MAX_KNOWN = 16_384;

/** Fingerprints under a key. */
export function createWordCodes(key: Uint8Array): WordCodes {
  const codeOf = (word: string): string =>
    createHmac('sha256', key).update(word).digest('base64url').slice(0, CODE_LENGTH);
  const known = new Map<string, string>();
  return {
    digest: (text) => createHmac('sha256', key).update(text).digest('base64url'),
    encode: (words) => {
      let coded = '';
      for (const word of words) {
        let code = known.get(word);
        if (code === undefined) {
          code = codeOf(word);
          if (known.size >= MAX_KNOWN) known.clear();
          known.set(word, code);
        }
        coded += `.${code}`;
      }
      return coded;
    },
  };
}

function folded(text: string): string {
  return text.normalize('NFKD').replace(MARKS, '').replace(INVISIBLE, '').normalize('NFKC').toLowerCase();
}

function canonicalNumber(word: string): string {
  if (!word.includes('.') && !word.includes(',')) return word;
  const plain = word.replaceAll(',', '');
  return plain.includes('.') ? plain.replace(/0+$/u, '').replace(/\.$/u, '') : plain;
}

function decodePercent(encoded: string): string {
  return Buffer.from(encoded.replaceAll('%', ''), 'hex').toString('utf8');
}
