import { combineHash } from './hash.js';
import type { PairList } from './int-table.js';

/** Rules that are found by the same dimensions. */
export interface GroupData {
  /** Its number; the hashes of its tuples begin with it. */
  readonly place: number;
  /** Ascending places of dimensions. */
  readonly dimensions: readonly number[];
  /** Its rules, ascending: for each its number and then, per dimension, how many keys follow and the keys. */
  readonly rules: Int32Array;
}

/** Rules between two pauses; some tenths of a millisecond. */
const SLICE = 1024;

/**
 * Adds every rule of a group under each combination of its keys, by only those dimensions that `open` does not name:
 * the others are left out for requests whose value of them cannot be told. Pauses at each `yield`.
 * @param open a mask of places of dimensions
 */
export function* addGroupPairs(
  { place, dimensions, rules }: GroupData,
  open: number,
  pairs: PairList,
): Generator<void> {
  const closed: number[] = [];
  const add = (at: number, hash: number, number: number): void => {
    const start = closed[at];
    if (start === undefined) {
      pairs.add(hash, number);
      return;
    }
    const last = start + (rules[start] as number);
    for (let key = start + 1; key <= last; key += 1) add(at + 1, combineHash(hash, rules[key] as number), number);
  };
  let at = 0;
  for (let done = 1; at < rules.length; done += 1) {
    const number = rules[at] as number;
    at += 1;
    closed.length = 0;
    for (const dimension of dimensions) {
      if (((open >>> dimension) & 1) === 0) closed.push(at);
      at += 1 + (rules[at] as number);
    }
    add(0, place, number);
    if (done % SLICE === 0) yield;
  }
}
