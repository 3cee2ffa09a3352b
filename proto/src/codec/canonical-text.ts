/**
 * The RFC 8785 text of a value, on the path of every decision. ECMAScript's own writer gives that text for a value whose
 * members are in order (RFC 8785 takes its numbers and strings from ECMAScript), and it is many times faster than any
 * other. So members are put in order first, where they are not, and whatever the writer would not write in that form is
 * left to `canonicalize`, which knows all of it.
 */

import type { Json } from '@portcullis/policy/model';
import canonicalize from 'canonicalize';

/** Deeper values are left to `canonicalize`, which finds cycles and does not recurse. */
const MAX_DEPTH = 64;

/**
 * The RFC 8785 text.
 * @throws Error when the value is not strict JSON (a lone surrogate, a number that is not finite, a cycle)
 */
export function canonicalText(value: Json | object): string {
  const ordered = inOrder(value, 0);
  if (ordered !== UNUSUAL) {
    const text = JSON.stringify(ordered);
    // So begins the escape of a lone surrogate, or a backslash before the letters u and d.
    if (!text.includes('\\ud')) return text;
  }
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('the value has no JSON form');
  return text;
}

const UNUSUAL: unique symbol = Symbol('unusual');

/** The value with all members in order: itself where they are, else a copy. */
function inOrder(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : UNUSUAL;
    case 'object':
      if (value === null) return null;
      if (depth === MAX_DEPTH) return UNUSUAL;
      return Array.isArray(value) ? elementsInOrder(value, depth) : membersInOrder(value, depth);
    default:
      return UNUSUAL;
  }
}

function elementsInOrder(list: readonly unknown[], depth: number): unknown {
  if (Object.getPrototypeOf(list) !== Array.prototype) return UNUSUAL;
  let copy: unknown[] | undefined;
  for (let index = 0; index < list.length; index += 1) {
    const element = list[index];
    const ordered = inOrder(element, depth + 1);
    if (ordered === UNUSUAL) return UNUSUAL;
    if (ordered !== element) {
      copy ??= [...list];
      copy[index] = ordered;
    }
  }
  return copy ?? list;
}

function membersInOrder(object: object, depth: number): unknown {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) return UNUSUAL;
  const members = object as Readonly<Record<string, unknown>>;
  const names = Object.keys(members);
  let isSame = true;
  let last = '';
  for (const name of names) {
    if (!isOrdinary(name)) return UNUSUAL;
    // By code units, as RFC 8785 has it.
    if (name < last) isSame = false;
    last = name;
  }
  if (!isSame) sortNames(names);
  const ordered: unknown[] = [];
  for (const name of names) {
    const value = members[name];
    const inner = inOrder(value, depth + 1);
    if (inner === UNUSUAL) return UNUSUAL;
    if (inner !== value) isSame = false;
    ordered.push(inner);
  }
  if (isSame) return object;
  const copy: Record<string, unknown> = {};
  for (let index = 0; index < names.length; index += 1) copy[names[index] ?? ''] = ordered[index];
  return copy;
}

/** More names than this are worth the library's sort, which begins by making itself three lists. */
const FEW_NAMES = 16;

/** By code units, as `sort` does it. */
function sortNames(names: string[]): void {
  if (names.length > FEW_NAMES) {
    names.sort();
    return;
  }
  for (let index = 1; index < names.length; index += 1) {
    const name = names[index] as string;
    let at = index;
    for (; at > 0 && (names[at - 1] as string) > name; at -= 1) names[at] = names[at - 1] as string;
    names[at] = name;
  }
}

const ZERO = 0x30;
const NINE = 0x39;

/** Names that look like integers always come first in an object, and one name is no member at all when it is assigned. */
function isOrdinary(name: string): boolean {
  const first = name.charCodeAt(0);
  return !(first >= ZERO && first <= NINE) && name !== '__proto__';
}
