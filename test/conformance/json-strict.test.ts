import { describe, expect, test } from '@jest/globals';
import { parseStrictJson } from '@portcullis/runtime';
import { ACCEPTED, REFUSED } from './json-strict-cases.js';

/** Lossy on purpose: only what a string can hold can be compared with `JSON.parse`. */
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe('parseStrictJson refuses', () => {
  test('at least 150 inputs, each under a name of its own', () => {
    const names = REFUSED.map((row, index) => `${index} ${row.name}`);
    expect(new Set(names).size).toBe(names.length);
    expect(REFUSED.length).toBeGreaterThanOrEqual(150);
  });

  test.each(REFUSED.map((row) => [row.name, row] as const))('%s', (_name, row) => {
    const result = parseStrictJson(row.bytes);
    expect(result.ok).toBe(false);
    if (result.ok) return;
    expect(row.kinds).toContain(result.kind);
    expect(result.offset).toBeGreaterThanOrEqual(0);
    expect(result.offset).toBeLessThanOrEqual(row.bytes.byteLength);
    expect(result.reason).not.toBe('');
  });

  test('a document of one byte more than its cap, and not one of exactly its cap', () => {
    const bytes = new TextEncoder().encode('[1,2]');
    expect(parseStrictJson(bytes, { maxBytes: bytes.byteLength })).toMatchObject({ ok: true });
    expect(parseStrictJson(bytes, { maxBytes: bytes.byteLength - 1 })).toMatchObject({ ok: false, kind: 'size' });
  });

  test('more keys than its cap', () => {
    const bytes = new TextEncoder().encode('{"a":{"b":1},"c":2}');
    expect(parseStrictJson(bytes, { maxKeys: 3 })).toMatchObject({ ok: true });
    expect(parseStrictJson(bytes, { maxKeys: 2 })).toMatchObject({ ok: false, kind: 'size' });
  });

  test('every truncation of a document that has everything', () => {
    const whole = new TextEncoder().encode('{"k\\u00e9":[1.5e2,-0,true,null,"\\ud83d\\ude00é",{}],"m":false}');
    expect(parseStrictJson(whole)).toMatchObject({ ok: true });
    for (let length = 0; length < whole.byteLength; length += 1) {
      expect({ length, ok: parseStrictJson(whole.subarray(0, length)).ok }).toEqual({ length, ok: false });
    }
  });
});

describe('parseStrictJson accepts, with the value that JSON.parse gives', () => {
  test.each(ACCEPTED.map((row) => [row.name, row] as const))('%s', (_name, row) => {
    expect(parseStrictJson(row.bytes)).toEqual({ ok: true, value: JSON.parse(textOf(row.bytes)) });
  });
});
