import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { canonicalHost, isAddressHost, matchesHost } from './host.js';

describe('canonicalHost', () => {
  test.each([
    { text: 'example.com', is: 'example.com' },
    { text: 'Example.COM', is: 'example.com' },
    { text: 'example.com.', is: 'example.com' },
    { text: 'localhost', is: 'localhost' },
    { text: '_dmarc.example.com', is: '_dmarc.example.com' },
    { text: 'münchen.de', is: 'xn--mnchen-3ya.de' },
    { text: 'MÜNCHEN.de', is: 'xn--mnchen-3ya.de' },
    { text: 'xn--mnchen-3ya.de', is: 'xn--mnchen-3ya.de' },
    { text: 'ｅｘａｍｐｌｅ.com', is: 'example.com' },
    { text: '10.0.0.1', is: '10.0.0.1' },
    { text: '0x0a.1', is: '10.0.0.1' },
    { text: '１０.0.0.1', is: '10.0.0.1' },
    { text: '[::1]', is: '[::1]' },
    { text: '::1', is: '[::1]' },
    { text: '::ffff:10.0.0.1', is: '10.0.0.1' },
  ])('reads $text as $is', ({ text, is }) => {
    expect(canonicalHost(text)).toBe(is);
  });

  test.each([
    '',
    '.',
    'a..b',
    'example.com..',
    'example.com:443',
    'https://example.com',
    'example.com/path',
    'user@example.com',
    'exa mple.com',
    'example.com\t',
    'exa\nmple.com',
    'ex%61mple.com',
    'example.com#',
    'example.com?',
    'a\\b',
    '*.example.com',
    'a,b.com',
    "a'b.com",
    '1.2.3.4.5',
    '256.0.0.1',
    `${'a'.repeat(64)}.com`,
    `${'a.'.repeat(140)}com`,
    'a'.repeat(5000),
    '\u202eexample.com',
    '::1%1',
    '[fe80::1%25eth0]',
    'xn--',
    'xn--a',
    'xn--pokxncvks',
    'XN--POKXNCVKS.com',
    'a.b.c.xn--pokxncvks',
    'xn--a.example.com.',
    'example.xn--',
    'xn--example-.com',
    'xn--\u00fc.com',
  ])('refuses %j', (text) => {
    expect(canonicalHost(text)).toBeUndefined();
  });
});

test('an address is told from a name', () => {
  expect(['10.0.0.1', '[::1]'].every(isAddressHost)).toBe(true);
  expect(['example.com', 'a1'].some(isAddressHost)).toBe(false);
});

test('a pattern means the host, or what lies below it', () => {
  expect(matchesHost('example.com', { host: 'example.com', below: false })).toBe(true);
  expect(matchesHost('a.example.com', { host: 'example.com', below: false })).toBe(false);
  expect(matchesHost('a.example.com', { host: 'example.com', below: true })).toBe(true);
  expect(matchesHost('example.com', { host: 'example.com', below: true })).toBe(false);
  expect(matchesHost('aexample.com', { host: 'example.com', below: true })).toBe(false);
});

test('a plain name is its own canonical form, and whatever is canonical stays so', () => {
  const label = fc.oneof(
    fc
      .array(fc.constantFrom('a', 'z', '0', '9', '-', '_', 'A', '`', '{', '/', ':', ' '), { maxLength: 4 })
      .map((units) => units.join('')),
    fc.constantFrom('xn--a', 'com', 'a'.repeat(63), 'a'.repeat(64)),
  );
  fc.assert(
    fc.property(fc.array(label, { minLength: 1, maxLength: 5 }), (labels) => {
      const text = labels.join('.');
      const isPlain = /^([a-z0-9_-]{1,63}\.)*[a-z]{1,63}$/.test(text) && text.length <= 253 && !text.includes('xn--');
      const host = canonicalHost(text);
      if (isPlain) expect(host).toBe(text);
      if (host !== undefined) expect(canonicalHost(host)).toBe(host);
      if (host === text) expect(text).toMatch(/^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/);
    }),
    { numRuns: 2_000 },
  );
});
