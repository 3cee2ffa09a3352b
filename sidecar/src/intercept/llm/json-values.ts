/** Reading members of JSON that somebody else wrote. */

import type { Json, JsonObject } from '@portcullis/policy/model';

/** Whether it is an object. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The list, or nothing. */
export function listOf(value: Json | undefined): readonly Json[] | undefined {
  return Array.isArray(value) ? (value as readonly Json[]) : undefined;
}

/** The objects of a list; nothing unless it is a list of objects only. */
export function objectsOf(value: Json | undefined): readonly JsonObject[] | undefined {
  const list = listOf(value);
  return list?.every(isObject) === true ? list : undefined;
}

/** The text, or an empty one. */
export function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** A whole number of at least 0, or nothing. */
export function countOf(value: Json | undefined): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
