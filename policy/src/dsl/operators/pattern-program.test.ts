import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { anchoredPrefix } from './pattern-program.js';

test.each([
  { pattern: '^abc', prefix: 'abc' },
  { pattern: '^abc$', prefix: 'abc' },
  { pattern: '^mcp://files/.*', prefix: 'mcp://files/' },
  { pattern: '^a\\.b\\/c', prefix: 'a.b/c' },
  { pattern: '^ab*', prefix: 'a' },
  { pattern: '^ab?c', prefix: 'a' },
  { pattern: '^ab{0,2}', prefix: 'a' },
  { pattern: '^ab+c', prefix: 'ab' },
  { pattern: '^ab+{0,1}', prefix: '' },
  { pattern: '^ab+*', prefix: '' },
  { pattern: '^ab+?c', prefix: 'ab' },
  { pattern: '^ab(c|d)', prefix: 'ab' },
  { pattern: '^ab(c|(d|e))*', prefix: 'ab' },
  { pattern: '^ab[|]c', prefix: 'ab|c' },
  { pattern: '^ab\\(|c', prefix: '' },
  { pattern: '^ab[(]|c', prefix: '' },
  { pattern: '^ab(c)|d', prefix: '' },
  { pattern: '^ab[[:alpha:]]|d', prefix: '' },
  { pattern: '^ab(c|d', prefix: '' },
  { pattern: '^a|b', prefix: '' },
  { pattern: '(?i)^abc', prefix: '' },
  { pattern: '^(?i)abc', prefix: '' },
  { pattern: '^a(?i)bc', prefix: 'a' },
  { pattern: '^a(?i)*', prefix: '' },
  { pattern: '^a\\Q\\E*', prefix: '' },
  { pattern: '^\\d+', prefix: '' },
  { pattern: '^a\\d', prefix: 'a' },
  { pattern: '^\\Qa.b\\E', prefix: 'a.b' },
  { pattern: '^💡*', prefix: '' },
  { pattern: '^💡+', prefix: '💡' },
  { pattern: '^^a', prefix: 'a' },
  { pattern: 'abc', prefix: '' },
  { pattern: '^', prefix: '' },
  { pattern: '\\Aabc', prefix: 'abc' },
  { pattern: '(^ab)c', prefix: 'abc' },
  { pattern: '^(?:abc|abd)', prefix: 'ab' },
  { pattern: '(?m)^abc', prefix: '' },
  { pattern: '^\\x{fffd}a', prefix: '' },
])('every match of $pattern begins with "$prefix"', ({ pattern, prefix }) => {
  expect(anchoredPrefix(pattern)).toBe(prefix);
});

test('no text has a match and not the prefix', () => {
  const piece = fc.constantFrom(
    'a',
    'b',
    '.',
    '\\.',
    '*',
    '+',
    '?',
    '{2}',
    '{0,1}',
    '(?:ab)',
    '\\Qa',
    '\\E',
    '(?:',
    ')',
    '\\x61',
    '[^',
    ']',
    '-',
    '\n',
    '(?m)',
    '(?x)',
    ' ',
    '#',
    '(a)',
    '[ab]',
    '|',
    '$',
    '^',
    '(?i)',
    '\\b',
    'A',
  );
  const pattern = fc.array(piece, { maxLength: 7 }).map((pieces) => `^${pieces.join('')}`);
  const text = fc.array(fc.constantFrom('a', 'b', 'A', 'B', '.'), { maxLength: 6 }).map((all) => all.join(''));
  fc.assert(
    fc.property(pattern, fc.array(text, { minLength: 10 }), (written, texts) => {
      let compiled: RE2JS;
      try {
        compiled = RE2JS.compile(written);
      } catch {
        return;
      }
      const prefix = anchoredPrefix(written);
      expect(texts.filter((value) => compiled.test(value) && !value.startsWith(prefix))).toEqual([]);
    }),
    { numRuns: 5000 },
  );
});
