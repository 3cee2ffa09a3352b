import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeHeaderValue, encodeHeaderValue } from './headers.js';

test.each(['=?base64?ZXZpbA==?=', ' read', 'read ', 'grüß', 'a\tb\nc', ''])(
  '%j is said so that it is read as itself',
  (text) => {
    const said = encodeHeaderValue(text);
    expect(said).toMatch(/^[ -~]*$/);
    expect(decodeHeaderValue(said)).toBe(text);
  },
);

test('every text is, and a plain name stays as it is', () => {
  expect(encodeHeaderValue('read_file')).toBe('read_file');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => decodeHeaderValue(encodeHeaderValue(text)) === text),
  );
});
