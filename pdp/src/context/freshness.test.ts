import { expect, test } from '@jest/globals';
import { freshMsOf } from './freshness.js';

const FOR_EVER = Number.POSITIVE_INFINITY;

test.each<[string | undefined, number]>([
  [undefined, FOR_EVER],
  ['', FOR_EVER],
  ['public, must-revalidate', FOR_EVER],
  ['max-age=5', 5_000],
  ['Max-Age = 5 , public', 5_000],
  ['max-age="5"', 5_000],
  ['max-age=0', 0],
  ['no-store', 0],
  ['no-cache', 0],
  ['no-cache="set-cookie", max-age=5', 0],
  ['max-age=5, No-Store', 0],
  ['max-age=9, s-maxage=5', 5_000],
  ['max-age=5, max-age=9', 5_000],
  ['max-age', 0],
  ['max-age=', 0],
  ['max-age=-1', 0],
  ['max-age=1.5', 0],
  ['max-age=5s', 0],
  ['max-age=99999999999999999999', 2 ** 31 * 1_000],
  ['x-max-age=5', FOR_EVER],
])('Cache-Control: %s', (said, expected) => {
  expect(freshMsOf(said === undefined ? {} : { 'cache-control': said })).toBe(expected);
});

test.each<[string, number]>([
  ['2', 3_000],
  ['5', 0],
  ['9', 0],
  ['soon', 0],
])('what caches before us have used up is gone: Age %s', (age, expected) => {
  expect(freshMsOf({ 'cache-control': 'max-age=5', age })).toBe(expected);
});
