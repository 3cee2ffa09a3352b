import { hash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { sha256 } from './sha256.js';

test('is the digest that the library gives in bytes, whatever the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(sha256(text).equals(hash('sha256', text, 'buffer'))).toBe(true);
    }),
  );
});

test("is nobody else's to change", () => {
  const first = sha256('a');
  const kept = Buffer.from(first);
  sha256('b').fill(0);
  expect(first.equals(kept)).toBe(true);
});
