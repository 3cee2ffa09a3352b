/** The same text as an assistant may read it: without disguise, decoded, with its spaces put right. All of it bounded. */

import { withoutConfusables } from './confusables.js';
import { fromEntities, fromEscapes, fromPieces, reversed, rot13 } from './decoded.js';
import { unveil } from './invisible.js';
import { folded } from './lexicon.js';
import { type Token, tokensOf, tokensWithoutSpaces } from './tokens.js';

/** One way to read the text. */
export interface Reading {
  readonly tokens: readonly Token[];
  /** The text of this reading, in lower case. */
  readonly text: string;
  /** How it was disguised: `encoded`, `rot13`, `reversed`, `hidden`, `leet`, `spaced`; `plain` for what everybody sees. */
  readonly disguise: string;
}

/** UTF-16 units of the text that are read. */
export const MAX_READ = 64 * 1024;
/** Reading backwards or shifted is tried for texts of this length at most: a payload that long is never all of it. */
const MAX_SHIFTED = 16 * 1024;

/** Every reading that differs from the one before it. */
export function readingsOf(raw: string): readonly Reading[] {
  const { text, removed, hidden } = unveil(raw.slice(0, MAX_READ));
  const plain = withoutConfusables(text.normalize('NFKC'));
  const readings = [...shapesOf(plain, 'plain')];
  const decoded = fromEscapes(fromEntities(plain));
  const isDecoded = decoded !== plain;
  if (isDecoded) readings.push(...shapesOf(decoded, 'encoded'));
  const pieces = fromPieces(decoded);
  if (pieces !== '') {
    // What is encoded may be encoded twice.
    const inner = fromEscapes(fromEntities(pieces));
    const deeper = fromPieces(inner);
    readings.push(...shapesOf(deeper === '' ? inner : `${inner}\n${deeper}`, 'encoded'));
  }
  if (hidden !== '') readings.push(...shapesOf(hidden, 'hidden'));
  const source = isDecoded ? decoded : plain;
  if (source.length <= MAX_SHIFTED) {
    readings.push(...shapesOf(rot13(source), 'rot13'), ...shapesOf(reversed(source), 'reversed'));
  }
  if (removed > 2 && readings[0] !== undefined) readings.push({ ...readings[0], disguise: 'hidden' });
  return readings;
}

/** The text as it stands, and with letters for digits and words for spaced letters where it looks so. */
function shapesOf(text: string, disguise: string): readonly Reading[] {
  const lower = folded(text);
  const plain: Reading = { tokens: tokensOf(lower, false), text: lower, disguise };
  const shapes = [plain];
  const isLeet = looksLeet(lower);
  if (isLeet) shapes.push({ tokens: tokensOf(lower, true), text: lower, disguise: named(disguise, 'leet') });
  if (looksSpaced(lower)) {
    const spaced = named(disguise, 'spaced');
    shapes.push({ tokens: tokensWithoutSpaces(lower, false), text: lower, disguise: spaced });
    if (/[0-9@$|]/.test(lower))
      shapes.push({ tokens: tokensWithoutSpaces(lower, true), text: lower, disguise: spaced });
  }
  return shapes;
}

function named(disguise: string, shape: string): string {
  return disguise === 'plain' ? shape : disguise;
}

/** Several words with digits among their letters. */
function looksLeet(text: string): boolean {
  let mixed = 0;
  for (const _word of text.matchAll(/[a-z][0-9@$!|][a-z0-9@$!|]|[0-9@$][a-z0-9@$]{0,3}[a-z]/g)) {
    mixed += 1;
    if (mixed >= 3) return true;
  }
  return false;
}

/** Letters one by one, words of one length, or words longer than any. */
function looksSpaced(text: string): boolean {
  const words = text
    .slice(0, 4096)
    .split(/[\s.\-_*|/,]+/)
    .filter((word) => word !== '');
  if (words.some((word) => word.length >= 28 && /[a-z]{3}/.test(word) && !/^[0-9a-f]+$/.test(word))) return true;
  if (words.length < 8) return false;
  const lengths = new Map<number, number>();
  for (const word of words) lengths.set(word.length, (lengths.get(word.length) ?? 0) + 1);
  const commonest = Math.max(...lengths.values());
  return commonest / words.length >= 0.7;
}
