/**
 * One pass over a text that finds the places where a recogniser may find something at all, so that none of their patterns runs
 * over the rest. Most of most texts is letters, and is looked at once.
 */

/** What every match of a recogniser has in it, and is cheap to look for. */
export type Anchor =
  /** One of these; lower case, three to sixteen ASCII characters each. */
  | { readonly literals: readonly string[] }
  /**
   * So many digits with nothing between them but up to three separators: space, full stop, hyphen, slash, brackets, plus;
   * `solid` of them with nothing between, 1 when absent.
   */
  | { readonly digits: number; readonly solid?: number }
  /** So many letters (A to Z) and digits without a break; fewer than sixteen, and one of them is a digit. */
  | { readonly run: number }
  /** `@`, or what only addresses of machines have: `::` or six colons near each other, groups of two or four between separators. */
  | { readonly sign: Sign };
/** Signs. */
export type Sign = 'at' | 'colons' | 'groups';

/** UTF-16 units from one digit to the next of one number, at most. */
const DIGIT_GAP = 4;
const SEPARATORS: ReadonlySet<number> = new Set(Array.from(' .-/()+', (character) => character.charCodeAt(0)));

/** From where to where an anchor reaches. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

/** Digits near each other. */
export interface DigitCluster extends Place {
  readonly digits: number;
  /** The most of them with nothing between. */
  readonly solid: number;
}

/** What is in a text. */
export interface Anchors {
  readonly clusters: readonly DigitCluster[];
  /** At least {@link AnchorIndex.leastRun} long. */
  readonly runs: readonly Place[];
  readonly signs: Readonly<Record<Sign, readonly Place[]>>;
  /** By literal. */
  readonly literals: ReadonlyMap<string, readonly Place[]>;
}

/** Which literals are looked for, ready to be. */
export interface AnchorIndex {
  readonly byStart: ReadonlyMap<number, readonly string[]>;
  /** By three folded characters: words that say what a number is; they are where they are, whatever they mean there. */
  readonly wordsByStart: ReadonlyMap<number, readonly string[]>;
  /** 1 where three folded characters begin a literal. */
  readonly starts: Uint8Array;
  /** 1 where they begin a word. */
  readonly wordStarts: Uint8Array;
  readonly leastRun: number;
}

const LONG_RUN = 16;
const DIGIT = 27;
const OTHER_SIGN = 30;
const MASK = 0x7fff;
/** Five bits for every ASCII character: a letter's number whatever its case, one value for digits, few for the rest. */
const FOLD: Uint8Array = Uint8Array.from({ length: 128 }, (_unused, code) => {
  const character = String.fromCharCode(code);
  if (/[A-Za-z]/.test(character)) return code & 31;
  if (/\d/.test(character)) return DIGIT;
  if (character === '_') return 28;
  if (character === '-') return 29;
  return ':/@.='.includes(character) ? OTHER_SIGN : 0;
});

/**
 * Prepares the search for anchors.
 * @param words in lower case, of any script
 */
export function anchorIndex(anchors: readonly Anchor[], words: readonly string[] = []): AnchorIndex {
  const byStart = new Map<number, string[]>();
  const starts = new Uint8Array(MASK + 1);
  let leastRun = Number.POSITIVE_INFINITY;
  for (const anchor of anchors) {
    if ('run' in anchor) leastRun = Math.min(leastRun, anchor.run);
    for (const literal of 'literals' in anchor ? anchor.literals : []) {
      if (!/^[\x21-\x40\x5b-\x7e]{3,16}$/.test(literal)) throw new RangeError(`not a literal to look for: ${literal}`);
      const start = hashOf(literal);
      const known = byStart.get(start) ?? [];
      if (!known.includes(literal)) byStart.set(start, [...known, literal]);
      starts[start] = 1;
    }
  }
  const wordsByStart = new Map<number, string[]>();
  const wordStarts = new Uint8Array(MASK + 1);
  for (const word of new Set(words)) {
    if (word.length < 3) continue;
    const start = hashOf(word);
    wordsByStart.set(start, [...(wordsByStart.get(start) ?? []), word]);
    wordStarts[start] = 1;
  }
  return { byStart, wordsByStart, starts, wordStarts, leastRun };
}

function hashOf(literal: string): number {
  let hash = 0;
  for (let at = 0; at < 3; at += 1) hash = ((hash << 5) | foldOf(literal.charCodeAt(at))) & MASK;
  return hash;
}

function foldOf(code: number): number {
  return code < 128 ? (FOLD[code] as number) : 31;
}

/** Finds the anchors of a text. Linear. */
export function findAnchors(text: string, index: AnchorIndex): Anchors {
  const { starts, leastRun } = index;
  const clusters: DigitCluster[] = [];
  const runs: Place[] = [];
  const signs: Record<Sign, Place[]> = { at: [], colons: [], groups: [] };
  const literals = new Map<string, Place[]>();
  let hash = 0;
  let runStart = 0;
  let firstDigit = -1;
  let lastDigit = -1;
  let digits = 0;
  let together = 0;
  let solid = 0;
  const endRun = (at: number): void => {
    // A short one without a digit is a word.
    if (at - runStart >= leastRun && (at - runStart >= LONG_RUN || lastDigit >= runStart))
      runs.push({ start: runStart, end: at });
    runStart = at + 1;
  };
  const { length } = text;
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at);
    const fold = code < 128 ? (FOLD[code] as number) : 31;
    hash = ((hash << 5) | fold) & MASK;
    if (starts[hash] === 1) literalsAt(text, at - 2, index, hash, literals);
    if (fold < DIGIT && fold > 0) continue;
    if (fold === DIGIT) {
      if (firstDigit !== -1 && !isOneNumber(text, lastDigit, at)) {
        clusters.push({ start: firstDigit, end: lastDigit + 1, digits, solid });
        firstDigit = -1;
      }
      if (firstDigit === -1) {
        firstDigit = at;
        digits = 0;
        solid = 0;
      }
      together = lastDigit === at - 1 ? together + 1 : 1;
      if (together > solid) solid = together;
      lastDigit = at;
      digits += 1;
      continue;
    }
    endRun(at);
    if (fold >= 29 && fold <= OTHER_SIGN) signsAt(text, at, code, signs);
  }
  endRun(length);
  if (firstDigit !== -1) clusters.push({ start: firstDigit, end: lastDigit + 1, digits, solid });
  return { clusters, runs, signs, literals };
}

function literalsAt(
  text: string,
  at: number,
  { byStart }: AnchorIndex,
  hash: number,
  found: Map<string, Place[]>,
): void {
  for (const literal of byStart.get(hash) ?? []) {
    if (!startsWith(text, literal, at)) continue;
    const places = found.get(literal);
    const place = { start: at, end: at + literal.length };
    if (places === undefined) found.set(literal, [place]);
    else places.push(place);
  }
}

function wordsAt(
  text: string,
  at: number,
  { wordsByStart }: AnchorIndex,
  hash: number,
  found: Map<string, number[]>,
): void {
  for (const word of wordsByStart.get(hash) ?? []) {
    if (!startsWith(text, word, at) && text.slice(at, at + word.length).toLowerCase() !== word) continue;
    const places = found.get(word);
    if (places === undefined) found.set(word, [at]);
    else places.push(at);
  }
}

/** Where the words of an index begin in parts of a text, which are in order and do not overlap: by word, in order. */
export function findWords(
  text: string,
  index: AnchorIndex,
  parts: readonly Place[],
): ReadonlyMap<string, readonly number[]> {
  const { wordStarts } = index;
  const words = new Map<string, number[]>();
  for (const { start, end } of parts) {
    let hash = 0;
    for (let at = start; at < end; at += 1) {
      hash = ((hash << 5) | foldOf(text.charCodeAt(at))) & MASK;
      if (wordStarts[hash] === 1 && at >= start + 2) wordsAt(text, at - 2, index, hash, words);
    }
  }
  return words;
}

function isOneNumber(text: string, last: number, at: number): boolean {
  if (at - last > DIGIT_GAP) return false;
  for (let between = last + 1; between < at; between += 1) if (!SEPARATORS.has(text.charCodeAt(between))) return false;
  return true;
}

/** Without regard to the case of ASCII letters. */
function startsWith(text: string, literal: string, start: number): boolean {
  for (let at = 0; at < literal.length; at += 1) {
    const code = text.charCodeAt(start + at);
    const lower = code >= 65 && code <= 90 ? code | 32 : code;
    if (lower !== literal.charCodeAt(at)) return false;
  }
  return true;
}

const COLON = 0x3a;
const DOT = 0x2e;
const HYPHEN = 0x2d;
const AT = 0x40;

function signsAt(text: string, at: number, code: number, signs: Record<Sign, Place[]>): void {
  const place = { start: at, end: at + 1 };
  if (code === AT) signs.at.push(place);
  if (code === COLON && isInAddress(text, at)) signs.colons.push(place);
  const every = code === DOT ? 5 : 3;
  if ((code === COLON || code === HYPHEN || code === DOT) && text.charCodeAt(at + every) === code)
    signs.groups.push(place);
}

/** Colons of an IPv6 address without a gap: six when it ends like an IPv4 address. A time of day has fewer. */
const COLONS_IN_FULL = 6;

/** Whether an IPv6 address may have its first colon here: another beside it, or as many as an address in full has, at most four units apart. */
function isInAddress(text: string, first: number): boolean {
  let count = 1;
  let last = first;
  for (let at = first + 1; at <= last + 5; at += 1) {
    if (text.charCodeAt(at) !== COLON) continue;
    if (at === last + 1) return true;
    last = at;
    count += 1;
    if (count === COLONS_IN_FULL) return true;
  }
  return false;
}
