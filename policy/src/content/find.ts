/** Runs recognisers over a text, each only around what its matches must have in them. */

import { placesOf } from './anchor-places.js';
import { type Anchors, findAnchors, findWords, type Place, SIGNS } from './anchors.js';
import { ANY_RUN, certaintyOf, type Finder, type Prepared } from './finder.js';
import { numberStarts } from './number-starts.js';
import { CONTEXT_BONUS, type ContentFamily } from './recogniser.js';
import { isWord, isWordBefore } from './word-edges.js';

/** Something that was recognised. */
export interface Recognised {
  readonly type: string;
  readonly family: ContentFamily;
  /** UTF-16 units, the end exclusive. */
  readonly start: number;
  readonly end: number;
  /** How certain, 0 to 1: 0.5 and more is worth acting upon. */
  readonly score: number;
}

/** Something that was recognised, and the match that it is a part of: a name beside a password, for one. */
export interface Match extends Recognised {
  readonly matchStart: number;
  readonly matchEnd: number;
}

/** UTF-16 units before a finding in which context is looked for, and after it. */
export const CONTEXT_BEFORE = 64;
/** UTF-16 units after a finding in which context is looked for. */
export const CONTEXT_AFTER = 24;

/** How to look. */
export interface FindOptions {
  /** Less certain findings are left out. */
  readonly minScore: number;
  /** Matches before this are left out: what stands there was looked at already. 0 when absent. */
  readonly from?: number;
  /** Also what begins inside of another match of the same recogniser. */
  readonly isNested?: boolean;
  /** Findings of one recogniser; all when absent. */
  readonly most?: number;
}

/** All matches, which may overlap, recogniser by recogniser. Pure; linear in the text. */
export function findMatches(text: string, finder: Finder, options: FindOptions): readonly Match[] {
  const anchors = findAnchors(text, finder.index);
  const starts = numberStarts(text, anchors.numerals, finder.numbers(), options);
  const found: Match[] = [];
  let words: Words | undefined;
  const wordsNear = (): Words => {
    words ??= findWords(text, finder.index, around(starts.all, finder.longestNumber, text.length));
    return words;
  };
  for (const prepared of worthwhile(finder, anchors, starts.of)) {
    const { by, recogniser, unbroken } = prepared;
    const certain = certaintyOf(recogniser);
    if (certain + (recogniser.context === undefined ? 0 : CONTEXT_BONUS) < options.minScore) continue;
    if ('number' in by) {
      const own = starts.of.get(by.number);
      if (own === undefined) continue;
      const isWeak = certain < options.minScore && areFindable(recogniser.context);
      collectAt(by.pattern, prepared, text, isWeak ? besideWords(prepared, own, wordsNear()) : own, options, found);
    } else {
      for (const window of windowsOf(prepared, placesOf(by, anchors, text, unbroken), text.length)) {
        collect(prepared, text, window, options, found);
      }
    }
  }
  return found;
}

/** The recognisers that may find something, in their order: most texts have nothing that most of them look for. */
function worthwhile(finder: Finder, anchors: Anchors, numbers: ReadonlyMap<number, unknown>): readonly Prepared[] {
  const { literals, runs, signs } = anchors;
  const met = [...numbers.keys(), ...literals.keys(), ...SIGNS.filter((sign) => signs[sign].length > 0)];
  if (runs.length > 0) met.push(ANY_RUN);
  const places = new Set(met.flatMap((one) => finder.seekers.get(one) ?? NO_PLACES));
  return [...places].toSorted((a, b) => a - b).flatMap((place) => finder.recognisers[place] ?? []);
}

/** Where recognisers have to look, in no order. */
export interface Anchored {
  /** Whatever stands beside it. */
  readonly places: readonly Place[];
  /** Only if something beside it says what it is. */
  readonly unnamed: readonly Place[];
}

/**
 * Where any recogniser has to look at all, in the source of a JSON document without `\u` and `\/`: at anchors, and where numbers may
 * begin. A number that only a word makes certain is `unnamed` when no such word is anywhere in the source; one may still be in
 * the name of its value, which can be written in several ways.
 */
export function anchoredPlaces(source: string, finder: Finder, minScore: number): Anchored {
  const anchors = findAnchors(source, finder.index, true);
  const starts = numberStarts(source, anchors.numerals, finder.numbers(), { isJson: true });
  const places: Place[] = [];
  const unnamed: Place[] = [];
  let words: Words | undefined;
  for (const prepared of worthwhile(finder, anchors, starts.of)) {
    const { by, recogniser, unbroken } = prepared;
    if (!('number' in by)) {
      for (const place of placesOf(by, anchors, source, unbroken)) places.push(place);
      continue;
    }
    const isCertain = certaintyOf(recogniser) >= minScore || !areFindable(recogniser.context);
    if (!isCertain) words ??= findWords(source, finder.index, [{ start: 0, end: source.length }]);
    const into = isCertain || recogniser.context?.some((word) => words?.has(word)) === true ? places : unnamed;
    for (const start of starts.of.get(by.number) ?? NO_PLACES) {
      if (holdsAt(prepared, by.pattern, source, start)) into.push({ start, end: start + 1 });
    }
  }
  return { places, unnamed };
}

/** Whether there is a number at a place that its check holds for, whatever it touches. */
function holdsAt({ recogniser, except }: Prepared, pattern: RegExp, text: string, start: number): boolean {
  pattern.lastIndex = start;
  const whole = pattern.exec(text)?.[0];
  const value = whole === undefined ? '' : (recogniser.trim?.(whole) ?? whole);
  return value !== '' && except?.test(value) !== true && recogniser.check?.(value) !== false;
}

/** Whether a text has a word in it that says of any number what it is. */
export function hasWords(text: string, { index }: Finder): boolean {
  return findWords(text, index, [{ start: 0, end: text.length }]).size > 0;
}

const NO_PLACES: readonly number[] = [];
type Words = ReadonlyMap<string, readonly number[]>;

/** Whether words are looked for beforehand: none of two characters is. */
function areFindable(words: readonly string[] = []): boolean {
  for (const word of words) if (word.length < 3) return false;
  return true;
}

/** The places at which one of its words is near enough that it may be named. */
function besideWords({ recogniser, shape }: Prepared, starts: readonly number[], words: Words): readonly number[] {
  if (words.size === 0) return NO_PLACES;
  const hits: number[] = [];
  for (const word of recogniser.context ?? []) for (const at of words.get(word) ?? NO_PLACES) hits.push(at);
  if (hits.length === 0) return NO_PLACES;
  hits.sort((a, b) => a - b);
  let next = 0;
  return starts.filter((start) => {
    while (next < hits.length && (hits[next] ?? 0) < start - CONTEXT_BEFORE) next += 1;
    return next < hits.length && (hits[next] ?? 0) <= start + shape.longest + CONTEXT_AFTER;
  });
}

/** The parts in which words may stand that say what something is that begins at one of these places. */
function around(starts: readonly number[], longest: number, length: number): readonly Place[] {
  const places = starts.map((start) => ({ start, end: start }));
  return merged(places, CONTEXT_BEFORE, longest + CONTEXT_AFTER, length);
}

/** Parts of the text outside which no match can be, and which cut none in two. */
function windowsOf({ shape }: Prepared, places: readonly Place[], length: number): readonly Place[] {
  return merged(places, shape.longest, shape.longest, length);
}

/** Places with what is before and after them; those that touch are one. */
function merged(places: readonly Place[], before: number, after: number, length: number): readonly Place[] {
  const windows: { start: number; end: number }[] = [];
  for (const place of places) {
    const start = Math.max(0, place.start - before);
    const end = Math.min(length, place.end + after);
    const last = windows.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else windows.push({ start, end });
  }
  return windows;
}

function collect(
  prepared: Prepared,
  text: string,
  window: Place,
  { minScore, from = 0, isNested = false, most = Number.POSITIVE_INFINITY }: FindOptions,
  found: Match[],
): void {
  const { pattern, mayTouch = false, isWhole = false } = prepared.recogniser;
  const begin = Math.max(window.start, from);
  if (begin >= window.end) return;
  const part = begin === 0 && window.end === text.length ? text : text.slice(begin, window.end);
  let count = 0;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(part); match !== null && count < most; match = pattern.exec(part)) {
    const one = recognised(prepared, text, begin + match.index, match, minScore);
    if (one !== undefined) {
      count += 1;
      found.push(one);
    }
    // What begins inside of something that is none may still be one.
    if (one === undefined ? isWhole : !isNested) {
      const end = one === undefined ? match.index + match[0].length : one.matchEnd - begin;
      pattern.lastIndex = Math.max(end, match.index + 1);
    } else pattern.lastIndex = nextStart(part, match.index, mayTouch);
  }
}

/** The same for a number: where its matches may begin is known. */
function collectAt(
  pattern: RegExp,
  prepared: Prepared,
  text: string,
  starts: readonly number[],
  { minScore, isNested = false, most = Number.POSITIVE_INFINITY }: FindOptions,
  found: Match[],
): void {
  let count = 0;
  let next = 0;
  for (const start of starts) {
    if (start < next) continue;
    pattern.lastIndex = start;
    const match = pattern.exec(text);
    const one = match === null ? undefined : recognised(prepared, text, start, match, minScore);
    if (one === undefined) continue;
    found.push(one);
    count += 1;
    if (count >= most) return;
    if (!isNested) next = one.matchEnd;
  }
}

/** What a match is, if it is what the recogniser looks for. */
function recognised(
  { recogniser, except }: Prepared,
  text: string,
  matchStart: number,
  match: RegExpExecArray,
  minScore: number,
): Match | undefined {
  const { type, family, mayTouch, mayEndAtUnderscore, check, context, trim } = recogniser;
  const whole = match.groups?.['value'] ?? match[0];
  const start = matchStart + (whole === match[0] ? 0 : match[0].lastIndexOf(whole));
  const value = trim?.(whole) ?? whole;
  const end = start + value.length;
  const isEnd = !isWord(text, end) || (mayEndAtUnderscore === true && text[end] === '_');
  if (value.length === 0 || (mayTouch !== true && (isWordBefore(text, start) || !isEnd))) return;
  if (except?.test(value) === true || check?.(value) === false) return;
  const certain = certaintyOf(recogniser);
  const score = scoreOf(certain, context, text, start, end);
  if (score < minScore) return;
  return {
    type,
    family,
    start,
    end,
    score,
    matchStart,
    matchEnd: value === whole ? matchStart + match[0].length : end,
  };
}

/**
 * Where the next match may begin: not inside of a word, unless it may touch one. Never in the middle of the character that the
 * last one began with: there a pattern of Unicode characters goes back to its beginning, and would find the same without end.
 */
function nextStart(part: string, after: number, mayTouch: boolean): number {
  let next = after + ((part.codePointAt(after) ?? 0) > 0xffff ? 2 : 1);
  if (!mayTouch) while (next < part.length && isWordBefore(part, next)) next += 1;
  return next;
}

function scoreOf(certain: number, context: readonly string[] = [], text: string, start: number, end: number): number {
  const isNamed = certain < 1 && context.length > 0 && hasContext(text, start, end, context);
  return Math.min(1, certain + (isNamed ? CONTEXT_BONUS : 0));
}

function hasContext(text: string, start: number, end: number, words: readonly string[]): boolean {
  const before = text.slice(Math.max(0, start - CONTEXT_BEFORE), start);
  const around = `${before} ${text.slice(end, end + CONTEXT_AFTER)}`.toLowerCase();
  return words.some((word) => (word.length > 3 ? around.includes(word) : hasWord(around, word)));
}

/** Three letters stand in many words: they count only by themselves. */
function hasWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + 1)) {
    if (!isLetter(text, at - 1) && !isLetter(text, at + word.length)) return true;
  }
  return false;
}

function isLetter(text: string, at: number): boolean {
  return /\p{L}/u.test(text[at] ?? '');
}
