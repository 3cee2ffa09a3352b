/**
 * All patterns of numbers as one automaton: one walk from a place tells which of them may match there, and most walks end after a
 * few characters. States are made when a text first needs them (Thompson 1968; R. Cox, "Regular Expression Matching Can Be Simple
 * And Fast").
 */

import { type NumberPattern, nodesOf, OTHERS } from './number-nodes.js';
import { isWord } from './word-edges.js';

/** Where the patterns may match. */
export interface NumberAutomaton {
  /**
   * Names the patterns that may have a match from `at` on that ends where a word does; none that has one is left out. In no order,
   * and one may be named twice.
   */
  readonly walk: (text: string, at: number, name: (pattern: number) => void) => void;
  /** 1 for every character, by its code, that a match may begin with; {@link OTHERS} stands for all outside of ASCII. */
  readonly begins: Uint8Array;
  /** 1 for those that may be in a match. */
  readonly has: Uint8Array;
  /** How many states there are by now. */
  readonly states: () => number;
}

/** Bound of the states that are kept, some 1.2 kB each. All numbers together have fewer (13,786); with more, they are made anew. */
const MOST_STATES = 16_384;
const DEAD = 0;
const START = 1;
const UNKNOWN = -1;
/** Codes of characters: a state's row in the table of what follows. */
const ROW_BITS = 7;

/** Prepares the automaton of these patterns, which are known by their places. */
export function numberAutomaton(patterns: readonly NumberPattern[], mostStates: number = MOST_STATES): NumberAutomaton {
  const { start, closure, classes, isRead, reads } = nodesOf(patterns);
  const classOf = new Map(classes.flatMap((codes) => codes.map((code) => [code, codes] as const)));
  const byKey = new Map<string, number>();
  const sets: (readonly number[])[] = [];
  const ends: (readonly number[])[] = [];
  let next = new Int16Array(0);
  let hasEnd = new Uint8Array(0);

  const stateOf = (nodes: readonly number[]): number => {
    const set = closure(nodes);
    const key = `${set.steps.join()};${set.ends.join()}`;
    const known = byKey.get(key);
    if (known !== undefined) return known;
    const state = sets.push(set.steps) - 1;
    ends.push(set.ends);
    byKey.set(key, state);
    if (state === hasEnd.length) {
      const [was, ended] = [next, hasEnd];
      hasEnd = new Uint8Array(Math.max(64, 2 * state));
      hasEnd.set(ended);
      next = new Int16Array(hasEnd.length << ROW_BITS).fill(UNKNOWN);
      next.set(was);
    }
    hasEnd[state] = set.ends.length > 0 ? 1 : 0;
    return state;
  };
  const begin = (): void => {
    byKey.clear();
    sets.length = 0;
    ends.length = 0;
    next.fill(UNKNOWN);
    stateOf([]);
    stateOf([start]);
  };
  /** The state after a character, which was not needed before. */
  const follow = (state: number, code: number): number => {
    const after = (sets[state] ?? []).flatMap((step) => reads(step, code));
    if (sets.length >= mostStates) {
      begin();
      return stateOf(after);
    }
    const made = stateOf(after);
    for (const same of classOf.get(code) ?? []) next[(state << ROW_BITS) | same] = made;
    return made;
  };
  begin();

  const codes = Array.from({ length: OTHERS + 1 }, (_unused, code) => code);
  return {
    begins: Uint8Array.from(codes, (code) => Number(sets[START]?.some((step) => reads(step, code).length > 0))),
    has: Uint8Array.from(codes, (code) => Number(isRead(code))),
    walk(text, at, name) {
      const { length } = text;
      let state = START;
      for (let to = at; to < length; to += 1) {
        const unit = text.charCodeAt(to);
        const code = Math.min(unit, OTHERS);
        const known = next[(state << ROW_BITS) | code] as number;
        state = known === UNKNOWN ? follow(state, code) : known;
        if (state === DEAD) return;
        if (hasEnd[state] === 1) {
          const isEdge = !isWord(text, to + 1);
          for (const pattern of ends[state] ?? []) if (isEdge || patterns[pattern]?.isOpen === true) name(pattern);
        }
      }
    },
    states: () => sets.length,
  };
}
