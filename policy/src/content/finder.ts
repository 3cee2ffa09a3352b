/** Recognisers, made ready to look for theirs. */

import { type Anchor, type AnchorIndex, anchorIndex } from './anchors.js';
import { type NumberAutomaton, numberAutomaton } from './number-automaton.js';
import type { NumberPattern } from './number-nodes.js';
import { isNumber } from './number-starts.js';
import { openPlace, type PatternShape, patternShape } from './pattern-shape.js';
import type { Recogniser } from './recogniser.js';

/** A recogniser with what is known of its pattern. */
export interface Prepared {
  readonly recogniser: Recogniser;
  readonly shape: PatternShape;
  /** Where it is looked for: around an anchor, or where the automaton of numbers has it, under a number. */
  readonly by: Anchor | { readonly number: number; readonly pattern: RegExp };
  /** UTF-16 units that a match has at least, where none of them is a space, or what JSON escapes; otherwise 0. */
  readonly unbroken: number;
  /** The whole of what is none. */
  readonly except: RegExp | undefined;
}

/** Recognisers, ready to look for theirs. */
export interface Finder {
  readonly recognisers: readonly Prepared[];
  readonly index: AnchorIndex;
  /** Made when it is first asked for, which takes some 20 ms and 1 to 2 MB: not everybody who has a finder searches texts. */
  readonly numbers: () => NumberAutomaton;
  /** Places of those that look for a number, a literal, a sign, or {@link ANY_RUN}. */
  readonly seekers: ReadonlyMap<string | number, readonly number[]>;
  /** The longest match of any. */
  readonly longest: number;
  /** The longest number of any. */
  readonly longestNumber: number;
}

/**
 * Prepares recognisers; costs milliseconds, so it is done once.
 * @throws RangeError when a pattern has no bound, or nothing to look for first
 */
export function createFinder(recognisers: readonly Recogniser[]): Finder {
  const numbers: NumberPattern[] = [];
  let longestNumber = 0;
  const prepared = recognisers.map((recogniser): Prepared => {
    const { type, pattern, anchor, except, trim } = recogniser;
    const shape = patternShape(pattern);
    const whole = except === undefined ? undefined : new RegExp(`^(?:${except.source})$`, except.flags);
    const unbroken = shape.hasEscaped || shape.hasSpace ? 0 : shape.least;
    const known = { recogniser, shape, unbroken, except: whole };
    if (anchor !== undefined) return { ...known, by: anchor };
    if (!isNumber(recogniser, shape)) throw new RangeError(`nothing to look for first: ${type} ${pattern.source}`);
    const number = numbers.push({ pattern, except, isOpen: trim !== undefined });
    longestNumber = Math.max(longestNumber, shape.longest);
    return { ...known, by: { number: number - 1, pattern: new RegExp(pattern.source, 'y') } };
  });
  let automaton: NumberAutomaton | undefined;
  return {
    index: anchorIndex(
      prepared.flatMap(({ by }) => ('number' in by ? [] : [by])),
      prepared.flatMap(({ recogniser }) => recogniser.context ?? []),
    ),
    numbers: () => {
      automaton ??= numberAutomaton(numbers);
      return automaton;
    },
    ...ofRecognisers(prepared),
    longestNumber,
  };
}

/** A finder of some of the recognisers of another. */
export function narrowed(finder: Finder, isChosen: (recogniser: Recogniser) => boolean): Finder {
  return { ...finder, ...ofRecognisers(finder.recognisers.filter(({ recogniser }) => isChosen(recogniser))) };
}

/** What those that look for runs are found under. */
export const ANY_RUN = 'run';

function ofRecognisers(recognisers: readonly Prepared[]): Pick<Finder, 'recognisers' | 'seekers' | 'longest'> {
  const seekers = new Map<string | number, number[]>();
  for (const [place, { by }] of recognisers.entries()) {
    const sought = 'literals' in by ? by.literals : ['number' in by ? by.number : 'sign' in by ? by.sign : ANY_RUN];
    for (const one of sought) seekers.set(one, [...(seekers.get(one) ?? []), place]);
  }
  return { recognisers, seekers, longest: Math.max(0, ...recognisers.map(({ shape }) => shape.longest)) };
}

/** How certain a match is that its check holds for. */
export function certaintyOf({ check, score, proven = score }: Recogniser): number {
  return check === undefined ? score : proven;
}

/** Digits that a text of nothing but digits has at least when any recogniser may find something in it. */
export function leastBareDigits({ recognisers }: Finder): number {
  return Math.min(...recognisers.map(bareDigitsOf));
}

/** What it must have in it may be more than its pattern asks for. */
function bareDigitsOf({ by, shape: { bareDigits } }: Prepared): number {
  if ('number' in by) return bareDigits;
  if ('run' in by) return Math.max(by.run, bareDigits);
  const isNever = 'sign' in by || by.literals.every((literal) => /\D/.test(literal));
  return isNever ? Number.POSITIVE_INFINITY : bareDigits;
}

/** Whether something that begins in a text may go on after the quotation mark near its end. */
export function isOpenAfterQuote(text: string, { recognisers }: Finder): boolean {
  return recognisers.some(({ shape }) => shape.isQuoting && openPlace(shape, text) < text.length);
}
