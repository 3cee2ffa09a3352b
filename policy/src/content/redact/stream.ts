/**
 * Redaction of a text that comes in pieces. What is given out is what redaction of the whole text would have given: a piece is held
 * back from where a match may have begun that more text could complete, and nothing else is. Held back are at most the longest match of
 * the recognisers and the context behind it.
 */

import { CONTEXT_AFTER, CONTEXT_BEFORE, findMatches, type Match } from '../find.js';
import type { Prepared } from '../finder.js';
import { openPlace } from '../pattern-shape.js';
import { applyEdits, CUSTOM_TYPE, candidates, type RedactionRules, replaced, type Span, unite } from './text.js';

/** Redacts pieces of one text. */
export interface TextStream {
  /** What may be given out now that `piece` has come. */
  push(piece: string): string;
  /** The rest; nothing may come after it. */
  end(): string;
  /** UTF-16 units that are held back now. */
  readonly held: number;
}

/** A text that grows and is given out bit by bit, for those who have somebody else look into it as well. */
export interface GrowingText {
  /** What was given out last, as it was, and what is held back. */
  readonly text: string;
  /** Where in {@link text} that is held back begins. */
  readonly from: number;
  add(piece: string): void;
  /** The place in {@link text} before which everything may go, as far as the rules know. */
  reach(): number;
  /**
   * What stands before a place, redacted; held back is what more text could still make a finding, and a finding that goes on behind that place.
   * @param extra findings of others in {@link text}
   */
  release(upTo: number, extra?: readonly Span[]): string;
  /** All of it; nothing may come after it. */
  end(extra?: readonly Span[]): string;
}

/** How a text grows. */
export interface Growth {
  /** UTF-16 units that are kept of what was given out; at least what the recognisers need. */
  readonly context: number;
  /** UTF-16 units of the longest finding of others that is never cut. */
  readonly longest: number;
}

/** What is held back for a pattern of a policy's own, in UTF-16 units: longer matches may be cut by a piece's edge. */
export const CUSTOM_LONGEST = 256;

/**
 * What is held back is searched again once it has grown by such a part: letter by letter, a long text would be searched as often as it
 * has letters. Below so many units every piece is.
 */
const GROWTH = 32;

/**
 * UTF-16 units that are held back at most, unless matches overlap in a chain; a chain longer than twice this goes whole.
 * @param longest of what others find
 */
export function mostHeld({ finder, custom }: RedactionRules, longest = 0): number {
  return Math.max(finder.longest, custom.length === 0 ? 0 : CUSTOM_LONGEST, longest) + CONTEXT_AFTER + 1;
}

/** Starts a text. */
export function createTextStream(rules: RedactionRules): TextStream {
  const growing = createGrowingText(rules);
  const held = (): number => growing.text.length - growing.from;
  let looked = 0;
  return {
    push(piece) {
      growing.add(piece);
      if ((held() - looked) * GROWTH < looked) return '';
      const given = growing.release(growing.text.length);
      looked = held();
      return given;
    },
    get held() {
      return held();
    },
    end: () => growing.end(),
  };
}

/** Starts a text into which others look as well. */
export function createGrowingText(
  rules: RedactionRules,
  { context, longest }: Growth = { context: 0, longest: 0 },
): GrowingText {
  const limit = 2 * mostHeld(rules, longest);
  const kept = Math.max(context, CONTEXT_BEFORE + 1);
  let text = '';
  let from = 0;

  function redacted(to: number, found: readonly Match[]): string {
    const spans = unite(found.filter(({ end }) => end <= to)).filter(({ start }) => start >= from);
    return applyEdits(text.slice(0, to), replaced(text, spans, rules)).slice(from);
  }

  function forget(to: number): void {
    const start = Math.max(0, to - kept);
    text = text.slice(start);
    from = to - start;
  }

  function foundIn(extra: readonly Span[]): readonly Match[] {
    const own = candidates(text, rules, from);
    // What has gone on cannot be taken back; the rest of it can stay.
    const others = extra.filter(({ end }) => end > from);
    return [...own, ...others.map(({ type, start, end }) => foundByOthers(type, Math.max(start, from), end))];
  }

  function openAt(upTo: number, found: readonly Match[]): number {
    const whole = withoutHalf(text);
    return Math.max(from, uncut(Math.min(openFrom(whole, from, rules), upTo), whole.length, found));
  }

  return {
    get text() {
      return text;
    },
    get from() {
      return from;
    },
    add(piece) {
      text += piece;
    },
    reach() {
      const to = openAt(text.length, candidates(text, rules, from));
      return text.length - to <= limit ? to : text.length;
    },
    release(upTo, extra = []) {
      const found = foundIn(extra);
      const to = openAt(upTo, found);
      let given = redacted(to, found);
      let end = to;
      if (upTo - to > limit) {
        // A chain of findings without an end: all of it is one.
        end = Math.max(upTo, ...found.filter(({ start }) => start < upTo).map((one) => one.end));
        given += rules.replace(text.slice(to, end), found.at(-1)?.type ?? CUSTOM_TYPE);
      }
      forget(end);
      return given;
    },
    end(extra = []) {
      const given = redacted(text.length, foundIn(extra));
      forget(text.length);
      return given;
    },
  };
}

function foundByOthers(type: string, start: number, end: number): Match {
  return { type, family: 'pii', start, end, score: 1, matchStart: start, matchEnd: end };
}

/** The first place from which on more text could make a finding of what there is, or take one away. */
function openFrom(text: string, from: number, { finder, custom }: RedactionRules): number {
  let open = text.length;
  for (const pattern of custom)
    open = Math.min(open, Math.max(from, pattern.open?.(text) ?? text.length - CUSTOM_LONGEST));
  for (const prepared of finder.recognisers)
    open = Math.min(open, unfinishedFrom(prepared, text, Math.min(open, text.length), from));
  // Words that come later may still make something of these.
  for (const match of findMatches(text, finder, { minScore: 0, from, isNested: true })) {
    if (match.end + CONTEXT_AFTER > text.length && match.score < 1) open = Math.min(open, match.matchStart);
  }
  return open;
}

function unfinishedFrom({ shape }: Prepared, text: string, open: number, from: number): number {
  const start = Math.max(from, text.length - shape.longest - 1);
  if (start >= open) return open;
  return start + openPlace(shape, text.slice(start));
}

/** Half of a character is no character yet, and may be a letter. */
function withoutHalf(text: string): string {
  return /[\ud800-\udbff]$/.test(text) ? text.slice(0, -1) : text;
}

/** Not inside of a finding. */
function uncut(open: number, most: number, found: readonly Match[]): number {
  let to = Math.min(open, most);
  for (const { matchStart, matchEnd } of found.toSorted((a, b) => b.matchEnd - a.matchEnd)) {
    if (matchStart < to && matchEnd > to) to = matchStart;
  }
  return to;
}
