import { RE2JS } from 're2js';

/** One instruction of a compiled RE2 pattern, as the library lays it out. */
export interface Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  readonly runes: ArrayLike<number>;
  matchRune(rune: number): boolean;
}

/** A compiled RE2 pattern. */
export interface PatternProgram {
  /** The first instruction. */
  readonly start: number;
  readonly inst: readonly Instruction[];
  /** How often it looks behind. */
  readonly numLb: number;
}

/** The opcodes of the library's programs. */
export const OP = {
  alt: 1,
  altMatch: 2,
  capture: 3,
  emptyWidth: 4,
  fail: 5,
  match: 6,
  nop: 7,
  rune: 8,
  rune1: 9,
  runeAny: 10,
  runeAnyNotNewline: 11,
} as const;

/** An instruction with this in its argument takes a character in either case. */
export const FOLD_CASE = 1;

/** Conditions on the place between two characters. */
export const EMPTY = {
  beginLine: 1,
  endLine: 2,
  beginText: 4,
  endText: 8,
  wordBoundary: 16,
  noWordBoundary: 32,
} as const;

/** What RE2 compiles a pattern to; nothing for one that it refuses. */
export function programOf(pattern: string): PatternProgram | undefined {
  try {
    return RE2JS.compile(pattern).re2().prog;
  } catch {
    return undefined;
  }
}

/** What a character that is not one, such as half of a surrogate pair, is read as. */
const RUNE_ERROR = 0xfffd;
const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;

/**
 * The text that every match begins with, of a pattern that only matches at the beginning of a text, such as
 * `^mcp://files/(a|b)`; empty when none is certain. Follows the program for as long as there is one way through it.
 */
export function anchoredPrefix(pattern: string): string {
  const program = programOf(pattern);
  if (program === undefined) return '';
  let isAnchored = false;
  let prefix = '';
  // Every way back to where it was goes through an alternative, which ends the walk.
  for (let one = program.inst[program.start]; one !== undefined; one = program.inst[one.out]) {
    if (one.op === OP.capture || one.op === OP.nop) continue;
    if (one.op === OP.emptyWidth && one.arg === EMPTY.beginText && prefix === '') {
      isAnchored = true;
      continue;
    }
    const rune = isAnchored ? onlyRune(one) : undefined;
    if (rune === undefined) break;
    prefix += String.fromCodePoint(rune);
  }
  return prefix;
}

/** The one character that an instruction takes, if it takes only one. */
function onlyRune({ op, arg, runes }: Instruction): number | undefined {
  const [rune] = Array.from(runes);
  if ((op !== OP.rune && op !== OP.rune1) || runes.length !== 1 || rune === undefined) return undefined;
  const isText = rune !== RUNE_ERROR && (rune < FIRST_SURROGATE || rune > LAST_SURROGATE);
  return isText && (arg & FOLD_CASE) === 0 ? rune : undefined;
}
