/** The steps of many patterns, one after the other, over characters that are told apart only where some pattern does. */

import { patternSteps, type StepTaker } from './pattern-shape.js';

/** A pattern of numbers, in the case that it is written in. */
export interface NumberPattern {
  readonly pattern: RegExp;
  /** What is none though the pattern matches it whole. */
  readonly except?: RegExp | undefined;
  /** Whether a match may end inside of a word, because something at its end is cut off later. */
  readonly isOpen: boolean;
}

/** The code that stands for every character outside of ASCII. The one that has it is no text, and is taken for one of them. */
export const OTHERS = 127;

/** What is reached without reading anything: steps that may come, in order, and the patterns that have matched by then. */
interface Reached {
  readonly steps: readonly number[];
  readonly ends: readonly number[];
}

/** Places in patterns, by number. */
export interface Nodes {
  readonly start: number;
  readonly closure: (nodes: readonly number[]) => Reached;
  /** Characters that no step tells apart, by their codes; {@link OTHERS} stands for all outside of ASCII. */
  readonly classes: readonly (readonly number[])[];
  /** Whether any step reads a character of this code. */
  readonly isRead: (code: number) => boolean;
  /** Where a step leads when a character of this code comes. */
  readonly reads: (step: number, code: number) => readonly number[];
}

/** Reads the steps of patterns. */
export function nodesOf(patterns: readonly NumberPattern[]): Nodes {
  // Of a step, what it reads and where it leads; of a fork, its two ways; of an end, its pattern.
  const kinds: ('step' | 'fork' | 'end' | 'exception')[] = [];
  const one: number[] = [];
  const other: number[] = [];
  const characters = new Map<string, number>();
  const add = (kind: (typeof kinds)[number], first: number, second = 0): number => {
    one.push(first);
    other.push(second);
    return kinds.push(kind) - 1;
  };
  const taker: StepTaker = {
    step(character, to) {
      const known = characters.get(character) ?? characters.size;
      characters.set(character, known);
      return add('step', known, to);
    },
    fork: (first, second) => add('fork', first, second),
  };
  let start = taker.step('[]', 0);
  for (const [index, { pattern, except }] of patterns.entries()) {
    start = taker.fork(start, patternSteps(pattern)(taker, add('end', index)));
    if (except !== undefined) start = taker.fork(start, patternSteps(except)(taker, add('exception', index)));
  }
  const { classes, members } = classesOf([...characters.keys()]);

  return {
    start,
    classes,
    closure(nodes) {
      const seen = new Set<number>();
      const ends = new Set<number>();
      const exceptions = new Set<number>();
      const steps: number[] = [];
      const open = [...nodes];
      for (let node = open.pop(); node !== undefined; node = open.pop()) {
        if (seen.has(node)) continue;
        seen.add(node);
        const [first, second] = [one[node] as number, other[node] as number];
        if (kinds[node] === 'step') steps.push(node);
        else if (kinds[node] === 'fork') open.push(first, second);
        else (kinds[node] === 'end' ? ends : exceptions).add(first);
      }
      return {
        steps: steps.toSorted((a, b) => a - b),
        ends: [...ends.difference(exceptions)].toSorted((a, b) => a - b),
      };
    },
    isRead: (code) => members[code]?.size !== 0,
    reads: (step, code) => (members[code]?.has(one[step] as number) === true ? [other[step] as number] : []),
  };
}

interface Classes {
  readonly classes: readonly (readonly number[])[];
  /** Which of the steps' characters each code may be. */
  readonly members: readonly ReadonlySet<number>[];
}

function classesOf(characters: readonly string[]): Classes {
  const tests = characters.map((character) => new RegExp(`^(?:${character})$`));
  const all = [...characters.keys()];
  const classes = new Map<string, number[]>();
  const members = Array.from({ length: OTHERS + 1 }, (_unused, code) => {
    const symbol = String.fromCharCode(code);
    const own = all.filter((index) =>
      code === OTHERS ? mayBeOther(characters[index] ?? '') : tests[index]?.test(symbol),
    );
    classes.set(own.join(), [...(classes.get(own.join()) ?? []), code]);
    return new Set(own);
  });
  return { classes: [...classes.values()], members };
}

/** Whether a pattern of one character may be one outside of ASCII. */
function mayBeOther(character: string): boolean {
  return /[^\x20-\x7e]|\\[DWSpPu]|\\s|^\.$|^\[\^/.test(character);
}
