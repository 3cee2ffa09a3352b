import { describe, expect, test } from '@jest/globals';
import { BRACKETS, blankComments, characterAt, measureDepth, placeOf } from './cedar-text.js';

test.each([
  ['a // b\nc', 'a     \nc'],
  ['"// no" // yes', '"// no"       '],
  ['"\\"// no" x', '"\\"// no" x'],
  ['// all', '      '],
  ['"open // no', '"open // no'],
])('%j without comments is %j', (text, blanked) => {
  expect(blankComments(text)).toBe(blanked);
});

describe('the depth', () => {
  test.each<[text: string, depth: number]>([
    ['true', 0],
    ['a.b.c', 2],
    ['a.b || c.d', 2],
    ['a || b || c || d', 3],
    ['(a)', 3],
    ['((a))', 6],
    ['(a || b) && (c || d)', 5],
    ['[1, 2, 3, 4, 5]', 3],
    ['f(a || b, c || d)', 4],
    ['if a then b else if c then d else e', 4],
    ['!!!a', 3],
    ['"((((" == x', 0],
    ['elsewhere.notifier', 1],
    [')))', 0],
  ])('of %j is %i', (text, depth) => {
    expect(measureDepth(text)).toBe(depth);
  });

  test('counts the angle brackets of a schema only there', () => {
    expect(measureDepth('Set<Set<Long>>', BRACKETS.schema)).toBe(6);
    expect(measureDepth('a < b < c')).toBe(0);
  });
});

test('places count lines and columns from 1', () => {
  expect(placeOf('ab\ncd', 4)).toEqual([2, 2]);
  expect(placeOf('ab', 0)).toEqual([1, 1]);
});

test('a byte offset is turned into a character', () => {
  expect(characterAt('é€x', 5)).toBe(2);
});
