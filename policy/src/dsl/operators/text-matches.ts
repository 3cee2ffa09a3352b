import { RE2JS, RE2Set } from 're2js';
import type { Json, JsonObject } from '../../model/request.js';
import type { Field } from '../fields.js';
import { FALSE, TRUE, type Truth } from '../truth.js';
import { valueFault } from './literal.js';
import { patternFault } from './pattern.js';
import { createPatternSizes, type PatternSizes } from './pattern-sizes.js';
import type { Literal, LiteralFault, OperatorRow } from './row.js';

/** Patterns of one literal. */
export const MAX_PATTERNS = 1000;
/** Instructions of all patterns of one literal together. */
const MAX_SET_PROGRAM = 65_536;

/** The literal of `text_matches`. */
export interface TextPatterns {
  /** RE2, searched for. */
  readonly patterns: readonly string[];
  /** Absent: as written. */
  readonly case_insensitive?: boolean;
}

/**
 * `text_matches`: some text inside the value, at any depth, has a match of some pattern. The names of an object's
 * members are not searched. A value without any text, such as a number, has no match.
 */
export const TEXT_MATCHES: OperatorRow = {
  fields: ['string', 'string_list', 'object', 'any'],
  internal: true,
  check: patternsFault,
  link: (literal) => {
    const { patterns, case_insensitive } = literal as unknown as TextPatterns;
    const set = new RE2Set(RE2Set.UNANCHORED, case_insensitive === true ? RE2JS.CASE_INSENSITIVE : 0);
    for (const pattern of patterns) set.add(pattern);
    set.compile();
    return (value) => anyText(value, (text) => set.match(text).length > 0);
  },
  patternSteps: stepsOf,
};

/** Whether some text inside a value is as asked. The parser of requests bounds the depth. */
function anyText(root: Json, matches: (text: string) => boolean): Truth {
  const open: Json[] = [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value === 'string') {
      if (matches(value)) return TRUE;
    } else if (typeof value === 'object' && value !== null) {
      open.push(...(Array.isArray(value) ? (value as readonly Json[]) : Object.values(value)));
    }
  }
  return FALSE;
}

function patternsFault(
  literal: Json | undefined,
  _field: Field,
  sizes: PatternSizes = createPatternSizes(),
): LiteralFault | undefined {
  const written = typeof literal === 'object' && literal !== null ? (literal as JsonObject) : {};
  const patterns = written['patterns'];
  if (!Array.isArray(patterns) || patterns.length === 0) return valueFault('expected a list of patterns', 'patterns');
  if (patterns.length > MAX_PATTERNS) return valueFault(`a list has at most ${MAX_PATTERNS} patterns`, 'patterns');
  for (const [index, pattern] of (patterns as readonly Json[]).entries()) {
    const fault = patternFault(pattern, sizes);
    if (fault !== undefined) return { ...fault, at: ['patterns', index] };
  }
  const insensitive = written['case_insensitive'];
  if (insensitive !== undefined && typeof insensitive !== 'boolean') {
    return valueFault('expected true or false', 'case_insensitive');
  }
  const steps = stepsOf(literal as Literal, sizes);
  return steps > MAX_SET_PROGRAM
    ? valueFault(`the compiled patterns have ${steps} steps together, at most ${MAX_SET_PROGRAM}`, 'patterns')
    : undefined;
}

function stepsOf(literal: Literal, sizes: PatternSizes): number {
  const { patterns, case_insensitive } = literal as unknown as TextPatterns;
  const options = { caseInsensitive: case_insensitive === true };
  return patterns.reduce((sum, pattern) => sum + Number(sizes(pattern, options)), 0);
}
