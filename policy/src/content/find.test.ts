import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findMatches } from './find.js';
import { createFinder, leastBareDigits } from './finder.js';
import { typesOfDetectors } from './redact/detectors.js';
import { jsonEdits } from './redact/json.js';
import { type RedactionRules, redactionRules, textSpans } from './redact/text.js';
import { ALL_RECOGNISERS } from './registry.js';
import { findEverywhere } from './testing/everywhere.js';

const FINDER = createFinder(ALL_RECOGNISERS);
/** One of many kinds, in pieces where a scanner of repositories would take it for a real one. */
const VALUES = [
  '4111 1111 1111 1111',
  '378282246310005',
  'DE89 3704 0044 0532 0130 00',
  'jo.o-neill+x@mail.example.co.uk',
  '+44 20 7946 0958',
  '(212) 555-0187 x12',
  'call 2125550187',
  '203.0.113.7',
  '2001:db8::8a2e:370:7334',
  '2001:db8:1:2:3:4:5:6',
  '1:2:3:4:5:6:203.0.113.7',
  '::1',
  '00:1b:44:11:3a:b7',
  'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4',
  '219-09-9998',
  'CPF 529.982.247-25',
  'NHS number 943 476 5919',
  'national insurance AB 12 34 56 C',
  'RSSMRA85T10A562S',
  'ABCPE1234F',
  'S1234567D',
  '131052-308T',
  'personnummer 811218-9876',
  'born on 1990-01-31',
  'driver 123456',
  'Kennzeichen M-AB 1234',
  'plaka 34 AB 1234',
  ['AK', 'IAQ3EGR7VXK2MZP5TL'].join(''),
  ['gh', 'p_9fK2mQ7xLr4TzWb8VnYc3HsJd6Gp1AeUo5Ri'].join(''),
  'postgres://app:Tr0ub4dor@db.internal:5432/x',
  'password = "hV7!kq92Lm"',
];
const NOISE = [
  'at 10:15:30.123Z',
  '2026-11-22T10:15',
  'v1/58213',
  'bytes=10482',
  '1,250',
  'a:b:c',
  'the line',
  'é',
  '_',
  '12',
];

const piece = fc.oneof(
  fc.constantFrom(...VALUES),
  fc.constantFrom(...NOISE),
  fc.integer({ min: 0, max: 10 ** 13 }).map(String),
  fc.string({ maxLength: 6 }),
);
const texts = fc
  .tuple(fc.array(piece, { maxLength: 8 }), fc.constantFrom(' ', '', ', ', '\n'))
  .map(([pieces, between]) => pieces.join(between));

/** Dense in digits of any length, what parts them, letters, digits that are none of ASCII, and words that say what they are. */
const numeric = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.stringMatching(/^\d{1,5}$/) },
      { weight: 3, arbitrary: fc.stringMatching(/^\d{6,18}$/) },
      { weight: 6, arbitrary: fc.constantFrom(...Array.from(' -./():+,_="\n\\'), '  ') },
      { weight: 2, arbitrary: fc.stringMatching(/^[A-Z]{1,4}$/) },
      { weight: 1, arbitrary: fc.stringMatching(/^[a-f\d]{8,40}$/) },
      { weight: 1, arbitrary: fc.constantFrom('٣', '４', 'é', 'Ä', 'ß', '漢', '😀', '\u0000', '\u007f') },
      {
        weight: 1,
        arbitrary: fc.constantFrom('né', 'NÉE ', 'born ', 'x12', ' ext. 7', '+49', '0049', '(030)', '19', '20'),
      },
      { weight: 1, arbitrary: fc.constantFrom(...ALL_RECOGNISERS.flatMap(({ context = [] }) => context)) },
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(''));

describe('looking only where something may be', () => {
  test.each([0, 0.5])('finds what every pattern finds over the whole text, from a score of %d on', (minScore) => {
    fc.assert(
      fc.property(fc.oneof(texts, numeric), (text) => {
        expect(findMatches(text, FINDER, { minScore })).toEqual(findEverywhere(text, ALL_RECOGNISERS, { minScore }));
      }),
      { numRuns: 300 },
    );
  });

  test('finds the same from a place on, and inside of other matches', () => {
    fc.assert(
      fc.property(fc.oneof(texts, numeric), fc.nat(40), (text, from) => {
        const options = { minScore: 0, isNested: true, from };
        expect(findMatches(text, FINDER, options)).toEqual(findEverywhere(text, ALL_RECOGNISERS, options));
      }),
      { numRuns: 200 },
    );
  });

  test.each(VALUES)('finds %j at every place of a line', (value) => {
    const line = '2026-11-22T10:15:30Z GET /v1/orders/58213 took=12.7ms, nobody waited';
    for (let at = 0; at <= line.length; at += 1) {
      const text = `${line.slice(0, at)}; ${value}; ${line.slice(at)}`;
      const found = findMatches(text, FINDER, { minScore: 0.5 });
      expect(found).toEqual(findEverywhere(text, ALL_RECOGNISERS, { minScore: 0.5 }));
      expect(found.length).toBeGreaterThan(0);
    }
  });

  // A pattern of Unicode characters goes back to the beginning of one that it is put into the middle of: this was without end.
  test('comes to an end where what is none begins with a letter of two units', () => {
    const none = `a@example.org${'x'.repeat(30)}`;
    for (const before of ['\u{20bb7}', '\u{20bb7}\u{20bb7}', 'a\u{20bb7}', '\u{1f600}\u{20bb7}a']) {
      const text = `${before}${none} b@example.org`;
      expect(findMatches(text, FINDER, { minScore: 0.5 }).map(({ start }) => text.slice(start))).toEqual([
        'b@example.org',
      ]);
      expect(findMatches(text, FINDER, { minScore: 0, isNested: true }).length).toBeGreaterThan(0);
    }
  });

  test('finds words beside a number, however many letters before them are longer in lower case', () => {
    const text = `${'İ'.repeat(200)} the driver has 123456 there`;
    expect(findMatches(text, FINDER, { minScore: 0.5 }).map(({ type }) => type)).toContain('US_DRIVER_LICENSE');
  });
});

describe('JSON', () => {
  const types = typesOfDetectors([
    'email',
    'card',
    'iban',
    'ssn',
    'phone',
    'ip',
    'national_id',
    'date_of_birth',
    'secret',
  ]);
  const rules = redactionRules(types, (_value, type) => `<${type}>`);
  // A pattern of a policy's own that finds nothing: it may be anywhere, so all is looked into.
  const slow: RedactionRules = { ...rules, custom: [{ find: () => [] }] };
  const names = fc.constantFrom(
    'id',
    'dob',
    'phoneNumber',
    'driverLicense',
    'ssn',
    'bankAccount',
    'acct_number',
    'a_b',
    'password',
    'born',
    '',
  );
  const escaped = (text: string): string =>
    `"${text
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('')}"`;

  test('is changed where it is changed when all of it is looked into, whatever is escaped', () => {
    const leaf = fc.oneof(
      fc.oneof(texts, numeric).map((text) => JSON.stringify(text)),
      texts.map((text) => escaped(text)),
      fc.tuple(names, texts).map(([name, text]) => JSON.stringify(JSON.stringify({ [name]: text }))),
      fc.tuple(names, fc.nat(10 ** 12)).map(([name, id]) => JSON.stringify(JSON.stringify({ [name]: id }))),
      fc.bigInt({ min: -(10n ** 4n), max: 10n ** 18n }).map(String),
      fc.constantFrom('219099998', '378282246310005', '1990.01', '1e6', '123456', '12345'),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(names, leaf), { maxLength: 5 }), (members) => {
        const source = `{${members.map(([name, value]) => `${JSON.stringify(name)}: ${value}`).join(',')}}`;
        expect(jsonEdits(source, { rules })).toEqual(jsonEdits(source, { rules: slow }));
      }),
      { numRuns: 300 },
    );
  });

  test.each(VALUES)('has %j found after what is escaped, in JSON and in JSON of JSON', (value) => {
    for (const before of ['\n', '\t', '\\', '"', '\\n', 'n', '\n\n']) {
      for (const text of [`${before}${value}`, `a${before}${value}${before}b`]) {
        let source = text;
        for (let level = 0; level < 4; level += 1) {
          source = JSON.stringify({ note: source });
          expect([source, jsonEdits(source, { rules })]).toEqual([source, jsonEdits(source, { rules: slow })]);
        }
      }
    }
  });

  test.each(['bankAccount', 'bank_account', 'bank-account'])(
    'a number is found that only its name %s tells',
    (name) => {
      const bank = redactionRules(typesOfDetectors(['bank']), (_value, type) => `<${type}>`);
      const found = (source: string): readonly string[] => jsonEdits(source, { rules: bank }).map(({ type }) => type);
      for (const value of ['12345678', 12_345_678, '1\n12345678']) {
        const source = JSON.stringify({ [name]: value });
        expect(found(source)).toEqual(['US_BANK_NUMBER']);
        expect(found(JSON.stringify({ n: source }))).toEqual(['US_BANK_NUMBER']);
        expect(found(JSON.stringify({ n: JSON.stringify([` ${source}`]) }))).toEqual(['US_BANK_NUMBER']);
        expect(found(JSON.stringify({ n: `\n ${source}` }))).toEqual(['US_BANK_NUMBER']);
        expect(found(JSON.stringify({ n: value, m: name }))).toEqual([]);
      }
    },
  );

  test.each(['id', 'n', 'driverLicense', 'phoneNumber', 'accountNumber'])(
    'a number under %s that is short is nothing',
    (name) => {
      const least = leastBareDigits(rules.finder);
      expect(least).toBe(6);
      for (let number = 0; number < 10 ** (least - 1); number += 997) {
        expect(textSpans(`${name} ${name.replaceAll(/(?=[A-Z])/g, ' ')}": "${number}`, rules)).toEqual([]);
      }
    },
  );
});
