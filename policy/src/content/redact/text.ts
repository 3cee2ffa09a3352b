/** Redaction of a text. */

import { anchoredPlaces, findMatches, type Match } from '../find.js';
import type { Finder } from '../finder.js';
import { CERTAIN_FROM, finderOf } from '../recognise.js';
import type { Replace } from './replacement.js';

/** A pattern that no recogniser knows; its findings are of type `CUSTOM`. */
export interface CustomPattern {
  /** Places of all its matches, in order. Linear in the text. */
  find(text: string): readonly { readonly start: number; readonly end: number }[];
  /** The first place from which on more text could make a match; the end when there is none. Without it nobody knows. */
  open?(text: string): number;
}

/** What to look for and what to put in its place. */
export interface RedactionRules {
  readonly finder: Finder;
  readonly custom: readonly CustomPattern[];
  readonly replace: Replace;
  /** Findings less certain than this stay; 0.5 by default. */
  readonly minScore: number;
}

/** Rules for these types. */
export function redactionRules(
  types: readonly string[],
  replace: Replace,
  custom: readonly CustomPattern[] = [],
): RedactionRules {
  return { finder: finderOf({ types }), custom, replace, minScore: CERTAIN_FROM };
}

/** A part of a text that something takes the place of. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly type: string;
}

/** A change of a text: what stood from `start` to `end` becomes `text`. */
export interface Edit extends Span {
  readonly text: string;
}

/** The type of what a pattern of a policy's own finds. */
export const CUSTOM_TYPE = 'CUSTOM';

/** Which parts of a text may hold a finding: quick to ask. */
export interface FindableParts {
  /** Whether something between these places may be one. */
  readonly may: (start: number, end: number) => boolean;
  /** Whether something may that a word in its name would make one. */
  readonly mayIfNamed: (start: number, end: number) => boolean;
}

/** Tells which parts of a JSON source, without `\u` and `\/`, may hold a finding; the rest stays as it is. Linear once, then quick. */
export function findableParts(source: string, { finder, custom, minScore }: RedactionRules): FindableParts {
  if (custom.length > 0) return ALL_PARTS;
  const { places, unnamed } = anchoredPlaces(source, finder, minScore);
  return { may: meeting(places), mayIfNamed: meeting(unnamed) };
}

/** Of a text of which nothing is known. */
export const ALL_PARTS: FindableParts = { may: () => true, mayIfNamed: () => true };
/** Of a text in which nothing is looked for. */
export const NO_PARTS: FindableParts = { may: () => false, mayIfNamed: () => false };

/** Tells whether there is a place between two others. */
function meeting(places: readonly { readonly start: number; readonly end: number }[]): FindableParts['may'] {
  const ends = places.toSorted((a, b) => a.start - b.start);
  // The furthest end of all that begin up to here.
  const furthest: number[] = [];
  for (const { end } of ends) furthest.push(Math.max(end, furthest.at(-1) ?? 0));
  return (start, end) => {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ends[middle]?.start ?? 0) < end) low = middle + 1;
      else high = middle;
    }
    return low > 0 && (furthest[low - 1] ?? 0) > start;
  };
}

/** All findings that count from a place on, which may overlap. */
export function candidates(text: string, { finder, custom, minScore }: RedactionRules, from = 0): readonly Match[] {
  const found = findMatches(text, finder, { minScore, from });
  if (custom.length === 0) return found;
  const own = custom.flatMap((pattern) => pattern.find(text)).filter(({ start }) => start >= from);
  return [
    ...found,
    ...own.map(
      ({ start, end }): Match => ({
        type: CUSTOM_TYPE,
        family: 'pii',
        start,
        end,
        score: 1,
        matchStart: start,
        matchEnd: end,
      }),
    ),
  ];
}

/**
 * Findings that overlap become one, from the first's beginning to the last's end, so that nothing of any stays; its type is that of
 * the longest, then of the most certain, then of the first by name. In order of their places.
 */
export function unite(found: readonly (Span & { readonly score: number })[]): readonly Span[] {
  const sorted = found.toSorted((a, b) => a.start - b.start || b.end - a.end);
  const united: { start: number; end: number; best: Span & { readonly score: number } }[] = [];
  for (const one of sorted) {
    const last = united.at(-1);
    if (last === undefined || one.start >= last.end) {
      united.push({ start: one.start, end: one.end, best: one });
      continue;
    }
    last.end = Math.max(last.end, one.end);
    if (outranks(one, last.best)) last.best = one;
  }
  return united.map(({ start, end, best }) => ({ start, end, type: best.type }));
}

function outranks(a: Span & { readonly score: number }, b: Span & { readonly score: number }): boolean {
  const byLength = a.end - a.start - (b.end - b.start);
  if (byLength !== 0) return byLength > 0;
  return a.score === b.score ? a.type < b.type : a.score > b.score;
}

/** What of a text something takes the place of, findings of others included. Pure; linear. */
export function textSpans(text: string, rules: RedactionRules, extra: readonly Span[] = []): readonly Span[] {
  return unite([...candidates(text, rules), ...extra.map((span) => ({ ...span, score: 1 }))]);
}

/** The changes that redact a text. Pure but for what `replace` remembers; linear. */
export function textEdits(text: string, rules: RedactionRules, extra: readonly Span[] = []): readonly Edit[] {
  return replaced(text, textSpans(text, rules, extra), rules);
}

/** The changes that replace these parts of a text. */
export function replaced(text: string, spans: readonly Span[], { replace }: RedactionRules): readonly Edit[] {
  return spans.map((span) => ({ ...span, text: replace(text.slice(span.start, span.end), span.type) }));
}

/** A text with its changes, which are in order and do not overlap. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  if (edits.length === 0) return text;
  let result = '';
  let at = 0;
  for (const edit of edits) {
    result += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return result + text.slice(at);
}
