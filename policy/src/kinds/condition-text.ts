/** Conditions as the DSL writes them: what a kind's `violation` is put together from. */

import type { Json, JsonObject } from '../model/request.js';

/** One comparison. */
export function leaf(field: string, operator: string, value: Json): JsonObject {
  return { field, operator, value };
}

/** The field is there. */
export function present(field: string): JsonObject {
  return leaf(field, 'exists', true);
}

/** The field is not there. */
export function absent(field: string): JsonObject {
  return leaf(field, 'exists', false);
}

/** All of them hold; at least one is given. */
export function all(conditions: readonly JsonObject[]): JsonObject {
  return group('and', conditions);
}

/** Some of them holds; at least one is given. */
export function any(conditions: readonly JsonObject[]): JsonObject {
  return group('or', conditions);
}

/** It does not hold. */
export function not(condition: JsonObject): JsonObject {
  return { operator: 'not', conditions: [condition] };
}

/**
 * The field is there and the comparison holds. Unlike of a bare comparison, the opposite of this is true of a missing
 * field whatever the policy's action, so a violation and compliance are exact opposites.
 */
export function known(field: string, operator: string, value: Json): JsonObject {
  return all([present(field), leaf(field, operator, value)]);
}

/** The field's text is one of these, or matches one of those that have wildcards (see {@link wildcards}). */
export function oneOf(field: string, texts: readonly string[]): JsonObject {
  const globs = wildcards(texts.filter(hasWildcards));
  const plain = texts.filter((text) => !hasWildcards(text));
  const accepted = any([
    ...(plain.length === 0 ? [] : [leaf(field, 'in', plain)]),
    ...(globs.length === 0 ? [] : [leaf(field, 'glob_match', globs)]),
  ]);
  return all([present(field), accepted]);
}

/**
 * Names with wildcards, as globs. Names are not paths, even where one has a slash: a `*` is any text, so that what forbids
 * `send_*` also forbids `send_a/b`.
 */
export function wildcards(names: readonly string[]): readonly string[] {
  return names.map((name) => name.replace(/\\[\s\S]|\*+/g, (part) => (part.startsWith('*') ? '**' : part)));
}

/** In a list of names: every text. */
export const ANYTHING = '*';

/** Whether a name has wildcards (or escapes) and so is not just itself. */
export function hasWildcards(text: string): boolean {
  return /[*?[\]{}\\]/.test(text);
}

function group(operator: 'and' | 'or', conditions: readonly JsonObject[]): JsonObject {
  const [only] = conditions;
  return only !== undefined && conditions.length === 1 ? only : { operator, conditions };
}
