import { describe, expect, test } from '@jest/globals';
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
