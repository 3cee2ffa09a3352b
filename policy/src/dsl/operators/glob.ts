import { RE2JS } from 're2js';
import type { Json } from '../../model/request.js';
import { ERROR, truthOf } from '../truth.js';
import { oneOrMoreFault, textsOf, valueFault } from './literal.js';
import { MAX_PATTERN_LENGTH, programFault } from './pattern.js';
import { createPatternSizes, type PatternSizes } from './pattern-sizes.js';
import type { LiteralFault, OperatorRow } from './row.js';

/** Alternatives in braces may nest this deep. */
const MAX_BRACE_DEPTH = 4;

/** `glob_match`: the whole text is as the glob says, or one of a list. */
export const GLOB_MATCH: OperatorRow = {
  fields: ['string', 'any'],
  check: (literal, _field, sizes = createPatternSizes()) =>
    oneOrMoreFault(literal, (element) => globFault(element, sizes)),
  link: (literal) => {
    const globs = textsOf(literal).map(linkGlob);
    return (value) => (typeof value === 'string' ? truthOf(globs.some((matches) => matches(value))) : ERROR);
  },
  necessary: (literal) => {
    const globs = textsOf(literal)
      .map(translate)
      .filter((glob): glob is Glob => typeof glob !== 'string');
    if (globs.every(({ rest }) => rest === '')) return { equals: globs.map(({ prefix }) => prefix) };
    const prefixes = globs.map(({ prefix }) => prefix);
    return prefixes.includes('') ? undefined : { prefixes };
  },
  patternSteps: (literal, sizes) =>
    textsOf(literal).reduce((sum, text) => {
      const glob = translate(text);
      return typeof glob === 'string' || glob.rest !== undefined ? sum : sum + Number(sizes(glob.pattern));
    }, 0),
};

/** A glob as a pattern. */
export interface Glob {
  /** RE2, to be matched against the whole text. */
  readonly pattern: string;
  /** What every match begins with. */
  readonly prefix: string;
  /** What follows the prefix, for globs that need no pattern; absent for all others. */
  readonly rest?: '' | '*' | '**';
}

function linkGlob(text: string): (value: string) => boolean {
  const glob = translate(text);
  if (typeof glob === 'string') throw new TypeError(`a compiled bundle holds a glob that is not one: ${glob}`);
  const { prefix, rest } = glob;
  if (rest === '') return (value) => value === prefix;
  if (rest === '**') return (value) => value.startsWith(prefix);
  if (rest === '*') return (value) => value.startsWith(prefix) && !value.includes('/', prefix.length);
  // Of a long list few are ever needed.
  let pattern: RE2JS | undefined;
  return (value) => {
    if (!value.startsWith(prefix)) return false;
    pattern ??= RE2JS.compile(glob.pattern);
    return pattern.testExact(value);
  };
}

function globFault(literal: Json | undefined, sizes: PatternSizes): LiteralFault | undefined {
  if (literal === undefined) return valueFault('a value is missing');
  if (typeof literal !== 'string') return valueFault('expected a glob, such as reports/*.csv');
  if (literal === '') return valueFault('an empty glob matches the empty text only');
  if (literal.length > MAX_PATTERN_LENGTH) return valueFault(`a glob has at most ${MAX_PATTERN_LENGTH} characters`);
  const glob = translate(literal);
  if (typeof glob === 'string') return valueFault(glob);
  return glob.rest === undefined ? programFault(sizes(glob.pattern)) : undefined;
}

interface Reading {
  readonly text: readonly string[];
  index: number;
}

/**
 * Translates a glob: `*` and `?` stay within a segment (between slashes), `**` does not; `[a-z]` and `[!a-z]` are one
 * character, `{a,b}` alternatives; a backslash takes the next character as it is. Says what is wrong otherwise.
 */
export function translate(text: string): Glob | string {
  const reading: Reading = { text: Array.from(text), index: 0 };
  const literal: string[] = [];
  const parts: string[] = [];
  const rest: string[] = [];
  while (reading.index < reading.text.length) {
    const from = reading.index;
    const piece = readPiece(reading, 0);
    if ('fault' in piece) return piece.fault;
    parts.push(piece.pattern);
    if (piece.literal !== undefined && rest.length === 0) literal.push(piece.literal);
    else rest.push(reading.text.slice(from, reading.index).join(''));
  }
  const tail = rest.join('');
  const simple = tail === '' || tail === '*' || tail === '**' ? ({ rest: tail } as const) : {};
  return { pattern: `(?s)${parts.join('')}`, prefix: literal.join(''), ...simple };
}

type Piece = { readonly pattern: string; readonly literal?: string } | { readonly fault: string };

function readPiece(reading: Reading, depth: number): Piece {
  const character = take(reading);
  switch (character) {
    case '*':
      if (reading.text[reading.index] !== '*') return { pattern: '[^/]*' };
      while (reading.text[reading.index] === '*') reading.index += 1;
      return { pattern: '.*' };
    case '?':
      return { pattern: '[^/]' };
    case '[':
      return readClass(reading);
    case '{':
      return readAlternatives(reading, depth);
    case '\\': {
      const escaped = take(reading);
      return escaped === undefined ? { fault: 'the glob ends in a backslash' } : verbatim(escaped);
    }
    case ']':
    case '}':
      return {
        fault: `the glob has a "${character}" that nothing opens; write \\${character} for the character itself`,
      };
    default:
      return verbatim(character ?? '');
  }
}

function readClass(reading: Reading): Piece {
  const negated = reading.text[reading.index] === '!' || reading.text[reading.index] === '^';
  if (negated) reading.index += 1;
  const ranges: string[] = [];
  for (;;) {
    const first = takeMember(reading);
    if (first === undefined) return { fault: UNCLOSED_CLASS };
    if (first === 'end') break;
    let last: Member = first;
    if (reading.text[reading.index] === '-' && reading.text[reading.index + 1] !== ']') {
      reading.index += 1;
      const end = takeMember(reading);
      if (end === undefined || end === 'end') return { fault: UNCLOSED_CLASS };
      last = end;
    }
    if (last.code < first.code) return { fault: 'the glob has a range of characters that runs backwards' };
    ranges.push(...segmentRanges(first.code, last.code));
  }
  if (ranges.length === 0) return { fault: 'the glob has a "[]" that no character of a segment matches' };
  return { pattern: negated ? `[^/${ranges.join('')}]` : `[${ranges.join('')}]` };
}

const UNCLOSED_CLASS = 'the glob has a "[" that nothing closes; write \\[ for the character itself';
const SLASH = 0x2f;

interface Member {
  readonly code: number;
}

/** The next member of a class, or that the class ends. */
function takeMember(reading: Reading): Member | 'end' | undefined {
  const character = take(reading);
  if (character === ']') return 'end';
  const member = character === '\\' ? take(reading) : character;
  return member === undefined ? undefined : { code: member.codePointAt(0) ?? 0 };
}

/** A range of characters without the slash, which no part of a segment matches. */
function segmentRanges(first: number, last: number): readonly string[] {
  const range = (from: number, to: number): readonly string[] =>
    from > to ? [] : [`\\x{${from.toString(16)}}-\\x{${to.toString(16)}}`];
  if (first > SLASH || last < SLASH) return range(first, last);
  return [...range(first, SLASH - 1), ...range(SLASH + 1, last)];
}

function readAlternatives(reading: Reading, depth: number): Piece {
  if (depth >= MAX_BRACE_DEPTH) return { fault: `the braces of a glob nest at most ${MAX_BRACE_DEPTH} deep` };
  const alternatives: string[] = [];
  let current = '';
  for (;;) {
    const next = reading.text[reading.index];
    if (next === undefined)
      return { fault: 'the glob has a "{" that nothing closes; write \\{ for the character itself' };
    if (next === ',' || next === '}') {
      reading.index += 1;
      alternatives.push(current);
      current = '';
      if (next === '}') return { pattern: `(?:${alternatives.join('|')})` };
      continue;
    }
    const piece = readPiece(reading, depth + 1);
    if ('fault' in piece) return piece;
    current += piece.pattern;
  }
}

function verbatim(character: string): Piece {
  return { pattern: RE2JS.quote(character), literal: character };
}

function take(reading: Reading): string | undefined {
  const character = reading.text[reading.index];
  reading.index += 1;
  return character;
}
