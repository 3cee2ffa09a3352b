/**
 * Messages whose fields carry the same name in both vocabularies are described by a table and copied by one loop.
 * A table that misses a field of the domain type, or that gives one a kind of another type, does not compile.
 */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { type Findings, found, join, readNumber } from './findings.js';
import { readJsonObject, writeJson } from './json-bytes.js';

type KindOf<T> = T extends string
  ? 'text'
  : T extends number
    ? 'number'
    : T extends boolean
      ? 'flag'
      : T extends readonly string[]
        ? 'text_list'
        : T extends JsonObject
          ? 'json_object'
          : never;

type FieldKind = 'text' | 'number' | 'flag' | 'text_list' | 'json_object';
/** Read elsewhere, and put where its name belongs. */
type Apart = 'apart';

/** The kind of each field of `T`. */
export type FieldTable<T> = { readonly [K in keyof T]-?: KindOf<NonNullable<T[K]>> };

/** The wire's name of a field: JSON bytes are called `<name>_json`. */
type WireNames<T> = {
  [K in keyof T & string]: KindOf<NonNullable<T[K]>> extends 'json_object' ? `${K}_json` : K;
}[keyof T & string];

/** One field, ready for the loop. */
interface Field {
  readonly name: string;
  readonly wire: string;
  readonly kind: FieldKind | Apart;
}

/** The optional fields of one message, by name: in the order in which a canonical text has them. */
export interface FieldSet<T> {
  readonly fields: readonly Field[];
  /** Only for the type. */
  readonly of?: T;
}

/** The table's type while both sides name the same fields; otherwise names those that only one side has. */
type Matching<T, W> = [Exclude<WireNames<T>, keyof W>] extends [never]
  ? [Exclude<keyof W & string, WireNames<T> | `_${string}`>] extends [never]
    ? FieldTable<T>
    : { readonly onlyOnTheWire: Exclude<keyof W & string, WireNames<T> | `_${string}`> }
  : { readonly onlyInTheDomain: Exclude<WireNames<T>, keyof W> };

/**
 * Prepares a table.
 * @param apart names of the fields that the message has besides, and whose values {@link readFields} is given
 * @typeParam T the domain type
 * @typeParam W the wire type; a field that only one of the two has does not compile
 */
export function defineFields<T, W>(table: Matching<T, W>, apart: readonly string[] = []): FieldSet<T> {
  const named = Object.entries(table as Readonly<Record<string, FieldKind>>).map(
    ([name, kind]): Field => ({ name, kind, wire: kind === 'json_object' ? `${name}_json` : name }),
  );
  const others = apart.map((name): Field => ({ name, kind: 'apart', wire: name }));
  return { fields: [...named, ...others].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** Copies the fields of `source` that are there into a new wire message. */
export function writeFields<T extends object, W extends object>(set: FieldSet<T>, source: T): W {
  const target: Record<string, unknown> = {};
  const values = source as Readonly<Record<string, unknown>>;
  for (const { name, wire, kind } of set.fields) {
    const value = values[name];
    if (value === undefined || kind === 'apart') continue;
    if (kind === 'json_object') target[wire] = writeJson(value as Json);
    else if (kind === 'text_list') target[wire] = { values: value };
    else target[wire] = value;
  }
  return target as W;
}

const NOTHING: Readonly<Record<string, unknown>> = {};

/** Copies the fields of a wire message that are there into a new domain value, checking each; then those of `apart`. */
export function readFields<T extends object, A extends object = object>(
  set: FieldSet<T>,
  message: object,
  path: string,
  findings: Findings,
  apart?: A,
): { -readonly [K in keyof T]: T[K] } & A {
  const target: Record<string, unknown> = {};
  const values = message as Readonly<Record<string, unknown>>;
  const given = (apart ?? NOTHING) as Readonly<Record<string, unknown>>;
  for (const { name, wire, kind } of set.fields) {
    const value = kind === 'apart' ? given[name] : values[wire];
    if (value === undefined) continue;
    const read = kind === 'apart' ? value : readField(kind, value, path, name, findings);
    if (read !== undefined) target[name] = read;
  }
  return target as { -readonly [K in keyof T]: T[K] } & A;
}

function readField(kind: FieldKind, value: unknown, path: string, name: string, findings: Findings): unknown {
  if (kind === 'text' && typeof value === 'string') return value;
  if (kind === 'flag' && typeof value === 'boolean') return value;
  const place = join(path, name);
  if (kind === 'number') return readNumber(value, place, findings);
  if (kind === 'json_object') return readJsonObject(value, place, findings);
  if (kind === 'text_list') {
    const list = readTextList(value);
    if (list !== undefined) return list;
  }
  found(findings, 'ERR_WIRE_TYPE', place, `expected ${kind.replace('_', ' ')}, found ${typeof value}`);
  return undefined;
}

function readTextList(value: unknown): readonly string[] | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  // An empty list arrives as a message without `values`.
  const { values = [] } = value as { readonly values?: unknown };
  return Array.isArray(values) && values.every((text) => typeof text === 'string') ? values : undefined;
}
