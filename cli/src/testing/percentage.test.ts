import { describe, expect, test } from '@jest/globals';
import { percentOf, percentText, reaches } from './percentage.js';

describe('percentages', () => {
  test.each([
    { covered: 0, total: 0, text: '100.00 %' },
    { covered: 0, total: 3, text: '0.00 %' },
    { covered: 2, total: 3, text: '66.66 %' },
    { covered: 249, total: 250, text: '99.60 %' },
    { covered: 99_999, total: 100_000, text: '99.99 %' },
    { covered: 3, total: 3, text: '100.00 %' },
  ])('$covered of $total reads $text', ({ covered, total, text }) => {
    expect(percentText({ covered, total })).toBe(text);
  });

  test('what is not all never reads as all, however close', () => {
    for (const total of [7, 999, 123_457, 9_999_999])
      expect(percentOf({ covered: total - 1, total })).toBeLessThan(100);
  });

  test.each([
    { covered: 249, total: 250, threshold: 100, expected: false },
    { covered: 249, total: 250, threshold: 99.6, expected: true },
    { covered: 99_999, total: 100_000, threshold: 100, expected: false },
    { covered: 100_000, total: 100_000, threshold: 100, expected: true },
    { covered: 2, total: 3, threshold: 66.67, expected: false },
    { covered: 2, total: 3, threshold: 66.66, expected: true },
    { covered: 0, total: 0, threshold: 100, expected: true },
  ])('$covered of $total reaches $threshold: $expected', ({ covered, total, threshold, expected }) => {
    expect(reaches({ covered, total }, threshold)).toBe(expected);
  });
});
