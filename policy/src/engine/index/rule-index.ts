import type { CanonicalRequest } from '../../model/request.js';
import { BROKEN, type FieldReader, MISSING } from '../read-field.js';
import type { RuleIndexData } from './build.js';
import { createCursors } from './cursors.js';
import { keyWriterOf, MAX_ACTIVE_KEYS, OPEN, type ValueParsers } from './dimension.js';
import { addGroupPairs, type GroupData } from './group.js';
import { combineHash } from './hash.js';
import { buildPostingTable, createPairList, findPostings, type PostingTable } from './int-table.js';

/**
 * Narrows a request to the rules that can matter, in evaluation order. It answers for one request at a time and does
 * not allocate; a rule that it leaves out is surely false for the request.
 */
export interface RuleIndex {
  /** Looks the request up. */
  begin(request: CanonicalRequest): void;
  /** The first rule at or after `from` that can matter; -1 when there is none. `from` must not descend. */
  next(from: number): number;
  /**
   * Prepares for values of wrong types in the fields that `mayBeWrong` names, so that the first request with one is not
   * kept waiting; pauses at each `yield`. Where it was not prepared it does so when such a request comes.
   */
  prepare(mayBeWrong: (field: string) => boolean): Generator<void>;
}

/** Tables for requests with values of wrong types; a caller could ask for any number of them, so they are bounded. */
const MAX_PROJECTIONS = 64;

/** How an index reads requests. */
export interface IndexReading {
  readonly readerOf: (path: string) => FieldReader;
  readonly parsers: ValueParsers;
}

/** Binds an index to the readers of its fields. */
export function openRuleIndex(data: RuleIndexData, { readerOf, parsers }: IndexReading): RuleIndex {
  const wholeTable: PostingTable = { slots: data.slots, postings: data.postings };
  const readers = data.dimensions.map(({ field }) => readerOf(field));
  const writers = data.dimensions.map((dimension) => keyWriterOf(dimension, parsers));
  const groups = data.groups.map((group) => ({ group, mask: maskOf(group.dimensions), dimensions: group.dimensions }));
  let everyRule: Int32Array | undefined;
  const projections = new Map<string, PostingTable>();
  const keys = new Int32Array(data.dimensions.length * MAX_ACTIVE_KEYS);
  const counts = new Int32Array(data.dimensions.length);
  const cursors = createCursors();
  // Dimensions that were looked at, that have no key of any rule, and whose value cannot be told.
  let seen = 0;
  let empty = 0;
  let open = 0;

  const look = (dimension: number, request: CanonicalRequest): void => {
    const bit = 1 << dimension;
    seen |= bit;
    const value = (readers[dimension] as FieldReader)(request);
    if (value === MISSING) {
      empty |= bit;
      return;
    }
    const count =
      value === BROKEN || typeof value !== 'string'
        ? OPEN
        : (writers[dimension] as (typeof writers)[number])(value, keys, dimension * MAX_ACTIVE_KEYS);
    counts[dimension] = count;
    if (count === 0) empty |= bit;
    else if (count === OPEN) open |= bit;
  };

  /** Adds the rules under every combination of the request's keys, from the dimension at `at` on. */
  const addMatches = (table: PostingTable, dimensions: readonly number[], at: number, hash: number): void => {
    if (at === dimensions.length) {
      const offset = findPostings(table.slots, hash);
      if (offset < 0) cursors.addOne(~offset);
      else if (offset > 0) cursors.add(table.postings, offset + 1, offset + 1 + (table.postings[offset] as number));
      return;
    }
    const dimension = dimensions[at] as number;
    if (((open >>> dimension) & 1) === 1) {
      addMatches(table, dimensions, at + 1, hash);
      return;
    }
    const first = dimension * MAX_ACTIVE_KEYS;
    const last = first + (counts[dimension] as number);
    for (let key = first; key < last; key += 1) {
      addMatches(table, dimensions, at + 1, combineHash(hash, keys[key] as number));
    }
  };

  function* project(group: GroupData, mask: number): Generator<void, PostingTable | undefined> {
    const name = `${group.place} ${mask}`;
    const known = projections.get(name);
    if (known !== undefined || projections.size === MAX_PROJECTIONS) return known;
    const pairs = createPairList();
    yield* addGroupPairs(group, mask, pairs);
    const table = yield* buildPostingTable(pairs, true);
    projections.set(name, table);
    return table;
  }

  return {
    begin(request) {
      seen = 0;
      empty = 0;
      open = 0;
      cursors.clear();
      cursors.add(data.always, 0, data.always.length);
      for (const { group, mask, dimensions } of groups) {
        for (let at = 0; (mask & empty) === 0 && at < dimensions.length; at += 1) {
          const dimension = dimensions[at] as number;
          if (((seen >>> dimension) & 1) === 0) look(dimension, request);
        }
        if ((mask & empty) !== 0) continue;
        if ((mask & open) === 0) {
          addMatches(wholeTable, dimensions, 0, group.place);
          continue;
        }
        const table = drain(project(group, mask & open));
        if (table === undefined) {
          everyRule ??= numbersUpTo(data.count);
          cursors.add(everyRule, 0, everyRule.length);
        } else addMatches(table, dimensions, 0, group.place);
      }
    },
    next: (from) => cursors.next(from),
    *prepare(mayBeWrong) {
      for (const group of data.groups) {
        for (const dimension of group.dimensions) {
          if (mayBeWrong(data.dimensions[dimension]?.field ?? '')) yield* project(group, 1 << dimension);
        }
      }
    },
  };
}

function numbersUpTo(count: number): Int32Array {
  const numbers = new Int32Array(count);
  for (let number = 0; number < count; number += 1) numbers[number] = number;
  return numbers;
}

function maskOf(dimensions: readonly number[]): number {
  return dimensions.reduce((mask, dimension) => mask | (1 << dimension), 0);
}

/** Runs a sliced job in one go. */
export function drain<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
