import { describe, expect, test } from '@jest/globals';
import { createFinder } from '../finder.js';
import { openPlace, patternShape } from '../pattern-shape.js';
import { ALL_RECOGNISERS } from '../registry.js';
import { FOUND, VALID } from '../testing/examples.js';
import { typesOfDetectors } from './detectors.js';
import { restoration } from './restore.js';
import { createTextStream, mostHeld } from './stream.js';
import { applyEdits, type RedactionRules, redactionRules, textEdits } from './text.js';

const RULES = redactionRules(
  typesOfDetectors(['email', 'phone', 'card', 'iban', 'ssn', 'national_id', 'ip', 'crypto', 'date_of_birth', 'secret']),
  (_value, type) => `<${type}>`,
);
const whole = (text: string, rules: RedactionRules = RULES): string => applyEdits(text, textEdits(text, rules));

const FINDER = createFinder(ALL_RECOGNISERS);

function streamed(pieces: readonly string[], rules: RedactionRules = RULES): string {
  const stream = createTextStream(rules);
  return pieces.map((piece) => stream.push(piece)).join('') + stream.end();
}

const KEY = ['-----BEGIN RSA PRIVATE ', 'KEY-----\nMIIEpAIBAAKCAQ\n-----END RSA PRIVATE ', 'KEY-----'].join('');
const TEXTS = [
  'Pay with 4111 1111 1111 1111 12/27, or DE89 3704 0044 0532 0130 00 please, or call +44 20 7946 0958 now.',
  'Write to jo.o-neill+x@mail.example.co.uk, born 1990-01-31, from 203.0.113.7 and 2001:db8::8a2e:370:7334.',
  ['SSN: 219-09-9998; the id AK', 'IAQ3EGR7VXK2MZP5TL; postgres://app:Tr0ub4dor@db/x; password = "hV7!kq92Lm" ok'].join(
    '',
  ),
  ['-----BEGIN RSA PRIVATE ', 'KEY-----\nMIIEpAIBAAKCAQ\n-----END RSA PRIVATE ', 'KEY-----\nafter it'].join(''),
  '9434765919 is what the patient gave as the number of the national health service; 2125550187 is a line to ring.',
  'jürgen@büro.example.de 😀 4111111111111111 😀 nothing at all here, only words, and more words than anybody reads.',
  '1 22 333 4444 55555 666666 7777777 88888888 999999999 0000000000 11111111111 222222222222 3333333333333',
];

describe('a text in pieces', () => {
  test.each(TEXTS)('is redacted as if it were whole, wherever it is cut: %s', (text) => {
    const expected = whole(text);
    for (let cut = 0; cut <= text.length; cut += 1) {
      expect([cut, streamed([text.slice(0, cut), text.slice(cut)])]).toEqual([cut, expected]);
    }
  });

  test.each([
    ...FOUND,
    ...VALID.map(([type, word, id]): (typeof FOUND)[number] => [type, `${word}: ${id}, please`, id]),
  ])('%s in %j is found wherever it is cut, and unit by unit', (type, text, value) => {
    const rules = redactionRules([type], () => '<>');
    const expected = text.replace(value, '<>');
    for (let cut = 0; cut <= text.length; cut += 1)
      expect([cut, streamed([text.slice(0, cut), text.slice(cut)], rules)]).toEqual([cut, expected]);
    expect(streamed(text.split(''), rules)).toBe(expected);
  });

  test.each(TEXTS)('unit by unit: %s', (text) => {
    expect(streamed(text.split(''))).toBe(whole(text));
  });

  test('nothing of a finding is given out before it is known to be none', () => {
    const stream = createTextStream(RULES);
    expect(stream.push('card 4111 1111 1111')).toBe('card ');
    expect(stream.push(' 1111')).toBe('');
    expect(stream.push(', and so on, and on, and on')).toContain('<CREDIT_CARD>, ');
  });

  test('words flow', () => {
    const stream = createTextStream(RULES);
    const words = 'The quick brown fox jumps over the lazy dog. '.repeat(5);
    const given = words.split(/(?<= )/).map((word) => stream.push(word));
    expect(words.length - given.join('').length).toBeLessThan(32);
  });

  test.each([
    '1',
    '1 ',
    'a',
    'a@',
    'a.',
    'a:',
    '://',
    '-----BEGIN PRIVATE KEY-----',
    'eyJa.',
    'password=',
    '4111 1111 1111 1111 ',
  ])(
    'what is held back of nothing but %j is bounded',
    (piece) => {
      const stream = createTextStream(RULES);
      const text = piece.repeat(60_000 / piece.length);
      for (let at = 0; at < text.length; at += 2_000) {
        stream.push(text.slice(at, at + 2_000));
        expect(stream.held).toBeLessThanOrEqual(2 * mostHeld(RULES));
      }
      stream.end();
      expect(stream.held).toBe(0);
    },
    30_000,
  );

  test('the bound follows from the recognisers', () => {
    expect(mostHeld(redactionRules(['CREDIT_CARD'], String))).toBe(1 + 2 * 18 + 24 + 1);
    expect(mostHeld(RULES)).toBeLessThan(17_000);
  });

  test.each(['a@example.o\u{20bb7} so', 'j\u{20bb7}@example.org so', 'a@b\u{20bb7}.example so'])(
    'half of a character may be half of a letter: %s',
    (text) => {
      for (let at = 0; at <= text.length; at += 1)
        expect([at, streamed([text.slice(0, at), text.slice(at)])]).toEqual([at, '<EMAIL_ADDRESS> so']);
    },
  );

  test('what has come to its end is not held back because something else could have had a later end', () => {
    const stream = createTextStream(RULES);
    expect(stream.push(`${KEY}\nafter it there are words, and more of them`)).toContain(
      '<PRIVATE_KEY>\nafter it there are',
    );
    expect(stream.held).toBeLessThan(32);
  });

  test.each(['-----BEGIN PRIVATE KEY-----\nMIIE', 'eyJ-', 'a@'])(
    'letter by letter, %j is searched a bounded number of times',
    (piece) => {
      let searched = 0;
      const counting = {
        find: ({ length }: string): [] => {
          searched += length;
          return [];
        },
      };
      const stream = createTextStream({ ...RULES, custom: [counting] });
      const text = piece.repeat(12_000 / piece.length);
      for (const letter of text) stream.push(letter);
      stream.end();
      expect(searched / text.length).toBeLessThan(512);
    },
    60_000,
  );

  // With every way to part a run of letters tried, each letter behind it took some ten milliseconds.
  test('groups of letters that may be parted in many ways are read in one', () => {
    const shapes = FINDER.recognisers.map(({ shape }) => shape);
    const text = `${'aa11'.repeat(12)}. `;
    for (let turn = 0; turn < 2_000; turn += 1) for (const shape of shapes) openPlace(shape, text.slice(turn % 40));
    expect(openPlace(patternShape(/[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{1,4}){3,9}/g), text)).toBe(text.length);
  });

  test('placeholders are put back wherever they are cut, and nothing else waits for one', () => {
    const rules = restoration((token) => ({ '[CARD_1]': '4111', '[IBAN_CODE_22]': 'DE89' })[token]);
    const text = 'a [CARD_1][IBAN_CODE_22] b [CARD_9] [[CARD_1] [CARD_1 [_ [C_1] [card_1] []';
    const expected = 'a 4111DE89 b [CARD_9] [4111 [CARD_1 [_ [C_1] [card_1] []';
    for (let cut = 0; cut <= text.length; cut += 1)
      expect([cut, streamed([text.slice(0, cut), text.slice(cut)], rules)]).toEqual([cut, expected]);
    expect(streamed(text.split(''), rules)).toBe(expected);
    const stream = createTextStream(rules);
    expect(stream.push('words [1] flow, and [so')).toBe('words [1] flow, and [so');
    expect(stream.push(' do they [CARD')).toBe(' do they ');
    for (const letter of '_'.repeat(100)) stream.push(letter);
    expect(stream.held).toBe(0);
  });
});
