import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { aligned, formatCidr, formatIp, inCidr, isAligned, parseCidr, parseIp } from './ip.js';

describe('parseIp', () => {
  test.each([
    { text: '10.0.0.1', is: '10.0.0.1' },
    { text: '0.0.0.0', is: '0.0.0.0' },
    { text: '255.255.255.255', is: '255.255.255.255' },
    { text: '::', is: '::' },
    { text: '::1', is: '::1' },
    { text: 'FD00:0:0:0::0001', is: 'fd00::1' },
    { text: '::ffff:10.0.0.1', is: '10.0.0.1' },
    { text: '::ffff:a00:1', is: '10.0.0.1' },
    { text: '0:0:0:0:0:ffff:10.0.0.1', is: '10.0.0.1' },
    { text: '::10.0.0.1', is: '::a00:1' },
    { text: '64:ff9b::10.0.0.1', is: '64:ff9b::a00:1' },
    { text: 'fe80::1%eth0', is: 'fe80::1' },
  ])('reads $text as $is', ({ text, is }) => {
    const ip = parseIp(text);
    expect(ip === undefined ? 'nothing' : formatIp(ip)).toBe(is);
  });

  test.each([
    '',
    '010.0.0.1',
    '0x0a.0.0.1',
    '10.1',
    '10.0.0.256',
    '10.0.0.1.',
    ' 10.0.0.1',
    '10.0.0.1/8',
    '167772161',
    '1e1.0.0.1',
    '１0.0.0.1',
    '::ffff:010.0.0.1',
    '::ffff:0x1.2.3.4',
    '::ffff:10.1',
    ':::',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '[::1]',
    '::1%',
    '::1%a b',
    'g::1',
    'example.com',
    '1'.repeat(100),
  ])('refuses "%s"', (text) => {
    expect(parseIp(text)).toBeUndefined();
  });

  test('never throws and gives 16-bit groups', () => {
    const text = fc.array(fc.constantFrom('1', '0', 'f', ':', '::', '.', '%', '256', 'ffff', ' '), { maxLength: 12 });
    fc.assert(
      fc.property(text, (parts) => {
        const ip = parseIp(parts.join(''));
        if (ip !== undefined) expect(ip.groups.every((group) => group >= 0 && group <= 0xffff)).toBe(true);
      }),
    );
  });
});

describe('parseCidr', () => {
  test.each([
    { text: '10.0.0.0/8', is: '10.0.0.0/8' },
    { text: '10.0.0.1', is: '10.0.0.1/32' },
    { text: '0.0.0.0/0', is: '0.0.0.0/0' },
    { text: '::/0', is: '::/0' },
    { text: 'fd00::/8', is: 'fd00::/8' },
    { text: '::1', is: '::1/128' },
    { text: '::ffff:10.0.0.0/104', is: '10.0.0.0/8' },
    { text: '::ffff:0:0/96', is: '0.0.0.0/0' },
  ])('reads $text as $is', ({ text, is }) => {
    const cidr = parseCidr(text);
    expect(cidr === undefined ? 'nothing' : formatCidr(cidr)).toBe(is);
  });

  test.each(['', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/-1', '10.0.0.0/8/8', '::/129', '10/8'])(
    'refuses "%s"',
    (text) => {
      expect(parseCidr(text)).toBeUndefined();
    },
  );

  test('a range that would reach beyond the mapped addresses is refused', () => {
    expect(parseCidr('::ffff:0:0/95')).toBeUndefined();
  });

  test('bits beyond the prefix are seen', () => {
    const cidr = parseCidr('10.1.2.3/8');
    expect(cidr !== undefined && isAligned(cidr)).toBe(false);
    expect(cidr !== undefined && formatCidr(aligned(cidr))).toBe('10.0.0.0/8');
  });
});

test('IPv4 is what the library calls four decimal parts', () => {
  const part = fc.oneof(fc.nat(300).map(String), fc.constantFrom('', '0', '00', '01', '256', '1e1', ' 1', '+1', '１'));
  const text = fc.array(part, { minLength: 3, maxLength: 5 }).map((parts) => parts.join('.'));
  fc.assert(
    fc.property(text, (written) => {
      const is = ipaddr.IPv4.isValidFourPartDecimal(written);
      const groups = is ? ipaddr.IPv4.parse(written).octets : [];
      const [a = 0, b = 0, c = 0, d = 0] = groups;
      expect(parseIp(written)).toEqual(is ? { family: 4, groups: [a * 256 + b, c * 256 + d] } : undefined);
    }),
    { numRuns: 1_000 },
  );
});

describe('inCidr', () => {
  const inside = (address: string, range: string): boolean => {
    const ip = parseIp(address);
    const cidr = parseCidr(range);
    if (ip === undefined || cidr === undefined) throw new Error('not an address or a range');
    return inCidr(ip, cidr);
  };

  test.each([
    { address: '10.0.0.0', range: '10.0.0.0/8', is: true },
    { address: '10.255.255.255', range: '10.0.0.0/8', is: true },
    { address: '11.0.0.0', range: '10.0.0.0/8', is: false },
    { address: '172.31.255.255', range: '172.16.0.0/12', is: true },
    { address: '172.32.0.0', range: '172.16.0.0/12', is: false },
    { address: '169.254.169.254', range: '169.254.169.254', is: true },
    { address: '169.254.169.255', range: '169.254.169.254/31', is: true },
    { address: '200.0.0.1', range: '0.0.0.0/0', is: true },
    { address: '::ffff:192.168.0.1', range: '192.168.0.0/16', is: true },
    { address: '192.168.0.1', range: '::/0', is: false },
    { address: '::1', range: '0.0.0.0/0', is: false },
    { address: 'fdff::1', range: 'fd00::/8', is: true },
    { address: 'fe00::1', range: 'fd00::/8', is: false },
    { address: 'febf::', range: 'fe80::/10', is: true },
    { address: 'fec0::', range: 'fe80::/10', is: false },
    { address: 'fe80::1%eth0', range: 'fe80::/10', is: true },
  ])('$address in $range is $is', ({ address, range, is }) => {
    expect(inside(address, range)).toBe(is);
  });

  test('agrees with arithmetic on IPv4', () => {
    const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
    const numberOf = (parts: readonly number[]): bigint => parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
    fc.assert(
      fc.property(octets, octets, fc.integer({ min: 0, max: 32 }), (a, b, bits) => {
        const shift = BigInt(32 - bits);
        expect(inside(a.join('.'), `${b.join('.')}/${bits}`)).toBe(numberOf(a) >> shift === numberOf(b) >> shift);
      }),
    );
  });
});
