import type { Field } from '../dsl/fields.js';
import { ATTEMPT_KINDS, type CanonicalRequest, type Json, kindOf } from '../model/request.js';

/** The request does not have the field. */
export const MISSING: unique symbol = Symbol('missing');
/** The path leads through something that is not an object, so the field has no value: an error, never "missing". */
export const BROKEN: unique symbol = Symbol('broken');
/** What reading a field gives. */
export type Reading = Json | typeof MISSING | typeof BROKEN;
/** Reads one field of a request. Never throws and never follows a prototype. */
export type FieldReader = (request: CanonicalRequest) => Reading;

/** Binds a field's path. */
export function linkReader(field: Field): FieldReader {
  // A request in the seed's shape has no kind; its source implies one.
  if (field.path === 'kind') return readKind;
  const { segments, each } = field;
  if (each === undefined) return (request) => walk(request, segments, 0, segments.length);
  return (request) => {
    const list = walk(request, segments, 0, each + 1);
    if (list === MISSING || list === BROKEN) return list;
    if (!Array.isArray(list)) return BROKEN;
    const values: Json[] = [];
    for (const element of list as readonly Json[]) {
      const value = walk(element, segments, each + 1, segments.length);
      // An element without the field could hide what is looked for.
      if (value === MISSING || value === BROKEN) return BROKEN;
      values.push(value);
    }
    return values;
  };
}

function readKind(request: CanonicalRequest): Reading {
  const kind: unknown = kindOf(request);
  return (ATTEMPT_KINDS as readonly unknown[]).includes(kind) ? (kind as Json) : BROKEN;
}

function walk(root: unknown, segments: readonly string[], from: number, to: number): Reading {
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
