import type { Json } from '../../model/request.js';

/** The place of a value in a request: names, and numbers for elements of lists. In a pattern `*` is any one of them. */
export type ValuePath = readonly (string | number)[];

/** A value that is neither a list nor an object, and where it stands. */
export interface PlacedValue {
  readonly path: ValuePath;
  readonly value: Json;
}

/** Any one name or element, as a whole segment of a pattern. */
export const ANY_NAME = '*';
const MAX_LENGTH = 64;
const INDEX = /^\[(0|[1-9]\d{0,8}|\*)\](?=[.[]|$)/;

/**
 * Reads `tool.arguments.to[0].address`: names joined by dots, elements in brackets; a dot, bracket or backslash inside a
 * name has a backslash before it. Nothing for what is not a path.
 */
export function parseValuePath(text: string): ValuePath | undefined {
  const path: (string | number)[] = [];
  let name: string | undefined = '';
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index] ?? '';
    if (char === '[') {
      const element = INDEX.exec(text.slice(index))?.[1];
      if (element === undefined || name === '') return undefined;
      if (name !== undefined) path.push(name);
      name = undefined;
      path.push(element === ANY_NAME ? ANY_NAME : Number(element));
      index += element.length + 1;
    } else if (char === '.') {
      if (name === '') return undefined;
      if (name !== undefined) path.push(name);
      name = '';
    } else {
      const escaped: string | undefined = char === '\\' ? text[index + 1] : char;
      if (escaped === undefined || name === undefined) return undefined;
      if (char === '\\') index += 1;
      name += escaped;
    }
  }
  if (name === '') return undefined;
  if (name !== undefined) path.push(name);
  return path.length <= MAX_LENGTH ? path : undefined;
}

/**
 * Every value at the places that a pattern means, or below them. A missing place has none. Where the request has a list
 * and the pattern a name, the name is looked for in every element.
 */
export function valuesBelow(root: Json, pattern: ValuePath): readonly PlacedValue[] {
  const found: PlacedValue[] = [];
  const visit = (value: Json, path: ValuePath, matched: number): void => {
    if (typeof value !== 'object' || value === null) {
      if (matched === pattern.length) found.push({ path, value });
      return;
    }
    const wanted = pattern[matched];
    const isList = Array.isArray(value);
    const members: readonly (readonly [string | number, Json])[] = isList
      ? (value as readonly Json[]).map((element, index) => [index, element] as const)
      : Object.entries(value);
    for (const [name, member] of members) {
      if (wanted === undefined || (isList && typeof wanted === 'string' && wanted !== ANY_NAME)) {
        visit(member, [...path, name], matched);
      } else if (wanted === ANY_NAME || wanted === name) {
        visit(member, [...path, name], matched + 1);
      }
    }
  };
  visit(root, [], 0);
  return found;
}
