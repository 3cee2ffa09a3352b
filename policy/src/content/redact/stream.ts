/**
 * Redaction of a text that comes in pieces. What is given out is what redaction of the whole text would have given: a piece is held
 * back from where a match may have begun that more text could complete, and nothing else is. Held back are at most the longest match of
 * the recognisers and the context behind it.
 */

import { CONTEXT_AFTER, CONTEXT_BEFORE, findMatches, type Match } from '../find.js';
import type { Prepared } from '../finder.js';
import { applyEdits, CUSTOM_TYPE, candidates, type RedactionRules, replaced, unite } from './text.js';

/** Redacts pieces of one text. */
export interface TextStream {
  /** What may be given out now that `piece` has come. */
  push(piece: string): string;
  /** The rest; nothing may come after it. */
  end(): string;
  /** UTF-16 units that are held back now. */
  readonly held: number;
}

/** What is held back for a pattern of a policy's own, in UTF-16 units: longer matches may be cut by a piece's edge. */
export const CUSTOM_LONGEST = 256;

/** UTF-16 units that are held back at most, unless matches overlap in a chain; a chain longer than twice this goes whole. */
export function mostHeld({ finder, custom }: RedactionRules): number {
  return Math.max(finder.longest, custom.length === 0 ? 0 : CUSTOM_LONGEST) + CONTEXT_AFTER + 1;
}

/** Starts a text. */
export function createTextStream(rules: RedactionRules): TextStream {
  const limit = 2 * mostHeld(rules);
  // What was given out last, as it was: context for what comes.
  let before = '';
  let pending = '';

  function release(to: number, text: string, found: readonly Match[]): string {
    const from = before.length;
    const spans = unite(found.filter(({ end }) => end <= to)).filter(({ start }) => start >= from);
    const given = applyEdits(text.slice(0, to), replaced(text, spans, rules)).slice(from);
    before = text.slice(Math.max(0, to - CONTEXT_BEFORE - 1), to);
    pending = text.slice(to);
    return given;
  }

  return {
    push(piece) {
      pending += piece;
      const text = before + pending;
      const from = before.length;
      // Half of a character is no character yet.
      const isCut = /[\ud800-\udbff]$/.test(text);
      const found = candidates(text, rules, from);
      const to = uncut(openFrom(text, from, rules), isCut ? text.length - 1 : text.length, found);
      if (text.length - to <= limit) return release(Math.max(from, to), text, found);
      // A chain of findings without an end: all of it is one.
      const given =
        release(Math.max(from, to), text, found) + rules.replace(pending, found.at(-1)?.type ?? CUSTOM_TYPE);
      before = pending.slice(-CONTEXT_BEFORE - 1);
      pending = '';
      return given;
    },
    get held() {
      return pending.length;
    },
    end() {
      const text = before + pending;
      return release(text.length, text, candidates(text, rules, before.length));
    },
  };
}

/** The first place from which on more text could make a finding of what there is, or take one away. */
function openFrom(text: string, from: number, { finder, custom }: RedactionRules): number {
  let open = custom.length === 0 ? text.length : Math.max(from, text.length - CUSTOM_LONGEST);
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
  const match = shape.unfinished.exec(text.slice(start));
  return match === null ? open : start + match.index;
}

/** Not inside of a finding. */
function uncut(open: number, most: number, found: readonly Match[]): number {
  let to = Math.min(open, most);
  for (const { matchStart, matchEnd } of found.toSorted((a, b) => b.matchEnd - a.matchEnd)) {
    if (matchStart < to && matchEnd > to) to = matchStart;
  }
  return to;
}
