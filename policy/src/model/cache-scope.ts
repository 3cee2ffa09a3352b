/**
 * Which requests one decision may serve (contracts §5, ADR-0017): those that read the same in every field of its scope.
 * The PDP writes a scope, both caches make keys of it.
 */

import { joinSegments, splitPath } from './field-path.js';
import { BROKEN, MISSING, readSegments } from './reading.js';
import type { CanonicalRequest, Json } from './request.js';

/** Between the fields of a scope. A name that has it in it is in no scope. */
const SEPARATOR = '+';
/** Fields of one scope, at most. */
export const MAX_SCOPE_FIELDS = 64;
/** Characters of a scope, at most. */
export const MAX_SCOPE_LENGTH = 2_048;

/** A scope, ready to make keys. */
export interface CacheScope {
  /** As `Decision.cache.scope` has it. */
  readonly text: string;
  /**
   * One text per combination of readings: two requests have the same key if and only if every field of the scope reads
   * the same in both, an absent field included. Equal objects whose names come in another order may differ.
   */
  keyOf(request: CanonicalRequest, known?: KnownReadings): string;
}

/** Readings of one request, by field, when several scopes are asked about it in turn. Belongs to whoever makes keys. */
export type KnownReadings = Map<string, string>;

/**
 * The scope of these fields, sorted: a field with quantifiers by the list that it asks about, and the kind of attempt
 * together with the source that may imply it. Nothing when it would be too large, or a name cannot be written.
 */
export function writeScope(paths: Iterable<string>): string | undefined {
  const fields = new Set<string>();
  for (const path of paths) {
    const plain = withoutElements(path);
    if (plain === undefined || plain.includes(SEPARATOR)) return undefined;
    fields.add(plain);
    if (plain === 'kind') fields.add('source');
  }
  const text = [...fields].sort().join(SEPARATOR);
  return fields.size > MAX_SCOPE_FIELDS || text.length > MAX_SCOPE_LENGTH ? undefined : text;
}

/** Reads a scope back; nothing unless it is one that {@link writeScope} writes. No field at all is a scope, too: `''`. */
export function readScope(text: string): CacheScope | undefined {
  if (text.length > MAX_SCOPE_LENGTH) return undefined;
  const paths = text === '' ? [] : text.split(SEPARATOR);
  if (writeScope(paths) !== text) return undefined;
  const fields = paths.map((path) => ({ path, names: namesOf(path) ?? [] }));
  return {
    text,
    keyOf(request, known) {
      // Fields are in a fixed order, and every part says where it ends: no two lists of readings make the same text.
      let key = '';
      for (const { path, names } of fields) {
        const part = known?.get(path) ?? encoded(readSegments(request, names, 0, names.length));
        known?.set(path, part);
        key += part;
      }
      return key;
    },
  };
}

function encoded(reading: Json | typeof MISSING | typeof BROKEN): string {
  if (reading === MISSING) return 'm;';
  if (reading === BROKEN) return 'b;';
  if (typeof reading === 'string') return `s${reading.length}:${reading}`;
  const text = JSON.stringify(reading);
  return `j${text.length}:${text}`;
}

function withoutElements(path: string): string | undefined {
  const segments = splitPath(path);
  if (typeof segments === 'string') return undefined;
  const list = segments.findIndex(({ quantifiers }) => quantifiers.length > 0);
  return joinSegments((list === -1 ? segments : segments.slice(0, list + 1)).map(({ name }) => name));
}

function namesOf(path: string): readonly string[] | undefined {
  const segments = splitPath(path);
  return typeof segments === 'string' ? undefined : segments.map(({ name }) => name);
}
