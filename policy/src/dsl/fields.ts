import { joinPath, joinSegments, type PathSegment, type Quantifier, splitPath } from '../model/field-path.js';
import { BUILT_IN_FIELDS, builtInRow, type FieldRow, type FieldType } from './built-in-fields.js';
import type { CustomFields } from './custom-fields.js';
import { didYouMean, nearest } from './nearest.js';

export { BUILT_IN_FIELDS, FIELD_TYPES, type FieldType } from './built-in-fields.js';

/** A place in a path where the leaf is asked of the elements of a list. */
export interface QuantifiedSegment {
  /** The index of the segment whose value is the list; the same again for a list of lists. */
  readonly at: number;
  /** As written; see `LeafIr.quantifiers` for what negation makes of it. */
  readonly quantifier: Quantifier;
}

/** What is known of a field that a condition names. */
export interface Field {
  /** The normal spelling of the path; dots, opening brackets and backslashes in a name are escaped with a backslash. */
  readonly path: string;
  /** The names, without quantifiers. */
  readonly segments: readonly string[];
  /** With quantifiers, the type of one element. */
  readonly type: FieldType;
  /** The only values the field can have, when they are a closed list. */
  readonly members?: readonly string[];
  /** Holds payload or personal data: an explanation shows its type and length only. */
  readonly sensitive: boolean;
  /** The index of the segment whose value is a list; the field is then the list of what follows in each element. */
  readonly each?: number;
  /** In the order of the path; absent when there are none. */
  readonly quantifiers?: readonly QuantifiedSegment[];
}

/** A field, or what is wrong with its path and what was probably meant. */
export type FieldLookup = { readonly field: Field } | { readonly problem: string };

/** The fields that conditions of one bundle may name. */
export interface FieldTable {
  /** Finds the field that a path of policy text names. */
  readonly findField: (path: string) => FieldLookup;
}

/** The built-in fields and those that a bundle declares. */
export function createFieldTable(custom: CustomFields): FieldTable {
  const known = new Map<string, FieldLookup>();
  return {
    findField(path) {
      const lookup = known.get(path) ?? lookUp(path, custom);
      known.set(path, lookup);
      return lookup;
    },
  };
}

/** Finds a built-in field, or one below an open container. */
export function findField(path: string): FieldLookup {
  return lookUp(path, {});
}

const FORBIDDEN_SEGMENTS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
const ANY: FieldRow = { type: 'any' };

function lookUp(text: string, custom: CustomFields): FieldLookup {
  const segments = splitPath(text);
  if (typeof segments === 'string') return { problem: segments };
  if (segments.some(({ name }) => FORBIDDEN_SEGMENTS.has(name))) {
    return { problem: `the path "${text}" contains a name that a request cannot have` };
  }
  const row = resolve(segments, custom);
  if (typeof row === 'string') return { problem: row };
  if (row === undefined) return { problem: `unknown field "${text}"${suggestion(text, segments, custom)}` };
  const quantifiers = segments.flatMap((segment, at) => segment.quantifiers.map((quantifier) => ({ at, quantifier })));
  const field: Field = {
    path: joinPath(segments),
    segments: segments.map(({ name }) => name),
    type: row.type,
    sensitive: row.sensitive === true,
    ...(row.members === undefined ? {} : { members: row.members }),
    ...(row.each === undefined ? {} : { each: row.each }),
    ...(quantifiers.length === 0 ? {} : { quantifiers }),
  };
  return { field };
}

/** Walks a path; a text is why it cannot be walked, nothing means that there is no such field. */
function resolve(segments: readonly PathSegment[], custom: CustomFields): FieldRow | string | undefined {
  let row: FieldRow | undefined;
  // The path so far as the tables spell it: every quantifier is [any] there.
  let path = '';
  let depth = 0;
  for (const { name, quantifiers } of segments) {
    path = path === '' ? joinSegments([name]) : `${path}.${joinSegments([name])}`;
    depth += 1;
    row = declared(path, custom) ?? (depth === 1 ? undefined : below(row));
    if (row === undefined) return undefined;
    for (const _quantifier of quantifiers) {
      const element = elementOf(row);
      if (element === undefined) return `${path} is a ${row.type}, not a list, so it has no elements`;
      row = { ...element, ...(row.sensitive === true ? { sensitive: true } : {}) };
      path += '[any]';
    }
  }
  return row;
}

function declared(path: string, custom: CustomFields): FieldRow | undefined {
  const builtIn = builtInRow(path);
  if (builtIn !== undefined) return builtIn;
  const own = Object.hasOwn(custom, path) ? custom[path] : undefined;
  // What an attribute holds is the deployment's own business.
  return own === undefined ? undefined : { ...own, sensitive: true };
}

/** What a name without a row of its own is, below this. */
function below(row: FieldRow | undefined): FieldRow | undefined {
  if (row === undefined) return undefined;
  if (row.type === 'any') return row;
  const sensitive = row.sensitive === true ? ({ sensitive: true } as const) : {};
  if (row.open === 'any') return { ...ANY, ...sensitive };
  return row.open === 'number' ? { type: 'number', ...sensitive } : undefined;
}

function elementOf(row: FieldRow): FieldRow | undefined {
  if (row.element !== undefined) return row.element;
  const members = row.members === undefined ? {} : { members: row.members };
  if (row.type === 'string_list' && row.each === undefined) return { type: 'string', ...members };
  if (row.type === 'number_list') return { type: 'number' };
  return row.type === 'any' ? row : undefined;
}

/** Of a deep path only the container can be mistyped; the rest is the author's own. */
function suggestion(text: string, segments: readonly PathSegment[], custom: CustomFields): string {
  if (segments.length > 2) {
    const containers = BUILT_IN_FIELDS.filter((path) => builtInRow(path)?.open !== undefined);
    const meant = nearest(joinSegments(segments.slice(0, 2).map(({ name }) => name)), containers);
    if (meant !== undefined) return `; did you mean "${meant}.${joinPath(segments.slice(2))}"?`;
  }
  return didYouMean(text, [...BUILT_IN_FIELDS, ...Object.keys(custom)]);
}
