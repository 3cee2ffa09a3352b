/** How a field of a request is read. One reader for whoever decides and whoever keeps decisions: they must not differ. */

import type { Json } from './request.js';

/** The request does not have the field. */
export const MISSING: unique symbol = Symbol('missing');
/** The path leads through something that is not an object, so the field has no value: an error, never "missing". */
export const BROKEN: unique symbol = Symbol('broken');
/** What reading a field gives. */
export type Reading = Json | typeof MISSING | typeof BROKEN;

/** What is at `segments[from]` to `segments[to - 1]` below `root`. Never throws and never follows a prototype. */
export function readSegments(root: unknown, segments: readonly string[], from: number, to: number): Reading {
  let value = root;
  for (let index = from; index < to; index += 1) {
    const segment = segments[index] as string;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return BROKEN;
    if (!Object.hasOwn(value, segment)) return MISSING;
    value = (value as { readonly [name: string]: unknown })[segment];
    if (value === undefined) return MISSING;
  }
  return value as Json;
}
