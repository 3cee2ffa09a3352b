import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { createPatternSearches } from './pattern-search.js';

test('patterns that are looked for together are found as RE2 finds each alone', () => {
  const piece = fc.constantFrom(
    'a',
    'b',
    '.',
    '\\.',
    '*',
    '+',
    '?',
    '{2}',
    '(',
    ')',
    '|',
    '[ab]',
    '[^a]',
    '$',
    '\\$',
    '\\',
    '\\b',
    '💡',
  );
  const pattern = fc
    .tuple(fc.constantFrom('^', '^', ''), fc.array(piece, { maxLength: 7 }), fc.constantFrom('$', '$', ''))
    .map(([start, pieces, end]) => start + pieces.join('') + end)
    .filter((written) => written !== '');
  const text = fc.array(fc.constantFrom('a', 'b', '.', '$', '\n', '💡'), { maxLength: 6 }).map((all) => all.join(''));
  let compared = 0;
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 40 }), fc.array(text, { minLength: 5 }), (written, texts) => {
      const searchOf = createPatternSearches();
      for (const one of written) {
        let alone: RE2JS;
        try {
          alone = RE2JS.compile(one);
        } catch {
          continue;
        }
        const search = searchOf(one, 'tool.name');
        compared += 1;
        expect(texts.filter((value) => search(value) !== alone.test(value))).toEqual([]);
      }
    }),
    { numRuns: 500 },
  );
  expect(compared).toBeGreaterThan(1000);
});

test('a pattern that joins later does not change what the earlier ones find', () => {
  const searchOf = createPatternSearches();
  const first = searchOf('a', 'tool.name');
  expect(first('ab')).toBe(true);
  const searches = ['b', 'c', ...Array.from({ length: 40 }, (_, index) => `x${index}y`)].map((pattern) =>
    searchOf(pattern, 'tool.name'),
  );
  expect([first, ...searches].map((search) => search('ab x7y')).filter(Boolean)).toHaveLength(3);
  expect([first, ...searches].map((search) => search('cc')).filter(Boolean)).toHaveLength(1);
});

test('sixteen patterns of the largest size can be looked for together', () => {
  const searchOf = createPatternSearches();
  const searches = Array.from({ length: 16 }, (_, index) =>
    searchOf(`${index}z[a-z]{500}(?:[0-9]{500}|q)$`, 'tool.name'),
  );
  const text = `7z${'m'.repeat(500)}q`;
  expect(searches.map((search) => search(text)).indexOf(true)).toBe(7);
});
