import { describe, expect, test } from '@jest/globals';
import type { Json } from '@portcullis/policy/model';
import canonicalize from 'canonicalize';
import { type Findings, found } from './findings.js';
import { MAX_JSON_DEPTH, readJson, readJsonObject, writeJson } from './json-bytes.js';

function read(bytes: unknown): { readonly value: Json | undefined; readonly reason: string | undefined } {
  const findings: Findings = [];
  const value = readJson(bytes, 'here', findings);
  return { value, reason: findings[0]?.message };
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}

describe('readJson', () => {
  test.each<[string, string, Json]>([
    ['null', 'null', null],
    ['an empty object', '{}', {}],
    ['text with every escape', '"\\b\\t\\n\\f\\r\\"\\\\\\u0000\\u001f"', '\b\t\n\f\r"\\\0\u001f'],
    ['text beyond ASCII', '"€𝄞\u2028"', '€𝄞\u2028'],
    ['text that looks like an escaped surrogate', '"\\\\ud800"', '\\ud800'],
    ['text that names a prototype', '"__proto__"', '__proto__'],
    ['the largest safe integer', '9007199254740991', 9007199254740991],
    ['a fraction', '0.1', 0.1],
    ['an exponent', '1e+21', 1e21],
    ['a tiny number', '5e-324', 5e-324],
    ['members in any order', '{"b":1,"a":2}', { b: 1, a: 2 }],
    ['integer-like members as ECMAScript orders them', '{"9":1,"10":2}', { 9: 1, 10: 2 }],
    ['integer-like members as RFC 8785 orders them', '{"10":2,"9":1}', { 9: 1, 10: 2 }],
    ['the deepest nesting', nested(MAX_JSON_DEPTH), JSON.parse(nested(MAX_JSON_DEPTH)) as Json],
  ])('reads %s', (_name, text, expected) => {
    const { value, reason } = read(Buffer.from(text));
    expect(reason).toBeUndefined();
    expect(value).toEqual(expected);
  });

  test.each([
    ['nothing', ''],
    ['two values', '1 2'],
    ['a trailing byte', '{}x'],
    ['a trailing zero byte', '{}\0'],
    ['a byte order mark', '\ufeff{}'],
    ['white space before', ' {}'],
    ['white space within', '{"a": 1}'],
    ['white space after', '{}\n'],
    ['a duplicate member', '{"a":1,"a":1}'],
    ['a duplicate member with another value', '{"a":1,"a":2}'],
    ['a duplicate member below', '[{"x":{"a":1,"a":2}}]'],
    ['a duplicate member behind an escape', '{"a":1,"\\u0061":2}'],
    ['a needless escape', '"\\u0061"'],
    ['an escaped slash', '"\\/"'],
    ['an escape in capitals', '"\\u001F"'],
    ['a lone high surrogate', '"\\ud800"'],
    ['a lone low surrogate', '"\\udc00"'],
    ['a lone surrogate in capitals', '"\\uD800"'],
    ['a lone surrogate in a name', '{"\\ud800":1}'],
    ['an escaped surrogate pair', '"\\ud834\\udd1e"'],
    ['a number written longer', '1.0'],
    ['an exponent written shorter', '1e3'],
    ['negative zero', '-0'],
    ['an integer that loses a digit', '9007199254740993'],
    ['the first unsafe integer', '9007199254740992'],
    ['a large negative integer', '-9007199254740992'],
    ['an integer of 21 digits', '100000000000000000000'],
    ['digits that are lost', '0.1000000000000000055511151231257827'],
    ['a number beyond the largest', '1e400'],
    ['the same, within', '{"a":[1e400]}'],
    ['NaN', 'NaN'],
    ['a single quote', "'a'"],
    ['a comment', '{}//'],
    ['__proto__', '{"__proto__":{}}'],
    ['__proto__ below', '[{"a":{"__proto__":1}}]'],
    ['constructor', '{"constructor":{}}'],
    ['prototype', '{"prototype":{}}'],
    ['one level too many', nested(MAX_JSON_DEPTH + 1)],
    ['a hundred thousand levels', nested(100_000)],
    ['members neither ordered by ECMAScript nor by RFC 8785', '{"b":1,"10":2,"9":3}'],
  ])('refuses %s', (_name, text) => {
    const { value, reason } = read(Buffer.from(text));
    expect(value).toBeUndefined();
    expect(reason).toEqual(expect.any(String));
  });

  test.each([
    ['a stray continuation byte', [0x22, 0x80, 0x22]],
    ['an overlong form', [0x22, 0xc0, 0xaf, 0x22]],
    ['an encoded surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['a truncated sequence', [0x22, 0xe2, 0x82, 0x22]],
    ['a code point beyond the last', [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22]],
    ['UTF-16', [0x7b, 0x00, 0x7d, 0x00]],
  ])('refuses %s', (_name, bytes) => {
    expect(read(Buffer.from(bytes)).value).toBeUndefined();
  });

  test.each([
    ['nothing', undefined],
    ['text instead of bytes', '{}'],
    ['an object', {}],
  ])('refuses %s', (_name, bytes) => {
    expect(read(bytes).reason).toMatch(/expected bytes/);
  });

  test('reads a part of a larger buffer', () => {
    expect(read(new Uint8Array(Buffer.from('xx{"a":1}yy')).subarray(2, 9)).value).toEqual({ a: 1 });
  });
});

describe('writeJson', () => {
  test.each<[string, Json]>([
    ['text', 'a "quoted" \u2028 text'],
    ['an object', { z: [1, -0.5, 1e21, 5e-324, true, null], a: { 10: 'x', 9: 'y' } }],
  ])('writes what readJson reads: %s', (_name, value) => {
    expect(read(writeJson(value)).value).toEqual(value);
    expect(read(Buffer.from(canonicalize(value) ?? '')).value).toEqual(value);
  });

  test.each<[string, Json]>([
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate in a name', { '\udc00': 1 }],
  ])('makes bytes that are refused of %s', (_name, value) => {
    expect(read(writeJson(value)).value).toBeUndefined();
  });
});

describe('readJsonObject', () => {
  test.each([
    ['a list', '[]'],
    ['null', 'null'],
    ['text', '"a"'],
  ])('refuses %s', (_name, text) => {
    const findings: Findings = [];
    expect(readJsonObject(Buffer.from(text), 'here', findings)).toBeUndefined();
    const expected: Findings = [];
    found(expected, 'ERR_WIRE_JSON', 'here', 'expected a JSON object');
    expect(findings).toEqual(expected);
  });
});
