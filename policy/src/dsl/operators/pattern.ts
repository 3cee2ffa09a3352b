import { RE2JS } from 're2js';
import type { Json } from '../../model/request.js';
import { ERROR, truthOf } from '../truth.js';
import { rememberLast } from './last-result.js';
import { createPatternSizes, type PatternSizes } from './pattern-sizes.js';
import type { LiteralFault, OperatorRow } from './row.js';

/** A longer pattern is a mistake, or an attempt on the compiler. */
export const MAX_PATTERN_LENGTH = 2048;
/** Instructions of the compiled pattern: bounds the time per character. */
export const MAX_PATTERN_PROGRAM = 4096;

/** `regex_match`: an RE2 pattern, searched for. */
export const REGEX_MATCH: OperatorRow = {
  fields: ['string', 'any'],
  check: (literal, _field, sizes) => patternFault(literal, sizes),
  link: (literal) => {
    // Rules that ask the same of a field share this comparison, so the pattern runs once per request.
    const pattern = RE2JS.compile(literal as string);
    const matches = rememberLast((text: string) => pattern.test(text));
    return (value) => (typeof value === 'string' ? truthOf(matches(value)) : ERROR);
  },
  necessary: (literal) => {
    const prefix = anchoredPrefix(literal as string);
    return prefix === '' ? undefined : { prefixes: [prefix] };
  },
  patternSteps: (literal, sizes) => Number(sizes(literal as string)),
};

/** What is wrong with a regular expression, if anything. */
export function patternFault(
  literal: Json | undefined,
  sizes: PatternSizes = createPatternSizes(),
): LiteralFault | undefined {
  if (typeof literal !== 'string') return fault('expected a regular expression');
  if (literal === '') return fault('an empty pattern matches every text');
  if (literal.length > MAX_PATTERN_LENGTH) return fault(`a pattern has at most ${MAX_PATTERN_LENGTH} characters`);
  return programFault(sizes(literal));
}

/** What is wrong with a pattern of this size. */
export function programFault(size: number | string): LiteralFault | undefined {
  if (typeof size === 'string') return fault(`not an RE2 pattern: ${size}`);
  if (size <= MAX_PATTERN_PROGRAM) return undefined;
  return fault(`the compiled pattern has ${size} steps, at most ${MAX_PATTERN_PROGRAM}`);
}

function fault(message: string): LiteralFault {
  return { code: 'ERR_POLICY_REGEX_INVALID', message, at: [] };
}

const META = new Set('.+*?()|[]{}^$\\');
/** Alternatives; and flags and quotes, which may stand for nothing, so that a `*` behind them repeats what is before. */
const UNSURE = /\||\(\?|\\[QE]/;
/** Escapes that stand for the character itself. */
const ESCAPED = /^[^A-Za-z0-9\s]$/;

/**
 * The text that every match begins with, of a pattern such as `^mcp://files/`; empty when none is certain. Reads only
 * what it surely understands: an alternative anywhere, or a flag, ends the reading.
 */
export function anchoredPrefix(pattern: string): string {
  if (!pattern.startsWith('^') || UNSURE.test(pattern)) return '';
  const literal: string[] = [];
  const characters = Array.from(pattern.slice(1));
  for (let index = 0; index < characters.length; index += 1) {
    let character = characters[index] ?? '';
    if (character === '\\' && ESCAPED.test(characters[index + 1] ?? '')) {
      index += 1;
      character = characters[index] ?? '';
    } else if (META.has(character)) {
      break;
    }
    const next = characters[index + 1];
    // What may be repeated may also be absent, but for a `+` that is not itself repeated.
    if (mayRepeat(next) && (next !== '+' || mayRepeat(characters[index + 2]))) break;
    literal.push(character);
  }
  return literal.join('');
}

function mayRepeat(character: string | undefined): boolean {
  return character === '*' || character === '?' || character === '+' || character === '{';
}
