import type { Field } from '../dsl/fields.js';
import { ERROR, FALSE, TRUE, type Truth } from '../dsl/truth.js';
import type { ContextualRequest } from '../model/facts.js';
import type { Quantifier } from '../model/field-path.js';
import { pathsOverlap } from '../model/path-overlap.js';
import { BROKEN, MISSING, type Reading, readSegments as walk } from '../model/reading.js';
import { ATTEMPT_KINDS, type Json, kindOf } from '../model/request.js';

export { BROKEN, MISSING, type Reading };

/** Reads one field of a request. Never throws and never follows a prototype. */
export type FieldReader = (request: ContextualRequest) => Reading;

/**
 * Binds a field's path. A field with quantifiers reads as the list of what its elements have, and as missing when none
 * has anything; that is for people to see, and for an index to pass over: {@link linkElements} is how it is asked.
 */
export function linkReader(field: Field): FieldReader {
  const read = linkRead(field);
  const { path } = field;
  return (request) =>
    request.unavailable !== undefined && isUnavailable(path, request.unavailable) ? BROKEN : read(request);
}

/** Whether a field is, holds, or is inside, something that should be known and is not. */
export function isUnavailable(path: string, unavailable: readonly string[]): boolean {
  return unavailable.some((unknown) => pathsOverlap(path, unknown));
}

function linkRead(field: Field): FieldReader {
  if (field.quantifiers !== undefined) return linkCollector(field);
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

/**
 * Binds a question to a field with quantifiers: whether any or all elements answer yes, by Kleene's logic. A list that
 * is missing or empty is asked about as a missing field, and so is a name that an element lacks.
 */
export function linkElements(
  field: Field,
  quantifiers: readonly Quantifier[],
  ask: (reading: Reading, request: ContextualRequest) => Truth,
): (request: ContextualRequest) => Truth {
  const { path, segments, quantifiers: places = [] } = field;
  const askFrom = (request: ContextualRequest, root: unknown, level: number, from: number): Truth => {
    const place = places[level];
    if (place === undefined) return ask(walk(root, segments, from, segments.length), request);
    const list = walk(root, segments, from, place.at + 1);
    if (list === MISSING) return ask(MISSING, request);
    if (!Array.isArray(list)) return ERROR;
    if (list.length === 0) return ask(MISSING, request);
    // What settles the group: one yes for any, one no for all.
    const settles = quantifiers[level] === 'any' ? TRUE : FALSE;
    let result: Truth = settles === TRUE ? FALSE : TRUE;
    for (const element of list as readonly Json[]) {
      const truth = askFrom(request, element, level + 1, place.at + 1);
      if (truth === settles) return settles;
      if (truth === ERROR) result = ERROR;
    }
    return result;
  };
  return (request) =>
    request.unavailable !== undefined && isUnavailable(path, request.unavailable)
      ? ERROR
      : askFrom(request, request, 0, 0);
}

function linkCollector(field: Field): FieldReader {
  const { segments, quantifiers: places = [] } = field;
  const collect = (root: unknown, level: number, from: number, into: Json[]): boolean => {
    const place = places[level];
    const reading = walk(root, segments, from, place === undefined ? segments.length : place.at + 1);
    if (reading === MISSING) return true;
    if (reading === BROKEN) return false;
    if (place === undefined) {
      into.push(reading);
      return true;
    }
    if (!Array.isArray(reading)) return false;
    return (reading as readonly Json[]).every((element) => collect(element, level + 1, place.at + 1, into));
  };
  return (request) => {
    const values: Json[] = [];
    if (!collect(request, 0, 0, values)) return BROKEN;
    return values.length === 0 ? MISSING : values;
  };
}

function readKind(request: ContextualRequest): Reading {
  const kind: unknown = kindOf(request);
  return (ATTEMPT_KINDS as readonly unknown[]).includes(kind) ? (kind as Json) : BROKEN;
}
