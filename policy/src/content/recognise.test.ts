import { cpuUsage } from 'node:process';
import { describe, expect, test } from '@jest/globals';
import { recognise } from './recognise.js';
import { ALL_RECOGNISERS } from './registry.js';

// In pieces, so that no scanner of repositories takes them for real ones.
const AWS_KEY = ['AK', 'IAQ3EGR7VXK2MZP5TL'].join('');
const TOKEN = ['gh', 'p_9fK2mQ7xLr4TzWb8VnYc3HsJd6Gp1AeUo5Ri'].join('');
const JWT = ['eyJ', 'hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ'].join('');

/** Type, a text with one of it, and what of the text it is. Numbers that issuers publish as examples, or made up. */
const FOUND: readonly (readonly [string, string, string])[] = [
  ['CREDIT_CARD', 'Card 4111 1111 1111 1111, thanks', '4111 1111 1111 1111'],
  ['CREDIT_CARD', 'pay with 378282246310005.', '378282246310005'],
  ['CREDIT_CARD', '5555-5555-5555-4444', '5555-5555-5555-4444'],
  ['CREDIT_CARD', 'card 4111 1111 1111 1111 12/27 123', '4111 1111 1111 1111'],
  ['CREDIT_CARD', 'no. 12 4111 1111 1111 1111 2024', '4111 1111 1111 1111'],
  ['DATE_OF_BIRTH', 'she was born on 31 January 1990 in Rome', '31 January 1990'],
  ['DATE_OF_BIRTH', '"dob": "1990-01-31"', '1990-01-31'],
  ['CRYPTO', 'to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa please', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa'],
  [
    'API_KEY',
    ['shp', 'at_9f8e7d6c5b4a39281706f5e4d3c2b1a0'].join(''),
    ['shp', 'at_9f8e7d6c5b4a39281706f5e4d3c2b1a0'].join(''),
  ],
  ['API_KEY', 'authorization: Basic amFuZTpodW50ZXIyMDA5', 'amFuZTpodW50ZXIyMDA5'],
  ['IBAN_CODE', 'to DE89 3704 0044 0532 0130 00 please', 'DE89 3704 0044 0532 0130 00'],
  ['IBAN_CODE', 'gb29nwbk60161331926819', 'gb29nwbk60161331926819'],
  ['EMAIL_ADDRESS', 'write to jo.o-neill+x@mail.example.co.uk!', 'jo.o-neill+x@mail.example.co.uk'],
  ['EMAIL_ADDRESS', 'jürgen@büro.example.de', 'jürgen@büro.example.de'],
  ['URL', 'see https://shop.example.com/a?b=c#d now', 'https://shop.example.com/a?b=c#d'],
  ['PHONE_NUMBER', 'call +44 20 7946 0958 today', '+44 20 7946 0958'],
  ['PHONE_NUMBER', 'my number is (212) 555-0187 x12', '(212) 555-0187 x12'],
  ['IP_ADDRESS', 'from 203.0.113.7.', '203.0.113.7'],
  ['IP_ADDRESS', 'from 2001:db8::8a2e:370:7334 on', '2001:db8::8a2e:370:7334'],
  ['MAC_ADDRESS', 'nic 00:1b:44:11:3a:b7', '00:1b:44:11:3a:b7'],
  ['CRYPTO', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'],
  ['US_SSN', 'SSN: 219-09-9998', '219-09-9998'],
  ['US_NPI', 'NPI 1234567893', '1234567893'],
  ['CA_SIN', 'social insurance 130 692 544', '130 692 544'],
  ['BR_CPF', 'CPF 529.982.247-25', '529.982.247-25'],
  ['UK_NHS', 'NHS number 943 476 5919', '943 476 5919'],
  ['UK_NINO', 'national insurance AB 12 34 56 C', 'AB 12 34 56 C'],
  ['ES_NIF', 'DNI 12345678Z', '12345678Z'],
  ['FR_INSEE', 'numéro 2 55 08 14 168 025 38', '2 55 08 14 168 025 38'],
  ['IT_FISCAL_CODE', 'codice fiscale RSSMRA85T10A562S', 'RSSMRA85T10A562S'],
  ['FI_PERSONAL_IDENTITY_CODE', 'hetu 131052-308T', '131052-308T'],
  ['SE_PERSONNUMMER', 'personnummer 811218-9876', '811218-9876'],
  ['TR_NATIONAL_ID', 'TC kimlik 10000000146', '10000000146'],
  ['DE_TAX_ID', 'Steuer-IdNr 86095742719', '86095742719'],
  ['AU_ABN', 'ABN 51 824 753 556', '51 824 753 556'],
  ['CN_RESIDENT_ID', '11010519491231002X', '11010519491231002X'],
  [
    'PRIVATE_KEY',
    'x -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----',
    '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----',
  ],
  ['AWS_ACCESS_KEY', `id ${AWS_KEY}`, AWS_KEY],
  ['API_KEY', `token ${TOKEN}`, TOKEN],
  ['JWT', JWT, JWT],
  ['CONNECTION_STRING', 'postgres://app:Tr0ub4dor@db.internal:5432/x', 'Tr0ub4dor'],
  ['PASSWORD', 'password = "hV7!kq92Lm"', 'hV7!kq92Lm'],
  ['PASSWORD', '{"client_secret": "Zk3x9Qm2Lp7v"}', 'Zk3x9Qm2Lp7v'],
];

/** A type and a text that has none of it. */
const NOT_FOUND: readonly (readonly [string, string])[] = [
  ['CREDIT_CARD', 'Card 4111 1111 1111 1112'],
  ['CREDIT_CARD', 'order 1748503543012'],
  ['CREDIT_CARD', 'sha 94111111111111111000'],
  ['CREDIT_CARD', 'card 4111 1111 1111 1112 12/27'],
  ['DATE_OF_BIRTH', 'born on 1990-13-31'],
  ['DATE_OF_BIRTH', 'signed on 31 January 1990'],
  ['CRYPTO', 'to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb please'],
  ['IBAN_CODE', 'DE89 3704 0044 0532 0130 01'],
  ['IBAN_CODE', 'DE89 3704 0044 0532 0130'],
  ['EMAIL_ADDRESS', 'user@localhost'],
  ['PHONE_NUMBER', 'born 1993-01-04'],
  ['PHONE_NUMBER', 'version 10.2.33.4'],
  ['PHONE_NUMBER', 'total 1234567'],
  ['IP_ADDRESS', 'version 256.1.1.1'],
  ['IP_ADDRESS', 'at 12:30:45'],
  ['MAC_ADDRESS', 'ff:ff:ff:ff:ff:ff'],
  ['US_SSN', '666-12-3456'],
  ['US_SSN', '219-00-9998'],
  ['US_NPI', 'NPI 1234567894'],
  ['CA_SIN', 'social insurance 130 692 545'],
  ['BR_CPF', 'CPF 529.982.247-24'],
  ['UK_NHS', 'NHS number 943 476 5918'],
  ['ES_NIF', 'DNI 12345678A'],
  ['IT_FISCAL_CODE', 'codice fiscale RSSMRA85T10A562T'],
  ['FI_PERSONAL_IDENTITY_CODE', 'hetu 131052-308U'],
  ['TR_NATIONAL_ID', 'TC kimlik 10000000147'],
  ['CN_RESIDENT_ID', '110105194912310021'],
  ['PASSWORD', 'the password is forgotten again'],
  ['PASSWORD', ['api_key: $', '{API_KEY_FROM_ENV}'].join('')],
  ['API_KEY', ['gh', 'p_', 'x'.repeat(36)].join('')],
  ['CONNECTION_STRING', 'https://docs.example.com:443/a@b'],
];

describe('recognise', () => {
  test.each(FOUND)('%s in %j', (type, text, expected) => {
    const found = recognise(text).filter((one) => one.type === type);
    expect(found.map(({ start, end }) => text.slice(start, end))).toEqual([expected]);
  });

  test.each(NOT_FOUND)('no %s in %j', (type, text) => {
    expect(recognise(text).filter((one) => one.type === type)).toEqual([]);
  });

  test('a number with one check digit is nothing without a word beside it', () => {
    expect(recognise('ref 9434765919')).toEqual([]);
    expect(recognise('ref 9434765919', { minScore: 0.2, types: ['UK_NHS'] })).toHaveLength(1);
  });

  test('findings do not overlap and come in order', () => {
    const text = 'a@b.example, 4111111111111111, DE89370400440532013000, +44 20 7946 0958';
    const found = recognise(text, { minScore: 0 });
    for (const [index, { start }] of found.entries()) expect(start).toBeGreaterThanOrEqual(found[index - 1]?.end ?? 0);
    expect(found.map(({ type }) => type)).toEqual(['EMAIL_ADDRESS', 'CREDIT_CARD', 'IBAN_CODE', 'PHONE_NUMBER']);
  });

  test('families and types narrow what is looked for', () => {
    const text = 'a@b.example password: hV7!kq92Lm';
    expect(recognise(text, { families: ['secret'] }).map(({ type }) => type)).toEqual(['PASSWORD']);
    expect(recognise(text, { types: ['EMAIL_ADDRESS'] }).map(({ type }) => type)).toEqual(['EMAIL_ADDRESS']);
  });

  // Anything quadratic takes many seconds for so much.
  test.each([
    ['digits', '1'],
    ['spaced digits', '1 '],
    ['letters', 'a'],
    ['dots', 'a.'],
    ['colons', 'a:'],
    ['at signs', 'a@'],
    ['hyphens', '1-'],
    ['brackets', '(1'],
    ['schemes', 'a://b:'],
    ['assignments', 'password='],
    ['keys', '-----BEGIN PRIVATE KEY-----'],
    ['tokens', 'eyJa.'],
  ])('a text of nothing but %s of 64 Ki units is done soon', (_name, piece) => {
    const timeOf = (length: number): number => {
      const text = piece.repeat(length / piece.length);
      const best = [0, 1, 2].map(() => {
        // Of this process only: other load on the machine does not count.
        const before = cpuUsage();
        recognise(text, { minScore: 0 });
        const { user, system } = cpuUsage(before);
        return (user + system) / 1_000;
      });
      return Math.min(...best);
    };
    expect(timeOf(65_536)).toBeLessThan(1_000);
  });

  test('every pattern is one that RE2 could run: bounded, without a look around or a reference', () => {
    for (const { type, pattern } of ALL_RECOGNISERS) {
      expect(`${type} ${pattern.source}`).not.toMatch(/\(\?<?[!=]|\\[1-9]|(?<!\\)[+*](?![^[]*\])/);
      expect(pattern.flags).toContain('g');
    }
  });
});
