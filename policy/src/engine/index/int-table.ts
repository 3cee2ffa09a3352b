/** Hash tables of integers in typed arrays: compact, quick to build, free of allocation to ask, and transferable. */

import { spreadHash } from './hash.js';

/** From a hash to a list of ascending numbers; equal hashes share a list. */
export interface PostingTable {
  /**
   * Pairs of hash and offset into `postings`; offset 0 marks a free slot. In a table of single numbers, a negative offset
   * is the complement of the list's only number. How many pairs there are is a power of two.
   */
  readonly slots: Int32Array;
  /** At an offset: how many numbers follow, then the numbers. */
  readonly postings: Int32Array;
}

/** A growing list of (hash, number) pairs. */
export interface PairList {
  add(hash: number, number: number): void;
  readonly length: number;
  hashAt(index: number): number;
  numberAt(index: number): number;
}

const FIRST_CAPACITY = 64;

/** An empty list. */
export function createPairList(): PairList {
  let pairs = new Int32Array(2 * FIRST_CAPACITY);
  let length = 0;
  return {
    add(hash, number) {
      if (2 * length === pairs.length) {
        const larger = new Int32Array(2 * pairs.length);
        larger.set(pairs);
        pairs = larger;
      }
      pairs[2 * length] = hash;
      pairs[2 * length + 1] = number;
      length += 1;
    },
    get length() {
      return length;
    },
    hashAt: (index) => pairs[2 * index] as number,
    numberAt: (index) => pairs[2 * index + 1] as number,
  };
}

/** Pairs between two pauses; some tenths of a millisecond. */
const SLICE = 4096;

/** Stands for the only number of a list until it is known. */
const SINGLE = -(2 ** 31);

/**
 * Builds a table; pauses at each `yield`.
 * @param singles whether a list of one number, which then must not be negative, is kept in its slot, and lists ascend
 */
export function* buildPostingTable(pairs: PairList, singles: boolean): Generator<void, PostingTable> {
  const slots = new Int32Array(2 * capacityFor(pairs.length));
  // First how many numbers each hash has, then where its list begins, then the lists.
  for (let index = 0; index < pairs.length; index += 1) {
    if (index % SLICE === SLICE - 1) yield;
    const slot = slotOf(slots, pairs.hashAt(index));
    slots[slot] = pairs.hashAt(index);
    slots[slot + 1] = (slots[slot + 1] as number) + 1;
  }
  let end = 1;
  for (let slot = 1; slot < slots.length; slot += 2) {
    const count = slots[slot] as number;
    if (count === 0) continue;
    if (count === 1 && singles) {
      slots[slot] = SINGLE;
      continue;
    }
    slots[slot] = end;
    end += count + 1;
  }
  const postings = new Int32Array(end);
  const unsorted = new Set<number>();
  for (let index = 0; index < pairs.length; index += 1) {
    if (index % SLICE === SLICE - 1) yield;
    const slot = slotOf(slots, pairs.hashAt(index));
    const offset = slots[slot + 1] as number;
    const number = pairs.numberAt(index);
    if (offset === SINGLE) {
      slots[slot + 1] = ~number;
      continue;
    }
    const count = postings[offset] as number;
    // A rule that names one value twice is one candidate.
    const last = count === 0 ? number - 1 : (postings[offset + count] as number);
    if (last === number) continue;
    if (singles && last > number) unsorted.add(offset);
    postings[offset + count + 1] = number;
    postings[offset] = count + 1;
  }
  // Two groups of rules may share a hash, and the second begins with the first of its own again. It hardly ever happens.
  for (const offset of unsorted) postings.subarray(offset + 1, offset + 1 + (postings[offset] as number)).sort();
  return { slots, postings };
}

/** Where the numbers of a hash begin in `postings` (at their count), see `slots`; 0 when it has none. */
export function findPostings(slots: Int32Array, hash: number): number {
  return slots[slotOf(slots, hash) + 1] as number;
}

/** The slot that holds the hash, or the free one where it would stand. */
function slotOf(slots: Int32Array, hash: number): number {
  const mask = (slots.length >>> 1) - 1;
  let place = spreadHash(hash) & mask;
  while (slots[2 * place + 1] !== 0 && slots[2 * place] !== hash) place = (place + 1) & mask;
  return 2 * place;
}

/** A power of two that leaves at least half of the slots free. */
function capacityFor(count: number): number {
  return 2 ** Math.ceil(Math.log2(2 * Math.max(1, count)));
}

/** A set of 32-bit integers; zero is kept apart because it marks a free place. */
export interface IntSet {
  readonly members: Int32Array;
  readonly hasZero: boolean;
}

/** Builds a set. */
export function buildIntSet(values: Iterable<number>): IntSet {
  const distinct = new Set(values);
  const hasZero = distinct.delete(0);
  const members = new Int32Array(capacityFor(distinct.size));
  for (const value of distinct) members[placeOf(members, value)] = value;
  return { members, hasZero };
}

/** Whether a set has the value. */
export function hasInt({ members, hasZero }: IntSet, value: number): boolean {
  return value === 0 ? hasZero : members[placeOf(members, value)] === value;
}

function placeOf(members: Int32Array, value: number): number {
  const mask = members.length - 1;
  let place = spreadHash(value) & mask;
  while (members[place] !== 0 && members[place] !== value) place = (place + 1) & mask;
  return place;
}
