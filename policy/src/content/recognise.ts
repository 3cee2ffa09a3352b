import { findMatches, type Recognised } from './find.js';
import { createFinder, type Finder, narrowed } from './finder.js';
import type { ContentFamily } from './recogniser.js';
import { ALL_RECOGNISERS } from './registry.js';

/** What to look for. */
export interface RecogniseOptions {
  /** All when absent. */
  readonly families?: readonly ContentFamily[];
  /** All when absent. */
  readonly types?: readonly string[];
  /** Less certain findings are left out; 0.5 when absent. */
  readonly minScore?: number;
}

/** Findings of one pattern in one text; a text of nothing else is not searched without end. */
const MAX_FINDINGS = 1_000;
/** The score from which a finding counts when nothing else is said. */
export const CERTAIN_FROM = 0.5;

const EVERYTHING: Finder = createFinder(ALL_RECOGNISERS);

/** The recognisers of these families and types, ready to look; all of them when nothing is said. */
export function finderOf({ families, types }: Pick<RecogniseOptions, 'families' | 'types'>): Finder {
  if (families === undefined && types === undefined) return EVERYTHING;
  return narrowed(
    EVERYTHING,
    ({ family, type }) =>
      (families === undefined || families.includes(family)) && (types === undefined || types.includes(type)),
  );
}

/**
 * Finds personal data and secrets. Findings do not overlap: the more certain one stays, then the longer one. In order of
 * their places. Pure; linear in the text.
 */
export function recognise(text: string, options: RecogniseOptions = {}): readonly Recognised[] {
  const found = findMatches(text, finderOf(options), {
    minScore: options.minScore ?? CERTAIN_FROM,
    most: MAX_FINDINGS,
  });
  return withoutOverlaps(found);
}

function withoutOverlaps(found: readonly Recognised[]): readonly Recognised[] {
  const best = found.toSorted(
    (a, b) =>
      b.score - a.score ||
      // What opens a door matters more than what it is a part of.
      Number(b.family === 'secret') - Number(a.family === 'secret') ||
      b.end - b.start - (a.end - a.start) ||
      a.start - b.start,
  );
  const kept: Recognised[] = [];
  const taken = new Set<number>();
  for (const { type, family, start, end, score } of best) {
    let isFree = true;
    for (let at = start; at < end && isFree; at += 1) isFree = !taken.has(at);
    if (!isFree) continue;
    for (let at = start; at < end; at += 1) taken.add(at);
    kept.push({ type, family, start, end, score });
  }
  return kept.toSorted((a, b) => a.start - b.start);
}
