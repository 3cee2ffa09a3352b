import { CONTEXT_BONUS, type ContentFamily, type Recogniser } from './recogniser.js';
import { ALL_RECOGNISERS } from './registry.js';

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

/** What to look for. */
export interface RecogniseOptions {
  /** All when absent. */
  readonly families?: readonly ContentFamily[];
  /** All when absent. */
  readonly types?: readonly string[];
  /** Less certain findings are left out; 0.5 when absent. */
  readonly minScore?: number;
}

/** UTF-16 units before a finding in which context is looked for, and after it. */
const CONTEXT_BEFORE = 64;
const CONTEXT_AFTER = 24;
/** Findings of one pattern in one text; a text of nothing else is not searched without end. */
const MAX_FINDINGS = 1_000;
/** The score from which a finding counts when nothing else is said. */
export const CERTAIN_FROM = 0.5;

/**
 * Finds personal data and secrets. Findings do not overlap: the more certain one stays, then the longer one. In order of
 * their places. Pure; linear in the text.
 */
export function recognise(text: string, options: RecogniseOptions = {}): readonly Recognised[] {
  const { families, types, minScore = CERTAIN_FROM } = options;
  const lower = text.toLowerCase();
  const hasDigit = /\d/.test(text);
  const found: Recognised[] = [];
  for (const recogniser of ALL_RECOGNISERS) {
    if (families !== undefined && !families.includes(recogniser.family)) continue;
    if (types !== undefined && !types.includes(recogniser.type)) continue;
    if (!mayHold(recogniser, lower, hasDigit)) continue;
    collect(recogniser, text, lower, minScore, found);
  }
  return withoutOverlaps(found);
}

function mayHold({ needs }: Recogniser, lower: string, hasDigit: boolean): boolean {
  if (needs === undefined) return true;
  return needs.some((word) => (word === '0' ? hasDigit : lower.includes(word)));
}

function collect(recogniser: Recogniser, text: string, lower: string, minScore: number, found: Recognised[]): void {
  const { type, family, pattern, check, score: base, proven = base, context } = recogniser;
  let count = 0;
  for (const match of text.matchAll(pattern)) {
    count += 1;
    if (count > MAX_FINDINGS) return;
    const whole = match.groups?.['value'] ?? match[0];
    const start = match.index + (whole === match[0] ? 0 : match[0].lastIndexOf(whole));
    const value = recogniser.trim?.(whole) ?? whole;
    const end = start + value.length;
    if (recogniser.mayTouch !== true && (touches(text, start - 1) || touches(text, end))) continue;
    if (check !== undefined && !check(value)) continue;
    const certain = check === undefined ? base : proven;
    const isNamed = context !== undefined && certain < 1 && hasContext(lower, start, end, context);
    const score = Math.min(1, certain + (isNamed ? CONTEXT_BONUS : 0));
    if (score >= minScore) found.push({ type, family, start, end, score });
  }
}

function touches(text: string, at: number): boolean {
  return at >= 0 && at < text.length && /[\p{L}\p{N}_]/u.test(text[at] ?? '');
}

function hasContext(lower: string, start: number, end: number, words: readonly string[]): boolean {
  const around = `${lower.slice(Math.max(0, start - CONTEXT_BEFORE), start)} ${lower.slice(end, end + CONTEXT_AFTER)}`;
  return words.some((word) => around.includes(word));
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
  for (const one of best) {
    let isFree = true;
    for (let at = one.start; at < one.end && isFree; at += 1) isFree = !taken.has(at);
    if (!isFree) continue;
    for (let at = one.start; at < one.end; at += 1) taken.add(at);
    kept.push(one);
  }
  return kept.toSorted((a, b) => a.start - b.start);
}
