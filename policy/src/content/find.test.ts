import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createFinder, type Finder, findMatches, leastBareDigits } from './find.js';
import { typesOfDetectors } from './redact/detectors.js';
import { jsonEdits } from './redact/json.js';
import { type RedactionRules, redactionRules, textSpans } from './redact/text.js';
import { ALL_RECOGNISERS } from './registry.js';

const FINDER = createFinder(ALL_RECOGNISERS);
/** Every recogniser over the whole text as soon as it has one digit, whatever stands there. */
const EVERYWHERE: Finder = {
  ...FINDER,
  recognisers: FINDER.recognisers.map(({ recogniser, shape }) => ({
    recogniser,
    anchor: { digits: 1 },
    shape: { ...shape, longest: 1_000_000 },
  })),
};
const A_DIGIT = '\n;0;\n';

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

describe('looking only where something may be', () => {
  test.each([0, 0.5])('finds what every pattern finds over the whole text, from a score of %d on', (minScore) => {
    fc.assert(
      fc.property(texts, (text) => {
        const whole = text + A_DIGIT;
        expect(findMatches(whole, FINDER, { minScore })).toEqual(findMatches(whole, EVERYWHERE, { minScore }));
      }),
      { numRuns: 300 },
    );
  });

  test.each(VALUES)('finds %j at every place of a line', (value) => {
    const line = '2026-11-22T10:15:30Z GET /v1/orders/58213 took=12.7ms, nobody waited';
    for (let at = 0; at <= line.length; at += 1) {
      const text = `${line.slice(0, at)}; ${value}; ${line.slice(at)}${A_DIGIT}`;
      const found = findMatches(text, FINDER, { minScore: 0.5 });
      expect(found).toEqual(findMatches(text, EVERYWHERE, { minScore: 0.5 }));
      expect(found.length).toBeGreaterThan(0);
    }
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
  const names = fc.constantFrom('id', 'dob', 'phoneNumber', 'driverLicense', 'ssn', 'a_b', 'password', 'born', '');
  const escaped = (text: string): string =>
    `"${text
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('')}"`;

  test('is changed where it is changed when all of it is looked into, whatever is escaped', () => {
    const leaf = fc.oneof(
      texts.map((text) => JSON.stringify(text)),
      texts.map((text) => escaped(text)),
      texts.map((text) => JSON.stringify(JSON.stringify({ a: text }))),
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
