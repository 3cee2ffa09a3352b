import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { buildIntSet, buildPostingTable, createPairList, findPostings, hasInt } from './int-table.js';
import { drain } from './rule-index.js';

/** Few values, so that hashes meet; zero and the extremes are among them. */
const hash = fc.oneof(fc.constantFrom(0, 1, -1, 2 ** 31 - 1, -(2 ** 31)), fc.integer({ min: -20, max: 20 }));

test('a table gives each hash its numbers, ascending and each once', () => {
  fc.assert(
    fc.property(fc.array(hash, { maxLength: 200 }), fc.array(hash), fc.boolean(), (hashes, others, singles) => {
      const pairs = createPairList();
      const expected = new Map<number, number[]>();
      for (const [index, one] of hashes.entries()) {
        const number = index >>> 1;
        pairs.add(one, number);
        const numbers = expected.get(one) ?? [];
        if (!numbers.includes(number)) expected.set(one, [...numbers, number]);
      }
      const { slots, postings } = drain(buildPostingTable(pairs, singles));
      for (const one of [...hashes, ...others]) {
        const offset = findPostings(slots, one);
        const listed = postings.subarray(offset + 1, offset + 1 + (postings[offset] ?? 0));
        const found = offset < 0 ? [~offset] : offset === 0 ? [] : [...listed];
        if (!singles) expect(offset).toBeGreaterThanOrEqual(0);
        expect(found).toEqual(expected.get(one) ?? []);
      }
    }),
  );
});

test('the numbers of a hash ascend in whatever order they came', () => {
  const pair = fc.tuple(hash, fc.nat(60));
  fc.assert(
    fc.property(fc.uniqueArray(pair, { maxLength: 200, selector: (one) => one.join() }), (given) => {
      const pairs = createPairList();
      for (const [one, number] of given) pairs.add(one, number);
      const { slots, postings } = drain(buildPostingTable(pairs, true));
      for (const one of new Set(given.map(([key]) => key))) {
        const offset = findPostings(slots, one);
        const found = offset < 0 ? [~offset] : [...postings.subarray(offset + 1, offset + 1 + (postings[offset] ?? 0))];
        const expected = given.filter(([key]) => key === one).map(([, number]) => number);
        expect(found).toEqual(expected.sort((a, b) => a - b));
      }
    }),
  );
});

test('a set has its members and no others', () => {
  fc.assert(
    fc.property(fc.array(hash), fc.array(hash), (members, others) => {
      const set = buildIntSet(members);
      for (const value of [...members, ...others]) expect(hasInt(set, value)).toBe(members.includes(value));
    }),
  );
});
