/** Whether something holds of a request, written as plainly as possible: for the reference of typed policies. */
import type { ContextualRequest, Json } from '@portcullis/policy/model';
import { kindOf } from '@portcullis/policy/model';
import { matchesName } from './reference-values.js';

/** Whether something holds, or that it cannot be said. */
export type Holds = boolean | 'error';

/** It does not hold. */
export function not(held: Holds): Holds {
  return held === 'error' ? 'error' : !held;
}

/** All of them hold. */
export function every(parts: readonly Holds[]): Holds {
  if (parts.includes(false)) return false;
  return parts.includes('error') ? 'error' : true;
}

/** One of them holds. */
export function some(parts: readonly Holds[]): Holds {
  if (parts.includes(true)) return true;
  return parts.includes('error') ? 'error' : false;
}

/** The value at a path of plain names; `error` when the path leads through something that is not an object. */
export function at(request: ContextualRequest, path: string): { readonly value: Json } | 'missing' | 'error' {
  if (path === 'kind') return { value: kindOf(request) };
  let value = request as unknown as Json;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'error';
    const member = new Map(Object.entries(value)).get(name);
    if (member === undefined) return 'missing';
    value = member;
  }
  return { value };
}

/** A missing field is not as asked. */
export function ask<T extends Json>(
  request: ContextualRequest,
  path: string,
  is: (value: Json) => value is T,
  holds: (value: T) => Holds,
): Holds {
  const found = at(request, path);
  if (typeof found === 'string') return found === 'missing' ? false : 'error';
  return is(found.value) ? holds(found.value) : 'error';
}

/** Types of values. */
export const isText = (value: Json): value is string => typeof value === 'string';
export const isNumber = (value: Json): value is number => typeof value === 'number';
export const isTexts = (value: Json): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');
export const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

/** The field is there. */
export function isThere(request: ContextualRequest, path: string): Holds {
  const found = at(request, path);
  return typeof found === 'string' ? (found === 'error' ? 'error' : false) : true;
}

/** The field is not there. */
export function isMissing(request: ContextualRequest, path: string): Holds {
  return not(isThere(request, path));
}

/** The text is as one of the names, which may have wildcards. */
export function isOneOf(request: ContextualRequest, path: string, accepted: unknown): Holds {
  return ask(request, path, isText, (text) => (accepted as readonly string[]).some((glob) => matchesName(text, glob)));
}

/** The value is one of these. */
export function isAmong(request: ContextualRequest, path: string, accepted: unknown): Holds {
  const list = accepted as readonly (string | number)[];
  const [first] = list;
  const isSameType = (value: Json): value is string | number => typeof value === typeof first;
  return ask<string | number>(request, path, isSameType, (value) => list.includes(value));
}
