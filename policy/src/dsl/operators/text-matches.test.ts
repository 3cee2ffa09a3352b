import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import type { ContextualRequest } from '../../model/facts.js';
import type { Json } from '../../model/request.js';
import type { Field } from '../fields.js';
import { FALSE, TRUE, truthOf } from '../truth.js';
import { TEXT_MATCHES } from './text-matches.js';
import { createZoneClocks } from './zone-clock.js';

const field: Field = { path: 'tool.arguments', segments: ['tool', 'arguments'], type: 'object', sensitive: true };

function link(patterns: readonly string[], caseInsensitive = false): (value: Json) => number {
  const literal = { patterns, ...(caseInsensitive ? { case_insensitive: true } : {}) };
  expect(TEXT_MATCHES.check(literal, field)).toBeUndefined();
  const compare = TEXT_MATCHES.link(literal, field, { zoneClock: createZoneClocks() });
  return (value) => compare(value, {} as ContextualRequest);
}

const piece = fc.constantFrom(
  'a',
  'b',
  'A',
  '1',
  ' ',
  '.',
  '\\.',
  '*',
  '+',
  '?',
  '{2}',
  '{1,3}',
  '(a|b)',
  '(?:ab)',
  '[ab]',
  '[^a]',
  '|',
  '^',
  '$',
  '\\b',
  '\\B',
  '\\d',
  '\\w',
  '\\s',
  '(?i)b',
  '(?m)^',
  '(?s).',
  '\\pL',
  'é',
  '💡',
  '\\x{e9}',
  '(?i:É)',
  'k',
  'K',
  'ſ',
);
const pattern = fc
  .array(piece, { minLength: 1, maxLength: 6 })
  .map((pieces) => pieces.join(''))
  .filter((text) => {
    try {
      RE2JS.compile(text);
      return true;
    } catch {
      return false;
    }
  });
const text = fc
  .array(
    fc.constantFrom('a', 'b', 'A', 'B', '1', ' ', '.', '\n', 'é', 'É', '💡', 'k', 'K', '\u212a', 's', 'ſ', '\u2028'),
    { maxLength: 8 },
  )
  .map((all) => all.join(''));

describe('many patterns in one pass', () => {
  test('match what each of them matches by itself', () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { minLength: 1, maxLength: 6 }),
        fc.array(text, { minLength: 5 }),
        fc.boolean(),
        (patterns, texts, caseless) => {
          const matches = link(patterns, caseless);
          const alone = patterns.map((one) => RE2JS.compile(one, caseless ? RE2JS.CASE_INSENSITIVE : 0));
          for (const value of texts) {
            expect({ value, matches: matches(value) }).toEqual({
              value,
              matches: truthOf(alone.some((one) => one.test(value))),
            });
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('answer the same when they are asked again, in any order', () => {
    const matches = link(['^a+$', 'b{3}', '(x|y)*z']);
    const values = ['aaa', 'aab', 'abbba', 'xyxyz', '', 'xyxy', 'aaa'];
    const first = values.map((value) => matches(value));
    expect(first).toEqual([TRUE, FALSE, TRUE, TRUE, FALSE, FALSE, TRUE]);
    expect([...values].reverse().map((value) => matches(value))).toEqual([...first].reverse());
  });

  test('answer about long texts that lead through more states than they may keep', () => {
    const matches = link(['(a|b)*a(a|b){16}c', '(a|b)*b(a|b){15}d']);
    let state = 1;
    const noise = Array.from({ length: 200_000 }, () => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state > 1_000_000_000 ? 'a' : 'b';
    }).join('');
    expect(matches(noise)).toBe(FALSE);
    expect(matches(`${noise}aaaaaaaaaaaaaaaaaaaac`)).toBe(TRUE);
  });
});

test('a value as deep as a request may be is searched to its end', () => {
  const matches = link(['needle']);
  let deep: Json = 'a needle here';
  for (let depth = 0; depth < 64; depth += 1) deep = depth % 2 === 0 ? [1, deep, null] : { a: true, b: deep };
  expect(matches(deep)).toBe(TRUE);
});
