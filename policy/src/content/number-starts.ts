/** Where in a text numbers may begin: near digits, and in runs of letters and digits that are long. */

import { LONG_RUN } from './anchors.js';
import type { NumberAutomaton } from './number-automaton.js';
import { OTHERS } from './number-nodes.js';
import type { PatternShape } from './pattern-shape.js';
import type { Recogniser } from './recogniser.js';
import { isWord, isWordBefore } from './word-edges.js';

/** UTF-16 units before the run of letters and digits that has a number's first digit: `KFZ-AB 1`. */
const MOST_LEAD = 7;
const BACKSLASH = 0x5c;
/** Whether a recogniser finds something that begins and ends as a word does, and where {@link numberStarts} looks. */
export function isNumber({ pattern, mayTouch, isWhole }: Recogniser, shape: PatternShape): boolean {
  if (pattern.flags !== 'g' || mayTouch === true || isWhole === true || pattern.source.includes('(?<')) return false;
  const isNear = shape.run > 0 ? Number.isFinite(shape.lead) || shape.run >= LONG_RUN : shape.lead <= MOST_LEAD;
  return isNear && !shape.hasEscaped;
}

/** Where numbers may begin. */
export interface NumberStarts {
  /** Of any pattern, in order. */
  readonly all: readonly number[];
  /** Of each pattern that has some, in order. */
  readonly of: ReadonlyMap<number, readonly number[]>;
}

/** How to look. */
export interface NumberStartOptions {
  /** What begins before it is left out; 0 when absent. */
  readonly from?: number;
  /** Whether the text is the source of a JSON document without `\u` and `\/`: its strings are meant, as what they say. */
  readonly isJson?: boolean;
}

/**
 * Where the patterns of an automaton may match, none that does left out. Linear.
 * @param numerals where runs begin that have a digit or are long, in order
 */
export function numberStarts(
  text: string,
  numerals: readonly number[],
  automaton: NumberAutomaton,
  { from = 0, isJson = false }: NumberStartOptions = {},
): NumberStarts {
  const { walk, begins, has } = automaton;
  const all: number[] = [];
  const of = new Map<number, number[]>();
  let start = 0;
  const name = (pattern: number): void => {
    if (all.at(-1) !== start) all.push(start);
    const own = of.get(pattern);
    if (own === undefined) of.set(pattern, [start]);
    else if (own.at(-1) !== start) own.push(start);
  };
  let free = from;
  for (let at = 0; at < numerals.length; at += 2) {
    const numeral = numerals[at] as number;
    // Only what may be in a number ties something before the run to it.
    const isTied = numeral > free && has[codeAt(text, numeral - 1)] === 1;
    let place = isTied ? Math.max(free, numeral - MOST_LEAD) : Math.max(free, numeral);
    const last = isBackslash(text, numeral - 1) ? numeral + 1 : numeral;
    for (; place <= last; place += 1) {
      if (begins[codeAt(text, place)] !== 1 || !isFree(text, place, isJson)) continue;
      start = place;
      walk(text, place, name);
    }
    free = Math.max(free, numerals[at + 1] as number);
  }
  return { all, of };
}

function codeAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return Math.min(code, OTHERS);
}

/** Whether a word may begin here. */
function isFree(text: string, at: number, isJson: boolean): boolean {
  if (at === 0) return true;
  if (!isJson) return !isWordBefore(text, at);
  if (isBackslash(text, at - 1)) return !isEscape(text, at);
  // JSON in a string has its escapes escaped: a letter after any backslash may be no letter in the end.
  return !isWord(text, at - 1) || isBackslash(text, at - 2);
}

function isBackslash(text: string, at: number): boolean {
  return at >= 0 && text.charCodeAt(at) === BACKSLASH;
}

/** Whether the character there is escaped. */
function isEscape(text: string, at: number): boolean {
  let first = at;
  while (isBackslash(text, first - 1)) first -= 1;
  return (at - first) % 2 === 1;
}
