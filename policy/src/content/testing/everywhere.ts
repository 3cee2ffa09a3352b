/** The simple way to find what recognisers find, which the quick one is held against: every pattern by itself over the whole text. */

import type { FindOptions, Match } from '../find.js';
import { CONTEXT_BONUS, type Recogniser } from '../recogniser.js';

/** All matches, recogniser by recogniser. */
export function findEverywhere(
  text: string,
  recognisers: readonly Recogniser[],
  options: FindOptions,
): readonly Match[] {
  return recognisers.flatMap((recogniser) => findOne(text, recogniser, options));
}

function findOne(text: string, recogniser: Recogniser, { minScore, from = 0, isNested = false }: FindOptions): Match[] {
  const { pattern, mayTouch = false, isWhole = false } = recogniser;
  const found: Match[] = [];
  const part = text.slice(from);
  pattern.lastIndex = 0;
  for (let match = pattern.exec(part); match !== null; match = pattern.exec(part)) {
    const one = matchOf(text, from + match.index, match, recogniser);
    const isFound = one !== undefined && one.score >= minScore;
    if (isFound) found.push(one);
    if (isFound ? !isNested : isWhole) {
      pattern.lastIndex = Math.max(isFound ? one.matchEnd - from : pattern.lastIndex, match.index + 1);
    } else {
      pattern.lastIndex = match.index + ((part.codePointAt(match.index) ?? 0) > 0xffff ? 2 : 1);
      while (!mayTouch && pattern.lastIndex < part.length && isTouched(part, pattern.lastIndex)) pattern.lastIndex += 1;
    }
  }
  return found;
}

function matchOf(text: string, matchStart: number, match: RegExpExecArray, recogniser: Recogniser): Match | undefined {
  const { type, family, trim, check, except, context = [], mayTouch = false, score: base, proven = base } = recogniser;
  const whole = match.groups?.['value'] ?? match[0];
  const start = matchStart + match[0].lastIndexOf(whole);
  const value = trim?.(whole) ?? whole;
  const end = start + value.length;
  const mayEnd = !isWord(text[end]) || (recogniser.mayEndAtUnderscore === true && text[end] === '_');
  if (value === '' || (!mayTouch && (isTouched(text, start) || !mayEnd))) return undefined;
  if (check?.(value) === false) return undefined;
  if (except !== undefined && new RegExp(`^(?:${except.source})$`).test(value)) return undefined;
  const around = `${text.slice(Math.max(0, start - 64), start)} ${text.slice(end, end + 24)}`.toLowerCase();
  const certain = check === undefined ? base : proven;
  const score = Math.min(1, certain + (context.some((word) => isSaid(around, word)) ? CONTEXT_BONUS : 0));
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

/** A word of three letters counts by itself only. */
function isSaid(around: string, word: string): boolean {
  const inside = word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return word.length > 3 ? around.includes(word) : new RegExp(`(?<!\\p{L})${inside}(?!\\p{L})`, 'u').test(around);
}

function isWord(character = ''): boolean {
  return /[\p{L}\p{N}_]/u.test(character);
}

/** An escaped `n`, `r` or `t` is no letter. */
function isTouched(text: string, at: number): boolean {
  return isWord(text[at - 1]) && !/\\[nrt]$/.test(text.slice(Math.max(0, at - 2), at));
}
