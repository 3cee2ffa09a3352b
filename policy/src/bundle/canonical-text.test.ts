import { describe, expect, test } from '@jest/globals';
import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import type { Json } from '../model/request.js';
import { isCanonicalText } from './canonical-text.js';

const check = (text: string): boolean => isCanonicalText(JSON.parse(text) as Json, text);

describe('isCanonicalText', () => {
  test('knows what the library writes', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const text = canonicalize(JSON.parse(json)) ?? '';
        expect(check(text)).toBe(true);
        expect(check(json)).toBe(json === text);
      }),
    );
  });

  test.each(['{"a":1,"b":2}', '{"10":1,"2":2}', '"é\\u001f"', '1e+21', '[]', '{"":{"b":[{"a":1,"z":2}]}}'])(
    'takes %s',
    (text) => {
      expect(check(text)).toBe(true);
    },
  );

  test.each([
    '{"b":1,"a":2}',
    '{"2":1,"10":2}',
    '{"a":1,"a":1}',
    '{"a":1, "b":2}',
    '1.0',
    '1E21',
    '-0',
    '"\\u00e9"',
    '"\\/"',
    '[{"b":1,"a":2}]',
  ])('refuses %s', (text) => {
    expect(check(text)).toBe(false);
  });
});
