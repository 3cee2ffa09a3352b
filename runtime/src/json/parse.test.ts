import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { locateFinding } from './locate.js';
import { isFaithfulNumber } from './number.js';
import { parseStrictJson } from './parse.js';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');

describe('parseStrictJson accepts', () => {
  test.each([
    'null',
    ' true\r\n',
    '0',
    '-0',
    '9007199254740991',
    '-9007199254740991',
    '1E22',
    '123.456e-789',
    '0.1',
    `0.${'0'.repeat(400)}1`,
    '""',
    '"\\u0000"',
    '"\\ud83d\\ude00"',
    '"😀"',
    '"\\"{[:,"',
    '"\uffff"',
    '[]',
    '{}',
    '{"":0}',
    '[{"a":1},{"a":1}]',
    '{"a":{"a":{"a":1}}}',
    '{"A":1,"a":2}',
    '{"a:b":"c:d","\\\\":1}',
    `${'['.repeat(64)}${']'.repeat(64)}`,
  ])('%j', (text) => {
    expect(parseStrictJson(bytes(text))).toEqual({ ok: true, value: JSON.parse(text) });
  });
});

describe('parseStrictJson refuses', () => {
  test.each([
    ['', 'syntax', 0],
    ['  ', 'syntax', 2],
    ['nul', 'syntax', 0],
    ['[1,]', 'syntax', 3],
    ['{"a":1,}', 'syntax', 7],
    ['{a:1}', 'syntax', 1],
    ["{'a':1}", 'syntax', 1],
    ['[1 2]', 'syntax', 3],
    ['{"a" 1}', 'syntax', 5],
    ['{"a":}', 'syntax', 5],
    ['[', 'syntax', 1],
    [']', 'syntax', 0],
    ['[}', 'syntax', 1],
    ['{}{}', 'syntax', 2],
    ['1 2', 'syntax', 2],
    ['01', 'syntax', 1],
    ['-', 'syntax', 0],
    ['1.', 'syntax', 1],
    ['.5', 'syntax', 0],
    ['1e', 'syntax', 1],
    ['+1', 'syntax', 0],
    ['NaN', 'syntax', 0],
    ['Infinity', 'syntax', 0],
    ['0x10', 'syntax', 1],
    ['"a', 'syntax', 0],
    ['"a\nb"', 'syntax', 0],
    ['"a\u0000b"', 'syntax', 0],
    ['"\\x"', 'syntax', 0],
    ['"\\u12g4"', 'syntax', 0],
    ['/**/1', 'syntax', 0],
    ['1//', 'syntax', 1],
    ['\u00a01', 'syntax', 0],
    ['{"a":1\u0000}', 'syntax', 6],
    ['{"ä":1,"b":x}', 'syntax', 12],
    ['{"a":1,"a":1}', 'duplicate_key', 7],
    ['{"name":1,"n\\u0061me":2}', 'duplicate_key', 10],
    ['{"x":[{"y":{"k":1,"k":2}}]}', 'duplicate_key', 18],
    ['{"😀":1,"\\ud83d\\ude00":2}', 'duplicate_key', 10],
    ['{"__proto__":1}', 'prototype_key', 1],
    ['[{"constructor":{}}]', 'prototype_key', 2],
    ['{"a":{"prototype":null}}', 'prototype_key', 6],
    ['{"\\u005f_proto__":1}', 'prototype_key', 1],
    ['{"__proto__":1,"__proto__":2}', 'prototype_key', 1],
    ['9007199254740992', 'number', 0],
    ['[-9007199254740992]', 'number', 1],
    ['123456789012345678901234567890', 'number', 0],
    ['1e400', 'number', 0],
    ['[-1E+400]', 'number', 1],
    [`${'9'.repeat(400)}.5`, 'number', 0],
    ['"\\ud800"', 'surrogate', 1],
    ['"\\udc00"', 'surrogate', 1],
    ['"\\uD83D\\u0041"', 'surrogate', 1],
    ['"\\ud83d\\ud83d\\ude00"', 'surrogate', 1],
    ['"\\ude00\\ud83d"', 'surrogate', 1],
    ['{"\\ud800":1}', 'surrogate', 2],
    ['\ufeff{}', 'encoding', 0],
    [`${'['.repeat(65)}${']'.repeat(65)}`, 'depth', 64],
    [`${'{"a":'.repeat(65)}1${'}'.repeat(65)}`, 'depth', 320],
    ['['.repeat(100_000), 'depth', 64],
  ])('%j as %s at byte %i', (text, kind, offset) => {
    expect(parseStrictJson(bytes(text))).toMatchObject({ ok: false, kind, offset });
  });

  test.each([
    ['a byte that is never UTF-8', [0x22, 0xff, 0x22], 1],
    ['an overlong form', [0x22, 0xc0, 0xaf, 0x22], 1],
    ['an encoded surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22], 1],
    ['a cut sequence', [0x22, 0x61, 0xe2, 0x82], 2],
    ['UTF-16 with mark', [0xff, 0xfe, 0x31, 0x00], 0],
    ['a late bad byte', [0x22, ...Array<number>(5000).fill(0x61), 0x80, 0x22], 5001],
  ])('%s', (_name, raw, offset) => {
    expect(parseStrictJson(Uint8Array.from(raw))).toMatchObject({ ok: false, kind: 'encoding', offset });
  });

  test.each([
    ['more bytes than allowed', '[1,2]', { maxBytes: 4 }, 'size'],
    ['more keys than allowed', '[{"a":1},{"b":{"c":1}}]', { maxKeys: 2 }, 'size'],
    ['deeper than allowed', '[[1]]', { maxDepth: 1 }, 'depth'],
  ])('%s', (_name, text, limits, kind) => {
    expect(parseStrictJson(bytes(text), limits)).toMatchObject({ ok: false, kind });
  });

  test('without quoting the document', () => {
    const refusal = parseStrictJson(bytes('{"token":"hunter2" oops}'));
    expect(JSON.stringify(refusal)).not.toMatch(/hunter2|oops|token/);
  });

  test('at most the allowed size, and accepts exactly that', () => {
    expect(parseStrictJson(bytes('[1,2]'), { maxBytes: 5 }).ok).toBe(true);
    expect(parseStrictJson(bytes('{"a":1,"b":2}'), { maxKeys: 2 }).ok).toBe(true);
  });
});

test.each([
  ['{"a":1,"a":2', '}', 'duplicate_key'],
  ['{"a":1,"__proto__":2', '}', 'prototype_key'],
  ['{"a":1,', '}', 'syntax'],
])('a large document is refused by kind, without the place: %s', (start, end, kind) => {
  const padding = ' '.repeat(300_000);
  expect(parseStrictJson(bytes(`${start}${padding}${end}`))).toMatchObject({ ok: false, kind, offset: 0 });
});

test('a view into a larger buffer is read on its own', () => {
  const whole = bytes('xx{"a":1}yy');
  expect(parseStrictJson(whole.subarray(2, 9))).toEqual({ ok: true, value: { a: 1 } });
});

test.each([
  ['9007199254740991', true],
  ['-9007199254740991', true],
  ['9007199254740992', false],
  ['10000000000000000', false],
  ['999999999999999', true],
  ['1e308', true],
  ['1e309', false],
  ['-1e309', false],
])('isFaithfulNumber(%s) is %s', (literal, expected) => {
  expect(isFaithfulNumber(literal)).toBe(expected);
});

const isAcceptable = (value: unknown): boolean => {
  if (typeof value === 'number')
    return !Number.isInteger(value) || Number.isSafeInteger(value) || /e/.test(String(value));
  if (Array.isArray(value)) return value.every(isAcceptable);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(
    ([key, member]) => !['__proto__', 'constructor', 'prototype'].includes(key) && isAcceptable(member),
  );
};

describe('properties', () => {
  const json = fc.json({ maxDepth: 6, stringUnit: 'binary' });

  test('valid JSON gives what JSON.parse gives', () => {
    fc.assert(
      fc.property(json, (text) => {
        const value: unknown = JSON.parse(text);
        fc.pre(isAcceptable(value) && text.isWellFormed() && !/\\ud[89a-f]/i.test(text));
        expect(parseStrictJson(bytes(text))).toEqual({ ok: true, value });
      }),
      { numRuns: 500 },
    );
  });

  test('a duplicate at any depth, however it is written, is refused', () => {
    const quote = (key: string, escaped: boolean): string =>
      escaped
        ? `"${[...Array(key.length).keys()].map((i) => `\\u${key.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`
        : JSON.stringify(key);
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 8 }),
        fc.boolean(),
        fc.boolean(),
        fc.array(fc.constantFrom('array', 'object'), { maxLength: 8 }),
        json.filter((text) => parseStrictJson(bytes(text)).ok),
        (key, first, second, nesting, filler) => {
          fc.pre(!['__proto__', 'constructor', 'prototype'].includes(key));
          const inner = `{${quote(key, first)}:${filler},"~other":[],${quote(key, second)}:${filler}}`;
          const text = nesting.reduce((body, kind) => (kind === 'array' ? `[0,${body}]` : `{"k":${body}}`), inner);
          expect(parseStrictJson(bytes(text))).toMatchObject({ ok: false, kind: 'duplicate_key' });
        },
      ),
      { numRuns: 300 },
    );
  });

  test('damaged JSON never throws, and both readings agree on its grammar and keys', () => {
    const mutation = fc.record({
      at: fc.nat(),
      with: fc.constantFrom('', '"', '\\', ',', ':', '{', '}', '[', ']', '1', 'e', '-', 'a', '\u0000', 'ä'),
    });
    fc.assert(
      fc.property(json, fc.array(mutation, { minLength: 1, maxLength: 4 }), (text, mutations) => {
        let damaged = text;
        for (const { at, with: piece } of mutations) {
          const index = at % (damaged.length + 1);
          damaged = damaged.slice(0, index) + piece + damaged.slice(index + 1);
        }
        fc.pre(damaged.isWellFormed());
        const outcome = parseStrictJson(bytes(damaged));
        const second = locateFinding(damaged);
        const beyondGrammar = ['number', 'surrogate', 'depth'];
        const agree = outcome.ok ? second === undefined : second !== undefined || beyondGrammar.includes(outcome.kind);
        expect(agree).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('any bytes give an answer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (raw) => {
        const outcome = parseStrictJson(raw);
        if (outcome.ok) expect(JSON.parse(Buffer.from(raw).toString())).toEqual(outcome.value);
        else expect(outcome.offset).toBeLessThanOrEqual(raw.length);
      }),
      { numRuns: 1000 },
    );
  });
});
