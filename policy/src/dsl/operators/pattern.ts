import type { Json } from '../../model/request.js';
import { ERROR, truthOf } from '../truth.js';
import { anchoredPrefix } from './pattern-program.js';
import { createPatternSearches } from './pattern-search.js';
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
  link: (literal, { path }, { searchOf = createPatternSearches() }) => {
    const matches = searchOf(literal as string, path);
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
