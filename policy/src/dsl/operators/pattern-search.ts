import { RE2Set } from 're2js';
import { anchoredPrefix } from './pattern-program.js';

/** Whether a text has a match. */
export type PatternSearch = (text: string) => boolean;

/** Binds a pattern that RE2 takes, which is asked of a field. */
export type PatternSearches = (pattern: string, field: string) => PatternSearch;

/**
 * Patterns that are looked for in one pass. The automaton of many more has so many states that it is begun anew again
 * and again, and is then slower than one pattern after the other.
 */
const MAX_PATTERNS_OF_A_PASS = 16;
/** Bytes that the automaton of one pass may take; RE2 begins it anew, or goes on without, when it needs more. */
const MAX_AUTOMATON_BYTES = 1024 * 1024;

/** Looks for several patterns at once, and remembers the last text. */
class Pass {
  readonly #patterns: string[] = [];
  #set: RE2Set | undefined;
  #last: { readonly text: string; readonly found: ReadonlySet<number> } | undefined;

  get isFull(): boolean {
    return this.#patterns.length === MAX_PATTERNS_OF_A_PASS;
  }

  /** One pattern more; the others' searches stay as they are. */
  add(pattern: string): PatternSearch {
    const place = this.#patterns.push(pattern) - 1;
    this.#set = undefined;
    this.#last = undefined;
    return (text) => this.#find(text).has(place);
  }

  #find(text: string): ReadonlySet<number> {
    if (this.#last?.text !== text) {
      this.#set ??= setOf(this.#patterns);
      this.#last = { text, found: new Set(this.#set.match(text)) };
    }
    return this.#last.found;
  }
}

function setOf(patterns: readonly string[]): RE2Set {
  const set = new RE2Set(RE2Set.UNANCHORED, 0, MAX_AUTOMATON_BYTES);
  for (const pattern of patterns) set.add(pattern);
  return set;
}

/** Searches for one bundle: patterns that are asked of one field are looked for together. */
export function createPatternSearches(): PatternSearches {
  const open = new Map<string, Pass>();
  return (pattern, field) => {
    // The index tells apart what begins differently, so that of such patterns hardly one is asked.
    if (anchoredPrefix(pattern) !== '') return new Pass().add(pattern);
    let pass = open.get(field);
    if (pass === undefined || pass.isFull) {
      pass = new Pass();
      open.set(field, pass);
    }
    return pass.add(pattern);
  };
}
