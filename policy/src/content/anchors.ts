/**
 * One pass over a text that finds the places where a recogniser may find something at all, so that none of their patterns runs
 * over the rest. Most of most texts is letters, and is looked at once.
 */

/** What every match of a recogniser has in it, and is cheap to look for. */
export type Anchor =
  /** One of these; in lower case where they are of A to Z, two to sixteen characters each. */
  | { readonly literals: readonly string[] }
  /** So many letters (A to Z) and digits without a break, {@link LONG_RUN} or more. */
  | { readonly run: number }
  /** `@`, or what only addresses of machines have: `::` or six colons near each other, groups of two or four between separators, four numbers with full stops. */
  | { readonly sign: Sign };
/** Signs. */
export const SIGNS = ['at', 'colons', 'groups', 'quads'] as const;
/** A sign. */
export type Sign = (typeof SIGNS)[number];

/** From where to where an anchor reaches. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

/** What is in a text. */
export interface Anchors {
  /** Runs of letters and digits that have a digit in them, or are {@link LONG_RUN} long: beginnings and ends in turns, in order. */
  readonly numerals: readonly number[];
  /** At least {@link AnchorIndex.leastRun} long. */
  readonly runs: readonly Place[];
  readonly signs: Readonly<Record<Sign, readonly Place[]>>;
  /** By literal. */
  readonly literals: ReadonlyMap<string, readonly Place[]>;
}

/** Which literals are looked for, ready to be. */
export interface AnchorIndex {
  readonly byStart: readonly (readonly string[] | undefined)[];
  /** By three folded characters: words that say what a number is; they are where they are, whatever they mean there. */
  readonly wordsByStart: readonly (readonly string[] | undefined)[];
  /** 1 where three folded characters begin a literal. */
  readonly starts: Uint8Array;
  /** 1 where they begin a word. */
  readonly wordStarts: Uint8Array;
  readonly leastRun: number;
}

/** So many letters and digits without a break may be a number though none of them is a digit. */
export const LONG_RUN = 16;
/** The shortest literal: every text is full of shorter ones. */
const SHORTEST = 2;
const DIGIT = 27;
const HYPHEN_FOLD = 29;
const OTHER_SIGN = 30;
const MASK = 0x7fff;
/** All that characters fold to. */
const SYMBOLS: readonly number[] = Array.from({ length: 32 }, (_unused, symbol) => symbol);
/** Five bits for every ASCII character: a letter's number whatever its case, one value for digits, few for the rest. */
const FOLD: Uint8Array = Uint8Array.from({ length: 128 }, (_unused, code) => {
  const character = String.fromCharCode(code);
  if (/[A-Za-z]/.test(character)) return code & 31;
  if (/\d/.test(character)) return DIGIT;
  if (character === '_' || character === '/' || character === '=') return 28;
  if (character === '-') return HYPHEN_FOLD;
  return ':@.'.includes(character) ? OTHER_SIGN : 0;
});

/**
 * Prepares the search for anchors.
 * @param words in lower case, of any script
 */
export function anchorIndex(anchors: readonly Anchor[], words: readonly string[] = []): AnchorIndex {
  const byStart = Array.from({ length: MASK + 1 }, (): string[] | undefined => undefined);
  const starts = new Uint8Array(MASK + 1);
  let leastRun = Number.POSITIVE_INFINITY;
  for (const anchor of anchors) {
    if ('run' in anchor) leastRun = Math.min(leastRun, anchor.run);
    for (const literal of 'literals' in anchor ? anchor.literals : []) {
      if (!/^[^A-Z\s]{2,16}$/.test(literal)) throw new RangeError(`not a literal to look for: ${literal}`);
      // After one of two characters anything may come.
      for (const start of literal.length === SHORTEST
        ? SYMBOLS.map((third) => hashOf(literal, third))
        : [hashOf(literal)]) {
        const known = byStart[start] ?? [];
        if (!known.includes(literal)) byStart[start] = [...known, literal];
        starts[start] = 1;
      }
    }
  }
  const wordsByStart = Array.from({ length: MASK + 1 }, (): string[] | undefined => undefined);
  const wordStarts = new Uint8Array(MASK + 1);
  for (const word of new Set(words)) {
    if (word.length < 3) continue;
    const start = hashOf(word);
    wordsByStart[start] = [...(wordsByStart[start] ?? []), word];
    wordStarts[start] = 1;
  }
  return { byStart, wordsByStart, starts, wordStarts, leastRun };
}

/** @param third what follows the first two, folded */
function hashOf(literal: string, third: number = foldOf(literal.charCodeAt(2))): number {
  return (foldOf(literal.charCodeAt(0)) << 10) | (foldOf(literal.charCodeAt(1)) << 5) | third;
}

function foldOf(code: number): number {
  return code < 128 ? (FOLD[code] as number) : 31;
}

/**
 * Finds the anchors of a text. Linear.
 * @param isJson whether a backslash takes what follows it, as in the source of a JSON string
 */
export function findAnchors(text: string, index: AnchorIndex, isJson: boolean = false): Anchors {
  const { starts, leastRun } = index;
  const numerals: number[] = [];
  const runs: Place[] = [];
  const signs: Record<Sign, Place[]> = { at: [], colons: [], groups: [], quads: [] };
  const literals = new Map<string, Place[]>();
  const { length } = text;
  let hash = 0;
  let runStart = 0;
  let lastDigit = -1;
  const endRun = (at: number): void => {
    numerals.push(runStart, at);
    if (at - runStart >= leastRun) runs.push({ start: runStart, end: at });
  };
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at);
    const fold = code < 128 ? (FOLD[code] as number) : 31;
    hash = ((hash << 5) | fold) & MASK;
    if (starts[hash] === 1) literalsAt(text, at - 2, index, hash, literals);
    if (fold < DIGIT && fold > 0) continue;
    if (fold === DIGIT) {
      lastDigit = at;
      continue;
    }
    if (lastDigit >= runStart || at - runStart >= LONG_RUN) endRun(at);
    if (code === BACKSLASH && isJson) at += 1;
    runStart = at + 1;
    if (fold === HYPHEN_FOLD || fold === OTHER_SIGN) signsAt(text, at, code, signs);
  }
  if (lastDigit >= runStart || length - runStart >= LONG_RUN) endRun(length);
  return { numerals, runs, signs, literals };
}

function literalsAt(
  text: string,
  at: number,
  { byStart }: AnchorIndex,
  hash: number,
  found: Map<string, Place[]>,
): void {
  for (const literal of byStart[hash] ?? []) {
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
  for (const word of wordsByStart[hash] ?? []) {
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
const BACKSLASH = 0x5c;

function signsAt(text: string, at: number, code: number, signs: Record<Sign, Place[]>): void {
  if (code === AT) signs.at.push({ start: at, end: at + 1 });
  if (code === COLON && isInAddress(text, at)) signs.colons.push({ start: at, end: at + 1 });
  if (code !== COLON && code !== HYPHEN && code !== DOT) return;
  if (text.charCodeAt(at + (code === DOT ? 5 : 3)) === code) signs.groups.push({ start: at, end: at + 1 });
  if (code === DOT && isInQuad(text, at)) signs.quads.push({ start: at, end: at + 1 });
}

/** Whether an IPv4 address may have its first full stop here. */
function isInQuad(text: string, first: number): boolean {
  let at = first;
  for (let dots = 1; dots < 3; dots += 1) {
    at += 1;
    for (let digits = 0; digits < 3 && isDigit(text.charCodeAt(at)); digits += 1) at += 1;
    if (text.charCodeAt(at) !== DOT) return false;
  }
  return isDigit(text.charCodeAt(at + 1));
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
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
