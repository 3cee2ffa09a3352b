import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { createCursors } from './cursors.js';

test('the smallest number at or after a given one, over all lists, each number once', () => {
  const list = fc.uniqueArray(fc.nat(60), { maxLength: 40 }).map((numbers) => Int32Array.from(numbers).sort());
  fc.assert(
    fc.property(fc.array(list, { maxLength: 25 }), fc.array(fc.integer({ min: 1, max: 20 })), (lists, strides) => {
      const cursors = createCursors();
      for (const numbers of lists) {
        if (numbers.length === 1) cursors.addOne(numbers[0] ?? 0);
        else cursors.add(numbers, 0, numbers.length);
      }
      const expected = [...new Set(lists.flatMap((numbers) => [...numbers]))].sort((a, b) => a - b);
      let from = 0;
      for (const stride of [...strides, 1, 1, 1]) {
        const found = cursors.next(from);
        expect(found).toBe(expected.find((number) => number >= from) ?? -1);
        if (found === -1) return;
        from = found + stride;
      }
    }),
  );
});

test('only the part of a list that was asked for, and nothing after clearing', () => {
  const cursors = createCursors();
  cursors.add(Int32Array.of(1, 2, 3, 4), 1, 3);
  expect([cursors.next(0), cursors.next(3), cursors.next(4)]).toEqual([2, 3, -1]);
  cursors.add(Int32Array.of(5), 0, 1);
  cursors.clear();
  expect(cursors.next(0)).toBe(-1);
});
