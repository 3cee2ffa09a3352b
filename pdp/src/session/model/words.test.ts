import { describe, expect, test } from '@jest/globals';
import { createWordCodes, otherReadings, wordsOf } from './words.js';

describe('wordsOf', () => {
  test.each<[string, string, string]>([
    ['case', 'Riverside View', 'riverside VIEW'],
    ['compatibility forms', 'ﬁle Ⅸ', 'file IX'],
    ['accents', 'Café', 'CAFE\u0301'],
    ['invisible characters', 'pass\u200Bword', 'password'],
    ['punctuation and line breaks', 'best_discount.com', 'Best discount\ncom'],
    ['the scheme and www of an address', 'https://www.example.com/a', 'example.com/a'],
    ['zeros behind the point', '10.0', '10'],
    ['thousands', '1,000.50', '1000.5'],
  ])('%s', (_what, left, right) => {
    expect(wordsOf(left)).toEqual(wordsOf(right));
  });
  test.each<[string, string, string]>([
    ['versions', '1.10', '1.1.0'],
    ['numbers', '10', '100'],
    ['words', 'alice', 'alicia'],
  ])('%s that differ stay different', (_what, left, right) => {
    expect(wordsOf(left)).not.toEqual(wordsOf(right));
  });
});

describe('otherReadings', () => {
  test('a grouped account number is one word too', () => {
    expect(otherReadings('pay to DE44 5001 0517 5407 3249 31 now')).toContainEqual(wordsOf('DE44500105175407324931'));
  });
  test('percent-encoding is taken off', () => {
    expect(otherReadings('x?to=bob%40evil.example')).toContainEqual(wordsOf('x?to=bob@evil.example'));
  });
  test('ordinary text has none', () => {
    expect(otherReadings('Please pay the bill of 2024-05-19, 10:00.')).toEqual([]);
  });
});

describe('word codes', () => {
  const codes = createWordCodes(Buffer.alloc(32, 1));
  test('depend on the key', () => {
    expect(createWordCodes(Buffer.alloc(32, 2)).encode(['secret'])).not.toBe(codes.encode(['secret']));
  });
  test('keep order and length, and nothing of the words', () => {
    expect(codes.encode(['a', 'b', 'a'])).toMatch(/^(\.[\w-]{6})\.[\w-]{6}\1$/);
  });
});
