import { describe, expect, test } from '@jest/globals';
import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import type { Json } from '../model/request.js';
import { isCanonicalText } from './canonical-text.js';
import { splitPolicies } from './packed-split.js';

const text = (value: unknown): string => canonicalize(value) ?? '';

describe('splitPolicies', () => {
  test('takes policies out of their sets and leaves everything else', () => {
    const sets = [
      { name: 'a', policies: [{ x: '"]}' }, 5, 'y\\"'], tenant: 't' },
      { name: 'b', policies: [] },
      { name: 'c' },
      { name: 'd', policies: [[1, [2]]], 'policies"': [7] },
    ];
    expect(splitPolicies(text({ name: 'n', sets, version: '1' }))).toEqual({
      rest: text({
        name: 'n',
        sets: [{ ...sets[0], policies: [] }, sets[1], sets[2], { ...sets[3], policies: [] }],
        version: '1',
      }),
      policies: [['{"x":"\\"]}"}', '5', '"y\\\\\\""'], [], ['[1,[2]]']],
    });
  });

  test('the parts are canonical exactly if the whole is', () => {
    const anyJson = fc.json().map((json) => JSON.parse(json) as Json);
    const whole = fc.record({
      before: anyJson,
      sets: fc.array(fc.record({ policies: fc.array(anyJson), z: anyJson })),
    });
    const spoil = fc.constantFrom(
      (given: string) => given,
      (given: string) => given.replace(',', ', '),
      (given: string) => given.replace('"z"', '"a"'),
      (given: string) => given.replace('1', '1.0'),
      (given: string) => given.replace(']', ',]'),
      (given: string) => given.replace('{', '{"a":1,"a":1,'),
      (given: string) => given.slice(0, -1),
    );
    const isCanonical = (given: string): boolean => {
      try {
        return isCanonicalText(JSON.parse(given) as Json, given);
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(whole, spoil, (value, change) => {
        const given = change(text(value));
        const split = splitPolicies(given);
        const parts = split === undefined ? [''] : [split.rest, ...split.policies.flat()];
        expect(parts.every(isCanonical)).toBe(isCanonical(given));
      }),
      { numRuns: 500 },
    );
  });

  test('finds the policies of the document before, whatever was done to them', () => {
    const object = fc.record({ a: fc.integer(), b: fc.constantFrom('', '"', '}') });
    const lists = fc.array(fc.array(object, { maxLength: 6 }), { maxLength: 3 });
    const texts = (some: readonly (readonly unknown[])[]): string[][] => some.map((list) => list.map(text));
    fc.assert(
      fc.property(lists, fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(2), object)), (before, edits) => {
        const after = before.map((list) => [...list]);
        for (const [set, place, removed, one] of edits) {
          after[set % Math.max(1, after.length)]?.splice(place % 6, removed, ...(removed === 2 ? [] : [one]));
        }
        const given = text({ sets: after.map((policies) => ({ policies })) });
        const split = splitPolicies(given, texts(before));
        expect(split).toEqual(splitPolicies(given));
        expect(split?.policies).toEqual(texts(after));
      }),
    );
  });

  test.each(['', '{', '{}', '[]', '{"sets":5}', '{"sets":[', '{"sets":[{"policies":[', '{"sets":[{"policies":[5'])(
    'gives nothing for %s',
    (given) => {
      expect(splitPolicies(given)).toBeUndefined();
    },
  );
});
