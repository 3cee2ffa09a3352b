/** The values that configs of typed policies are made of, with messages that say what was probably meant. */

import { z } from 'zod';
import { type Field, findField } from '../dsl/fields.js';
import { didYouMean } from '../dsl/nearest.js';
import { type BaseOperator, operatorRow } from '../dsl/operators.js';

/** Entries of a list in a config; longer ones belong into several policies. */
export const MAX_ENTRIES = 1000;
/** Names that a list of a config may have. */
const MAX_NAMES = 10_000;
const MAX_TEXT = 512;

/** An object without other keys than these; an unknown one is compared with those that it has. */
export function strictConfig<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined;
      const [key] = issue.keys as readonly string[];
      return key === undefined ? undefined : didYouMean(key, Object.keys(shape));
    },
  });
}

/** One of a closed list of words. */
export function wordOf<const T extends readonly [string, ...string[]]>(
  words: T,
): z.ZodEnum<z.core.util.ToEnum<T[number]>> {
  return z.enum(words, {
    error: ({ input }) =>
      typeof input === 'string' ? `"${input}" is not one of ${words.join(', ')}${didYouMean(input, words)}` : undefined,
  });
}

/** One value, or a list of them. What is wrong with it is said of the spelling that was written. */
export function oneOrMore<T extends z.ZodType>(
  one: T,
  expected: string,
  limit = MAX_ENTRIES,
): z.ZodUnion<readonly [T, z.ZodArray<T>]> {
  const list = z.array(one).min(1).max(limit);
  return z.union([one, list], {
    error: ({ input }) => {
      const issue = Array.isArray(input)
        ? list.safeParse(input).error?.issues[0]
        : one.safeParse(input).error?.issues[0];
      // A value of another type altogether is best told what is expected.
      if (issue === undefined || issue.code === 'invalid_type') return expected;
      const place = issue.path.map((part) => (typeof part === 'number' ? `[${part}]` : String(part))).join('');
      return place === '' ? issue.message : `${place}: ${issue.message}`;
    },
  });
}

/** A text that an operator accepts as its literal for a field, so that a config cannot hold what would not compile. */
export function literalOf(operator: BaseOperator, path: string): z.ZodString {
  return z
    .string()
    .min(1)
    .superRefine((text, context) => {
      const fault = operatorRow(operator).check(text, fieldAt(path));
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault.message, input: text });
    });
}

/** A name, which may have wildcards. */
export function wildcardName(path: string): z.ZodString {
  return literalOf('glob_match', path).max(MAX_TEXT);
}

/** A list of names, which may have wildcards. */
export function wildcardNames(path: string): z.ZodArray<z.ZodString> {
  return z.array(wildcardName(path)).min(1).max(MAX_NAMES);
}

/** An RE2 pattern. */
export function patternText(): z.ZodString {
  return literalOf('regex_match', 'request.query');
}

/** A field that compiles, for a config that names one. */
export function fieldAt(path: string): Field {
  const lookup = findField(path);
  if ('field' in lookup) return lookup.field;
  throw new TypeError(lookup.problem);
}
