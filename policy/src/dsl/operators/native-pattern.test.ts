import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { nativePattern } from './native-pattern.js';
import { linkPattern } from './pattern.js';

const unit = fc.constantFrom('a', 'b', 'c', '-', '/', '.', '\n', 'é', '😀', '\u2028', '\v', '_', '0');
const text = fc.array(unit, { maxLength: 12 }).map((units) => units.join(''));

/** Patterns from the pieces that are read, and from some that are not. */
const atom = fc.constantFrom(
  ...[
    'a',
    'b',
    'c',
    '\\.',
    '\\-',
    '/',
    '.',
    '[a-b]',
    '[^a]',
    '[a-c_]',
    '[b-]',
    '[\\d.]',
    '\\d',
    '\\w',
    '\\W',
    '\\s',
    '\\S',
  ],
  ...['é', '😀', '[^\\w]', '[^a-c]', '\\b', '[[:alpha:]]', '(?i:a)', '[]a]', '^', '$', '\\x41', '\\pL'],
);
const repeat = fc.constantFrom('', '', '', '', '*', '+', '?', '{2}', '{1,2}', '{0,3}', '{2,}', '*?', '+?');
const pattern = fc.letrec<{ alternatives: string; sequence: string }>((tie) => ({
  sequence: fc
    .array(
      fc.tuple(
        fc.oneof(
          { maxDepth: 2 },
          { weight: 5, arbitrary: atom },
          fc.tuple(fc.constantFrom('(', '(?:'), tie('alternatives')).map(([open, inner]) => `${open}${inner})`),
        ),
        repeat,
      ),
      { maxLength: 5 },
    )
    .map((parts) => parts.map(([one, times]) => one + times).join('')),
  alternatives: fc.array(tie('sequence'), { minLength: 1, maxLength: 3 }).map((all) => all.join('|')),
})).alternatives;
const anchored = fc
  .tuple(fc.constantFrom('', '^', '^'), pattern, fc.constantFrom('', '$'))
  .map((parts) => parts.join(''))
  .filter((one) => one !== '');

function re2(source: string): RE2JS | undefined {
  try {
    return RE2JS.compile(source);
  } catch {
    return undefined;
  }
}

describe('nativePattern', () => {
  test('matches what RE2 matches', () => {
    let compared = 0;
    fc.assert(
      fc.property(anchored, fc.array(text, { minLength: 10, maxLength: 10 }), (source, texts) => {
        const expected = re2(source);
        const native = expected === undefined ? undefined : nativePattern(source);
        if (expected === undefined || native === undefined) return;
        const linked = linkPattern(source);
        for (const one of texts) {
          compared += 1;
          const matches = linked(one);
          expect([source, one, matches]).toEqual([source, one, expected.test(one)]);
          if (matches) expect(one.startsWith(native.prefix)).toBe(true);
        }
      }),
      { numRuns: 5_000 },
    );
    expect(compared).toBeGreaterThan(2_000);
  });

  test.each([
    ['^/work/[a-z]+', '/work/'],
    ['^/srv/(reports|data)/[a-z0-9-]+\\.(csv|json)$', '/srv/'],
    ['^a{2}b', 'aab'],
    ['^ab?c', 'a'],
    ['^ab+c', 'ab'],
    ['\\d{3}-\\d{2}-\\d{4}', ''],
    ['password|secret', ''],
    ['^\\w+@\\w+\\.com$', ''],
    ['^.*$', ''],
  ])('reads %s', (source, prefix) => {
    expect(nativePattern(source)?.prefix).toBe(prefix);
  });

  test.each([
    '^(a+)+$',
    '^(a|b)*$',
    '^a*a$',
    '^a*b*a$',
    '^[a-z]+[a-z]$',
    '^.*x',
    '^a{1,50}a{1,50}$',
    '^\\w*\\d',
    '^a*(b?a)$',
    'a+b',
    '[a-z]*',
    '^(a?)(a?)(a?)(a?)(a?)(a?)$',
    '^a|b',
    'a|b$',
    '(?i)abc',
    '\\bword\\b',
    'a$b',
    '[[:digit:]]',
  ])('leaves %s to RE2', (source) => {
    expect(re2(source)).toBeDefined();
    expect(nativePattern(source)).toBeUndefined();
  });

  test('takes time in proportion to the text, whatever it is', () => {
    // What would take a backtracking engine that has a choice longer than this test may run.
    const long = `${'a'.repeat(200_000)}!`;
    for (const source of ['^[a-z]+@', '^a+b?c?$', '^(a|b)c?a*$', 'a{60}b', '^[^b]*b', '^[a-z]+\\s?\\d$']) {
      expect(nativePattern(source)?.expression.test(long)).toBe(false);
    }
  });
});
