import { EMPTY, FOLD_CASE, type Instruction, OP, programOf } from '../dsl/operators/pattern-program.js';

const NEWLINE = 10;
/** The largest code point. */
export const MAX_RUNE = 0x10ffff;
const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;

/** The character before a place, as far as a pattern can tell: none, a line feed, a word character, another. */
type Before = 'none' | 'newline' | 'word' | 'other';

/** Where a pattern is after a beginning of a text. */
export interface PatternState {
  /** Equal keys: the same future. */
  readonly key: string;
  /** It has matched already, so it will whatever follows. */
  readonly matched: boolean;
  readonly places: readonly number[];
  readonly before: Before;
}

/** A pattern as an automaton over code points that says whether it matches anywhere in a text. */
export interface PatternAutomaton {
  readonly start: PatternState;
  next(state: PatternState, rune: number): PatternState;
  /** Whether a text that ends here matches. */
  accepts(state: PatternState): boolean;
  /** Code points at which the pattern begins to treat characters differently, ascending. */
  readonly breaks: readonly number[];
}

/** The automaton of an RE2 pattern; nothing when it uses what cannot be followed here, such as folding beyond ASCII. */
export function patternAutomaton(pattern: string): PatternAutomaton | undefined {
  const program = programOf(pattern);
  if (program === undefined) return undefined;
  const { inst, start } = program;
  if (program.numLb > 0 || inst.some((one) => one.op > OP.runeAnyNotNewline)) return undefined;
  const breaks = breaksOf(inst);
  if (breaks === undefined) return undefined;

  const closure = (
    places: readonly number[],
    flags: number,
  ): { readonly runes: readonly number[]; readonly matched: boolean } => {
    const seen = new Set<number>();
    const runes: number[] = [];
    let matched = false;
    const stack = [...places, start];
    for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
      if (seen.has(place)) continue;
      seen.add(place);
      const one = inst[place];
      if (one === undefined) continue;
      if (one.op === OP.match) matched = true;
      else if (one.op === OP.alt || one.op === OP.altMatch) stack.push(one.out, one.arg);
      else if (one.op === OP.capture || one.op === OP.nop) stack.push(one.out);
      else if (one.op === OP.emptyWidth) {
        if ((one.arg & ~flags) === 0) stack.push(one.out);
      } else if (one.op >= OP.rune) runes.push(place);
    }
    return { runes, matched };
  };

  const stateOf = (places: readonly number[], before: Before, matched: boolean): PatternState => {
    if (matched) return { key: '+', matched, places: [], before: 'other' };
    const ordered = places.toSorted((a, b) => a - b);
    return { key: `${before[0]}${ordered.join(',')}`, matched, places: ordered, before };
  };

  return {
    breaks,
    start: stateOf([], 'none', false),
    next(state, rune) {
      if (state.matched) return state;
      const { runes, matched } = closure(state.places, flagsAt(state.before, rune));
      if (matched) return stateOf([], 'other', true);
      const after = new Set<number>();
      for (const place of runes) {
        const one = inst[place];
        if (one !== undefined && takes(one, rune)) after.add(one.out);
      }
      return stateOf([...after], beforeOf(rune), false);
    },
    accepts: (state) => state.matched || closure(state.places, flagsAt(state.before, undefined)).matched,
  };
}

function takes(one: Instruction, rune: number): boolean {
  if (one.op === OP.runeAny) return true;
  if (one.op === OP.runeAnyNotNewline) return rune !== NEWLINE;
  return one.matchRune(rune);
}

function isWord(rune: number): boolean {
  return (rune >= 48 && rune <= 57) || (rune >= 65 && rune <= 90) || rune === 95 || (rune >= 97 && rune <= 122);
}

function beforeOf(rune: number): Before {
  if (rune === NEWLINE) return 'newline';
  return isWord(rune) ? 'word' : 'other';
}

function flagsAt(before: Before, next: number | undefined): number {
  let flags = 0;
  if (before === 'none') flags |= EMPTY.beginText | EMPTY.beginLine;
  if (before === 'newline') flags |= EMPTY.beginLine;
  if (next === undefined) flags |= EMPTY.endText | EMPTY.endLine;
  if (next === NEWLINE) flags |= EMPTY.endLine;
  const boundary = (before === 'word') !== (next !== undefined && isWord(next));
  return flags | (boundary ? EMPTY.wordBoundary : EMPTY.noWordBoundary);
}

/** Where the pattern's treatment of characters changes; nothing when that is not known. */
function breaksOf(inst: readonly Instruction[]): readonly number[] | undefined {
  const breaks = new Set<number>([0, FIRST_SURROGATE, LAST_SURROGATE + 1]);
  const range = (low: number, high: number): void => {
    breaks.add(low);
    breaks.add(high + 1);
  };
  for (const one of inst) {
    if (one.op === OP.runeAnyNotNewline) range(NEWLINE, NEWLINE);
    if (one.op === OP.emptyWidth) {
      for (const [low, high] of [
        [NEWLINE, NEWLINE],
        [48, 57],
        [65, 90],
        [95, 95],
        [97, 122],
      ] as const)
        range(low, high);
    }
    if (one.op !== OP.rune && one.op !== OP.rune1) continue;
    const { runes } = one;
    if (runes.length === 1) {
      const variants = (one.arg & FOLD_CASE) === 0 ? [runes[0] ?? 0] : asciiFolds(runes[0] ?? 0);
      if (variants === undefined) return undefined;
      for (const rune of variants) range(rune, rune);
      continue;
    }
    for (let at = 0; at + 1 < runes.length; at += 2) range(runes[at] ?? 0, runes[at + 1] ?? 0);
  }
  return [...breaks].filter((rune) => rune <= MAX_RUNE).sort((a, b) => a - b);
}

/** The code points that RE2 takes for this ASCII character without regard to case; nothing for others. */
function asciiFolds(rune: number): readonly number[] | undefined {
  if (rune > 127) return undefined;
  const text = String.fromCharCode(rune);
  const variants = [text.toLowerCase(), text.toUpperCase()].map((one) => one.charCodeAt(0));
  // The Kelvin sign and the long s fold to ASCII letters.
  if (text.toLowerCase() === 'k') variants.push(0x212a);
  if (text.toLowerCase() === 's') variants.push(0x17f);
  return variants;
}

/** Whether a code point can stand in a well-formed text. */
export function isTextRune(rune: number): boolean {
  return rune >= 0 && rune <= MAX_RUNE && (rune < FIRST_SURROGATE || rune > LAST_SURROGATE);
}
