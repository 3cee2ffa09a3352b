/** Runs recognisers over a text, each only around what its matches must have in them. */

import { NOWHERE, placesOf, placing } from './anchor-places.js';
import { type Anchor, type AnchorIndex, anchorIndex, findAnchors, findWords, type Place } from './anchors.js';
import { type PatternShape, patternShape } from './pattern-shape.js';
import { CONTEXT_BONUS, type ContentFamily, type Recogniser } from './recogniser.js';

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

/** A recogniser with what is known of its pattern. */
export interface Prepared {
  readonly recogniser: Recogniser;
  readonly anchor: Anchor;
  readonly shape: PatternShape;
}

/** Recognisers, ready to look for theirs. */
export interface Finder {
  readonly recognisers: readonly Prepared[];
  readonly index: AnchorIndex;
  /** The longest match of any. */
  readonly longest: number;
}

/**
 * Prepares recognisers; costs milliseconds, so it is done once.
 * @throws RangeError when a pattern has no bound, or nothing to look for first
 */
export function createFinder(recognisers: readonly Recogniser[]): Finder {
  const prepared = recognisers.map((recogniser) => {
    const shape = patternShape(recogniser.pattern);
    const anchor = recogniser.anchor ?? anchorOf(shape, recogniser.pattern);
    if ('digits' in anchor && anchor.digits === 0) {
      throw new RangeError(`nothing to look for first: ${recogniser.type} ${recogniser.pattern.source}`);
    }
    return { recogniser, anchor, shape };
  });
  return {
    recognisers: prepared,
    index: anchorIndex(
      prepared.map(({ anchor }) => anchor),
      prepared.flatMap(({ recogniser }) => recogniser.context ?? []),
    ),
    longest: Math.max(0, ...prepared.map(({ shape }) => shape.longest)),
  };
}

/** The shortest run that is looked for: shorter ones are words with a digit, and many. */
const SHORTEST_RUN = 9;
/** Longer ones need no digit. */
const LONGEST_RUN = 15;

/** Letters and digits in one piece are rarer than digits near each other. */
function anchorOf({ run, digits, solid }: PatternShape, { flags }: RegExp): Anchor {
  const isMixed = run >= SHORTEST_RUN && digits > 0 && solid < run && !flags.includes('i');
  return isMixed ? { run: Math.min(run, LONGEST_RUN) } : { digits, solid };
}

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
  const found: Match[] = [];
  let lower: string | undefined;
  const lowered = (): string => {
    lower ??= text.toLowerCase();
    return lower;
  };
  let words: Words | undefined;
  const wordsNear = (): Words => {
    words ??= findWords(text, finder.index, merged(anchors.clusters, CONTEXT_BEFORE + MOST_NAMED, text.length));
    return words;
  };
  const placed = placing(anchors);
  for (const prepared of finder.recognisers) {
    const places = placed(prepared.anchor);
    if (places.length === 0) continue;
    const named = needsContext(prepared, options.minScore) ? besideWords(prepared, places, wordsNear) : places;
    if (named.length === 0) continue;
    for (const window of windowsOf(prepared, named, text.length)) {
      collect(prepared.recogniser, text, lowered, window, options, found);
    }
  }
  return found;
}

/** Digits that a text of nothing but digits has at least when any recogniser may find something in it. */
export function leastBareDigits({ recognisers }: Finder): number {
  return Math.min(...recognisers.map(bareDigitsOf));
}

/** What it must have in it may be more than its pattern asks for. */
function bareDigitsOf({ anchor, shape: { bareDigits } }: Prepared): number {
  if ('digits' in anchor) return Math.max(anchor.digits, bareDigits);
  if ('run' in anchor) return Math.max(anchor.run, bareDigits);
  const isNever = 'sign' in anchor || anchor.literals.every((literal) => /\D/.test(literal));
  return isNever ? Number.POSITIVE_INFINITY : bareDigits;
}

/** Whether something that begins in a text may go on after the quotation mark near its end. */
export function isOpenAfterQuote(text: string, { recognisers }: Finder): boolean {
  return recognisers.some(
    ({ shape }) => shape.isQuoting && (shape.unfinished.exec(text)?.index ?? text.length) < text.length,
  );
}

/** Where any recogniser has to look at all: the places of anchors, in no order. */
export function anchoredPlaces(text: string, finder: Finder): readonly Place[] {
  const anchors = findAnchors(text, finder.index);
  const least = finder.recognisers.flatMap(({ anchor }) => ('digits' in anchor ? [anchor.digits] : []));
  const others = finder.recognisers.flatMap(({ anchor }) => ('digits' in anchor ? [] : placesOf(anchor, anchors)));
  return [...(least.length === 0 ? [] : placesOf({ digits: Math.min(...least) }, anchors)), ...others];
}

const NO_PLACES: readonly number[] = [];
type Words = ReadonlyMap<string, readonly number[]>;
/** The longest match whose words are looked for beforehand. */
const MOST_NAMED = 128;

/** Whether only words beside it make it certain enough. */
function needsContext({ recogniser, anchor, shape }: Prepared, minScore: number): boolean {
  const { check, score, proven = score, context } = recogniser;
  if ((check === undefined ? score : proven) >= minScore) return false;
  // Only around digits are words looked for, near them, and none of two letters.
  return (
    ('digits' in anchor || ('run' in anchor && shape.digits > 0)) && shape.longest <= MOST_NAMED && areFindable(context)
  );
}

function areFindable(words: readonly string[] = []): boolean {
  for (const word of words) if (word.length < 3) return false;
  return true;
}

/** Those that have one of its words as near as it may be. */
function besideWords(
  { recogniser, shape }: Prepared,
  places: readonly Place[],
  wordsNear: () => Words,
): readonly Place[] {
  if (places.length === 0) return places;
  const words = wordsNear();
  if (words.size === 0) return NOWHERE;
  const hits: number[] = [];
  for (const word of recogniser.context ?? []) for (const at of words.get(word) ?? NO_PLACES) hits.push(at);
  if (hits.length === 0) return NOWHERE;
  hits.sort((a, b) => a - b);
  const reach = shape.longest + CONTEXT_BEFORE;
  let next = 0;
  // Both are in order, and a cluster of digits may be long: what is near any part of it is near.
  return places.filter(({ start, end }) => {
    while (next < hits.length && (hits[next] ?? 0) < start - reach) next += 1;
    return next < hits.length && (hits[next] ?? 0) <= end + reach;
  });
}

/** Parts of the text outside which no match can be, and which cut none in two. */
function windowsOf({ shape }: Prepared, places: readonly Place[], length: number): readonly Place[] {
  return merged(places, shape.longest, length);
}

/** Places with `reach` to both sides; those that touch are one. */
function merged(places: readonly Place[], reach: number, length: number): readonly Place[] {
  const windows: { start: number; end: number }[] = [];
  for (const place of places) {
    const start = Math.max(0, place.start - reach);
    const end = Math.min(length, place.end + reach);
    const last = windows.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else windows.push({ start, end });
  }
  return windows;
}

function collect(
  recogniser: Recogniser,
  text: string,
  lowered: () => string,
  window: Place,
  { minScore, from = 0, isNested = false, most = Number.POSITIVE_INFINITY }: FindOptions,
  found: Match[],
): void {
  const { type, family, pattern, check, score: base, proven = base, context } = recogniser;
  const begin = Math.max(window.start, from);
  if (begin >= window.end) return;
  const part = begin === 0 && window.end === text.length ? text : text.slice(begin, window.end);
  const certain = check === undefined ? base : proven;
  if (certain + (context === undefined ? 0 : CONTEXT_BONUS) < minScore) return;
  let count = 0;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(part); match !== null && count < most; match = pattern.exec(part)) {
    const whole = match.groups?.['value'] ?? match[0];
    const start = begin + match.index + (whole === match[0] ? 0 : match[0].lastIndexOf(whole));
    const value = recogniser.trim?.(whole) ?? whole;
    const end = start + value.length;
    const mayTouch = recogniser.mayTouch === true;
    const isOne =
      (mayTouch || !(touches(text, start - 1) || touches(text, end))) && (check === undefined || check(value));
    const score = isOne ? scoreOf(certain, context, lowered, start, end) : 0;
    if (isOne && score >= minScore && value.length > 0) {
      count += 1;
      const matchEnd = value === whole ? begin + match.index + match[0].length : end;
      found.push({ type, family, start, end, score, matchStart: begin + match.index, matchEnd });
      pattern.lastIndex = isNested
        ? nextStart(part, match.index, mayTouch)
        : Math.max(matchEnd - begin, match.index + 1);
    } else {
      // What begins inside of something that is none may still be one.
      pattern.lastIndex =
        recogniser.isWhole === true
          ? Math.max(match.index + match[0].length, match.index + 1)
          : nextStart(part, match.index, mayTouch);
    }
  }
}

/** Where the next match may begin: not inside of a word, unless it may touch one. */
function nextStart(part: string, after: number, mayTouch: boolean): number {
  let next = after + 1;
  if (!mayTouch) while (next < part.length && isWord(part, next - 1)) next += 1;
  return next;
}

function scoreOf(
  certain: number,
  context: readonly string[] | undefined,
  lowered: () => string,
  start: number,
  end: number,
): number {
  const isNamed = context !== undefined && certain < 1 && hasContext(lowered(), start, end, context);
  return Math.min(1, certain + (isNamed ? CONTEXT_BONUS : 0));
}

function touches(text: string, at: number): boolean {
  return at >= 0 && at < text.length && isWord(text, at);
}

function isWord(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code < 128)
    return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95;
  return /[\p{L}\p{N}]/u.test(text[at] ?? '');
}

function hasContext(lower: string, start: number, end: number, words: readonly string[]): boolean {
  const around = `${lower.slice(Math.max(0, start - CONTEXT_BEFORE), start)} ${lower.slice(end, end + CONTEXT_AFTER)}`;
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
