import { z } from 'zod';
import { BUILT_IN_FIELDS, findField } from '../dsl/fields.js';
import { didYouMean } from '../dsl/nearest.js';
import { MAX_PATTERNS, type TextPatterns } from '../dsl/operators/text-matches.js';
import { operatorRow } from '../dsl/operators.js';
import type { JsonObject } from '../model/request.js';
import { any, leaf } from './condition-text.js';
import { fieldAt, patternText } from './config-values.js';

/** What seed 003 calls the texts of a request. */
const ALIASES = { query: 'request.query', output: 'request.output', arguments: 'tool.arguments' } as const;
/** The names of texts that are not field paths. */
export const TEXT_ALIASES: readonly string[] = Object.keys(ALIASES);

const MAX_FIELDS = 100;

/** RE2 patterns that are searched for in one pass. */
export function patternTexts(): z.ZodArray<z.ZodString> {
  return z
    .array(patternText())
    .min(1)
    .max(MAX_PATTERNS)
    .superRefine((patterns, context) => {
      const fault = operatorRow('text_matches').check({ patterns }, fieldAt(ALIASES.query));
      // What is wrong with one of them is said at its own place.
      if (fault?.at.length === 1) context.addIssue({ code: 'custom', message: fault.message, input: patterns });
    });
}

/** The texts that are searched: a short name, or the path of a field. */
export function checkedFields(): z.ZodArray<z.ZodString> {
  const name = z
    .string()
    .min(1)
    .superRefine((text, context) => {
      const problem = faultOf(text);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem, input: text });
    });
  return z.array(name).min(1).max(MAX_FIELDS);
}

/** Some pattern matches some text inside some of the fields. A field that is not there has no text. */
export function matchesSomewhere(fields: readonly string[], patterns: TextPatterns): JsonObject {
  return any(fields.map((field) => leaf(pathOf(field), 'text_matches', patterns as unknown as JsonObject)));
}

function pathOf(name: string): string {
  return Object.hasOwn(ALIASES, name) ? ALIASES[name as keyof typeof ALIASES] : name;
}

function faultOf(name: string): string | undefined {
  const lookup = findField(pathOf(name));
  if (!('field' in lookup)) {
    const meant = didYouMean(name, [...TEXT_ALIASES, ...BUILT_IN_FIELDS]);
    return `"${name}" is neither one of ${TEXT_ALIASES.join(', ')} nor the path of a field${meant}`;
  }
  const { field } = lookup;
  return operatorRow('text_matches').fields.includes(field.type) ? undefined : `${field.path} holds no text`;
}
