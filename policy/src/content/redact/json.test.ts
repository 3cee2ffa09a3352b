import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { customPattern } from './custom-pattern.js';
import { typesOfDetectors } from './detectors.js';
import { jsonEdits, redactJson } from './json.js';
import { dropping, hashing, masking } from './replacement.js';
import { restoration } from './restore.js';
import { redactionRules } from './text.js';

const SECRETS = new Set(typesOfDetectors(['secret']));
const MASK = masking({ secretTypes: SECRETS });
const ALL = redactionRules(typesOfDetectors(['card', 'email', 'iban', 'ssn', 'phone', 'ip', 'secret']), MASK);
const CARD = '4111111111111111';

/** Every character as an escape. */
const escaped = (text: string): string =>
  Array.from(text, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');

describe('a JSON document', () => {
  test.each<[what: string, source: string, expected: string]>([
    ['a text', `{"a": "card ${CARD}."}`, '{"a": "card ************1111."}'],
    ['a number', `{"card":${CARD}}`, '{"card":"************1111"}'],
    ['an element', `[1, ["${CARD}"]]`, '[1, ["************1111"]]'],
    ['a text alone', `"${CARD}"`, '"************1111"'],
    ['escapes', `{"a":"\\ud83d\\ude00 ${escaped(CARD)}\\n"}`, '{"a":"\\ud83d\\ude00 ************1111\\n"}'],
    [
      'an escaped slash',
      '{"u":"postgres:\\/\\/app:Tr0ub4dor@dbhost\\/x"}',
      '{"u":"postgres:\\/\\/app:********@dbhost\\/x"}',
    ],
    ['a name that says it', '{"SSN": "219099998"}', '{"SSN": "*********"}'],
    ['a name that says it is secret', '{"db_password" : "letmein"}', '{"db_password" : "********"}'],
    [
      'JSON in a string',
      JSON.stringify({ a: JSON.stringify({ b: CARD }) }),
      '{"a":"{\\"b\\":\\"************1111\\"}"}',
    ],
    [
      'JSON in JSON in a string',
      JSON.stringify({ a: JSON.stringify({ b: JSON.stringify([CARD]) }) }),
      JSON.stringify({ a: JSON.stringify({ b: JSON.stringify(['************1111']) }) }),
    ],
    [
      'escapes in JSON in a string',
      JSON.stringify({ a: `{"b":"${escaped(CARD)}"}` }),
      JSON.stringify({ a: '{"b":"************1111"}' }),
    ],
    ['a number that is written otherwise', '{"a":4.111111111111111e15}', '{"a":"************1111"}'],
    ['another', '[41111111111111110E-1 , 1e5]', '["************1111" , 1e5]'],
    [
      'forms of numbers and space',
      `{ "n" : 1.0e+2 ,\t"c":"${CARD}" , "z":-0.0}`,
      '{ "n" : 1.0e+2 ,\t"c":"************1111" , "z":-0.0}',
    ],
    ['nothing', '{ "n" : 1.0e+2, "t": "\\u00e4 \\/" }', '{ "n" : 1.0e+2, "t": "\\u00e4 \\/" }'],
  ])('%s', (_what, source, expected) => {
    expect(redactJson(source, { rules: ALL })).toBe(expected);
    expect(() => JSON.parse(expected) as unknown).not.toThrow();
  });

  test('names are left alone unless they are asked for', () => {
    const source = `{"${CARD}": 1}`;
    expect(redactJson(source, { rules: ALL })).toBe(source);
    expect(redactJson(source, { rules: ALL, names: true })).toBe('{"************1111": 1}');
  });

  test('names that become the same are told apart, and those that were the same stay so', () => {
    const source = '{"a":{"jo@example.com":1,"al@example.com":2},"b":[{"al@example.com":3}],"jo@example.com":"x"}';
    expect(
      redactJson(source, { rules: ALL, names: true, isSearched: ([first]) => first === 'a' || first === 'b' }),
    ).toBe('{"a":{"**@*******.***":1,"**@*******.*** (2)":2},"b":[{"**@*******.*** (2)":3}],"jo@example.com":"x"}');
    const inner = JSON.stringify({ t: '{"\\u0034111111111111111":1}' });
    expect(redactJson(inner, { rules: ALL, names: true })).toBe('{"t":"{\\"************1111\\":1}"}');
    const many = `{${Array.from({ length: 20_000 }, (_one, at) => `"a${at % 10}${String.fromCharCode(97 + (at % 26))}@example.com${'.'.repeat(at % 2)}":${at}`).join()}}`;
    expect(redactJson(many, { rules: ALL, names: true })).not.toContain('a1b@');
  });

  test.each([
    ['behind', `{"${CARD}":1,"************1111":2}`, '{"************1111 (2)":1,"************1111":2}'],
    ['before', `{"************1111":2,"${CARD}":1}`, '{"************1111":2,"************1111 (2)":1}'],
    [
      'with a number',
      `{"${CARD}":1,"************1111":2,"************1111 (2)":3}`,
      '{"************1111 (3)":1,"************1111":2,"************1111 (2)":3}',
    ],
    ['further out', `{"************1111":{"${CARD}":1}}`, '{"************1111":{"************1111 (2)":1}}'],
  ])('a name does not become one that stands %s already', (_where, source, expected) => {
    expect(redactJson(source, { rules: ALL, names: true })).toBe(expected);
  });

  test('only what is searched changes, and what is masked goes whole', () => {
    const source = `{"a":{"to":"jo@example.com","n":[1,{"x":2}]},"b":"jo@example.com"}`;
    expect(redactJson(source, { rules: ALL, isSearched: ([first]) => first === 'a' })).toBe(
      '{"a":{"to":"**@*******.***","n":[1,{"x":2}]},"b":"jo@example.com"}',
    );
    expect(redactJson(source, { isMasked: (path) => path.join('.') === 'a.n' })).toBe(
      '{"a":{"to":"jo@example.com","n":"***"},"b":"jo@example.com"}',
    );
  });

  test('what is searched may be in the JSON of a string that is not', () => {
    const source = JSON.stringify({ text: JSON.stringify({ card: CARD, other: CARD }), card: 'x', note: `[${CARD}` });
    const isSearched = (path: readonly string[]): boolean => path.at(-1) === 'card';
    expect(redactJson(source, { rules: ALL, isSearched })).toBe(
      JSON.stringify({
        text: JSON.stringify({ card: '************1111', other: CARD }),
        card: 'x',
        note: `[${CARD}`,
      }),
    );
  });

  test('too deep is refused, not left as it is', () => {
    const source = `${'['.repeat(600)}"${CARD}"${']'.repeat(600)}`;
    expect(() => jsonEdits(source, { rules: ALL })).toThrow(RangeError);
  });

  test('what is not found keeps its bytes, whatever the document', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom('', ' ', '\n\t'), (json, space) => {
        const source = `{${space}"doc":${json},${space}"card":"x ${CARD} y"}`;
        const rules = redactionRules(['CREDIT_CARD'], () => 'HIT');
        const edits = jsonEdits(source, { rules }).filter(({ end }) => source.slice(0, end).endsWith(CARD));
        expect(edits.length).toBeGreaterThanOrEqual(1);
        const redacted = redactJson(source, { rules });
        expect(redacted).not.toContain(CARD);
        if (jsonEdits(source, { rules }).length === 1) expect(redacted).toBe(source.replace(CARD, 'HIT'));
      }),
    );
  });
});

describe('replacements', () => {
  const of = (replace: Parameters<typeof redactionRules>[1], text: string): string =>
    JSON.parse(
      redactJson(JSON.stringify(text), { rules: redactionRules(['CREDIT_CARD', 'API_KEY'], replace) }),
    ) as string;

  test('a mask keeps the shape, and the last four of a card', () => {
    expect(of(MASK, 'pay 4111 1111 1111 1111 now')).toBe('pay **** **** **** 1111 now');
    expect(of(masking({ placeholder: '[gone]', secretTypes: SECRETS }), `pay ${CARD}`)).toBe('pay [gone]');
  });

  test('dropped', () => {
    expect(of(dropping, `a ${CARD} b`)).toBe('a  b');
  });

  test('a hash is equal for equal values under one key and scope, and finds nothing itself', () => {
    const hash = hashing(Buffer.alloc(32, 1), 'acme');
    const first = of(hash, `a ${CARD}`);
    expect(first).toMatch(/^a \[CARD:[a-p]{20}\]$/);
    expect(of(hash, 'a 4111-1111-1111-1111')).toBe(first);
    expect(of(hashing(Buffer.alloc(32, 1), 'other'), `a ${CARD}`)).not.toBe(first);
    expect(of(hashing(Buffer.alloc(32, 2), 'acme'), `a ${CARD}`)).not.toBe(first);
    expect(of(hash, first)).toBe(first);
  });

  test('placeholders are put back on every level, and what stands for nothing stays', () => {
    const rules = restoration((token) => (token === '[CARD_1]' ? 'a "b" \\ c' : undefined));
    const source = JSON.stringify({ a: '[CARD_1] [CARD_2]', b: JSON.stringify({ c: '[CARD_1]' }) });
    const restored = JSON.parse(redactJson(source, { rules })) as { a: string; b: string };
    expect(restored.a).toBe('a "b" \\ c [CARD_2]');
    expect(JSON.parse(restored.b)).toEqual({ c: 'a "b" \\ c' });
  });

  test("a policy's own pattern", () => {
    const rules = redactionRules([], MASK, [customPattern('CUST-[0-9]+')]);
    expect(redactJson('{"a":"CUST-1234 x"}', { rules })).toBe('{"a":"****-**** x"}');
  });

  test('a detector that is not known is an error', () => {
    expect(() => typesOfDetectors(['cards'])).toThrow(RangeError);
    expect(typesOfDetectors(['credit_card', 'SECRET'])).toContain('PRIVATE_KEY');
  });
});
