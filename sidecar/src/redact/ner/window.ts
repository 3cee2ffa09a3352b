/**
 * How a text that grows is asked about before it has ended: sentence by sentence, with what stands before and behind. Pure. Nobody can
 * say where a sentence ends (`Dr. `, `J. R. `), so behind what goes on so much is held back that a name which such a place cuts is seen whole.
 */

/** UTF-16 units that are asked about once more before what goes on: a name is known by the words around it. */
export const WINDOW_BEFORE = 256;
/** UTF-16 units that are asked about, and held back, behind what goes on: a name of so many is never cut. */
export const WINDOW_AFTER = 128;
/** UTF-16 units that go on at once at least, or every `a. ` would be a question. */
export const WINDOW_LEAST = 32;
/** UTF-16 units without the end of a sentence; longer ones go on at the end of a word. */
export const WINDOW_MOST = 1_024;

/** How far a text is. */
export interface TextSoFar {
  /** All of it, or its end with at least {@link WINDOW_BEFORE} units more than what has not gone on. */
  readonly text: string;
  /** What stands before this place has gone on. */
  readonly from: number;
  /** Up to here it was asked about already; no less than `from`. More is there when what was found had to be held back. */
  readonly asked: number;
  /** What stands behind this place does not go on yet, whatever is found. */
  readonly reach: number;
  readonly isEnded: boolean;
}

/** What to ask about, `start` to `end`, and up to where the text may go on once that is answered. */
export interface Window {
  readonly start: number;
  readonly end: number;
  readonly upTo: number;
}

/** After a full stop or the like there is a space, unless the script has none between words. */
const SENTENCE = /[.!?…؟۔।][\p{Pe}\p{Pf}"'*_]*\s|[。！？｡]|\n/gu;

/** Nothing while there is nothing to ask about: then nothing goes on. */
export function windowOf({ text, from, asked, reach, isEnded }: TextSoFar): Window | undefined {
  const window = { start: contextOf(text, from), end: text.length };
  if (isEnded) return from < text.length ? { ...window, upTo: text.length } : undefined;
  const least = asked + WINDOW_LEAST;
  const last = Math.min(reach, text.length - WINDOW_AFTER);
  if (last < least) return undefined;
  const sentence = lastEnd(text, SENTENCE, asked, last);
  if (sentence >= least) return { ...window, upTo: sentence };
  if (text.length - asked <= WINDOW_MOST) return undefined;
  const word = lastEnd(text, /\s/g, asked, last);
  return { ...window, upTo: word >= least ? word : whole(text, last) };
}

/** The beginning of a word, where the text has any. */
function contextOf(text: string, from: number): number {
  const start = Math.max(0, from - WINDOW_BEFORE);
  if (start === 0) return 0;
  const space = text.slice(start, from).search(/\s/);
  return whole(text, space === -1 ? start : start + space + 1);
}

/** The last place up to `last` at which a match ends; 0 when there is none behind `from`. */
function lastEnd(text: string, pattern: RegExp, from: number, last: number): number {
  let end = 0;
  for (const { 0: match, index } of text.slice(from, last).matchAll(pattern)) end = from + index + match.length;
  return end;
}

/** Not between the halves of a character. */
function whole(text: string, at: number): number {
  return /[\ud800-\udbff]/.test(text.charAt(at - 1)) && /[\udc00-\udfff]/.test(text.charAt(at)) ? at - 1 : at;
}
