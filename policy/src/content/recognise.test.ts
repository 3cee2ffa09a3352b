import { cpuUsage } from 'node:process';
import { describe, expect, test } from '@jest/globals';
import { recognise } from './recognise.js';
import { ALL_RECOGNISERS } from './registry.js';
import { FOUND } from './testing/examples.js';

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
