import { describe, expect, test } from '@jest/globals';
import { SPECIAL_RANGES } from '../../kinds/special-addresses.js';
import type { ContextualRequest } from '../../model/facts.js';
import type { Json } from '../../model/request.js';
import { type Field, findField } from '../fields.js';
import { ERROR, FALSE, TRUE } from '../truth.js';
import { ADDRESSES, type AddressQuestion } from './addresses.js';
import { aligned, formatCidr, isAligned, parseCidr } from './ip.js';

function field(path: string): Field {
  const lookup = findField(path);
  if (!('field' in lookup)) throw new Error(lookup.problem);
  return lookup.field;
}

function ask(path: string, are: AddressQuestion['are'], value: Json, cidrs?: readonly string[]): number {
  const literal = { are, ...(cidrs === undefined ? {} : { cidrs }) };
  const context = {
    zoneClock: () => {
      throw new Error('no clock here');
    },
  };
  return ADDRESSES.link(literal, field(path), context)(value, {} as ContextualRequest);
}

const host = 'egress.host';
const ips = 'egress.resolved_ips';

describe('a special address', () => {
  test.each(SPECIAL_RANGES)('$cidr ($name)', ({ cidr }) => {
    const range = parseCidr(cidr);
    if (range === undefined) throw new Error(`${cidr} is not a range`);
    expect(isAligned(range)).toBe(true);
    expect(formatCidr(aligned(range))).toBe(cidr);
    const [first] = cidr.split('/');
    expect(ask(ips, 'special', [first ?? ''])).toBe(TRUE);
    expect(ask(host, 'public', first ?? '')).toBe(FALSE);
  });

  test.each([
    '0.0.0.0',
    '10.255.255.255',
    '100.64.0.1',
    '100.127.255.254',
    '100.100.100.200',
    '127.0.0.53',
    '168.63.129.16',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.168.1.1',
    '198.19.255.255',
    '239.1.1.1',
    '255.255.255.255',
    '::',
    '::1',
    '::7f00:1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::ffff:0:7f00:1',
    '64:ff9b::7f00:1',
    '2001:0:1::1',
    '2002:7f00:1::',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '4000::1',
    '1::1',
  ])('%s is one', (address) => {
    expect(ask(host, 'special', address)).toBe(TRUE);
    expect(ask(ips, 'special', ['8.8.8.8', address])).toBe(TRUE);
    expect(ask(ips, 'public', ['8.8.8.8', address])).toBe(FALSE);
  });

  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.1',
    '168.63.129.15',
    '169.253.255.255',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '192.167.255.255',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2000::',
    '2001:200::1',
    '2003::1',
    '2606:4700:4700::1111',
    '3ffe::1',
  ])('%s is not', (address) => {
    expect(ask(host, 'special', address)).toBe(FALSE);
    expect(ask(host, 'public', address)).toBe(TRUE);
    expect(ask(ips, 'special', [address])).toBe(FALSE);
    expect(ask(ips, 'public', [address])).toBe(TRUE);
  });
});

describe('addresses', () => {
  test.each<{ path: string; are: AddressQuestion['are']; value: Json; truth: number }>([
    { path: host, are: 'special', value: 'example.com', truth: FALSE },
    { path: host, are: 'special', value: 'localhost', truth: FALSE },
    { path: host, are: 'special', value: '', truth: TRUE },
    { path: host, are: 'special', value: 'a/b', truth: TRUE },
    { path: host, are: 'special', value: '127.1', truth: TRUE },
    { path: host, are: 'special', value: '0300.0250.1.1', truth: TRUE },
    { path: host, are: 'special', value: '134744072', truth: TRUE },
    { path: host, are: 'special', value: '[::1]', truth: TRUE },
    { path: host, are: 'public', value: 'example.com', truth: FALSE },
    { path: host, are: 'public', value: '[2606:4700::1]', truth: TRUE },
    { path: host, are: 'public', value: 5, truth: ERROR },
    { path: host, are: 'public', value: ['8.8.8.8'], truth: ERROR },
    { path: ips, are: 'public', value: [], truth: FALSE },
    { path: ips, are: 'special', value: [], truth: FALSE },
    { path: ips, are: 'special', value: ['example.com'], truth: TRUE },
    { path: ips, are: 'public', value: ['8.8.8.8', 5], truth: ERROR },
    { path: ips, are: 'public', value: '8.8.8.8', truth: ERROR },
    { path: ips, are: 'public', value: null, truth: ERROR },
  ])('$path $value is $are: $truth', ({ path, are, value, truth }) => {
    expect(ask(path, are, value)).toBe(truth);
  });

  const ranges = ['10.0.0.0/8', '2001:db8::/32'];
  test.each<{ path: string; value: Json; within: number; outside: number; touching: number }>([
    { path: host, value: '10.1.1.1', within: TRUE, outside: FALSE, touching: TRUE },
    { path: host, value: '::ffff:10.1.1.1', within: TRUE, outside: FALSE, touching: TRUE },
    { path: host, value: '11.1.1.1', within: FALSE, outside: TRUE, touching: FALSE },
    { path: host, value: 'example.com', within: FALSE, outside: TRUE, touching: FALSE },
    { path: ips, value: [], within: FALSE, outside: FALSE, touching: FALSE },
    { path: ips, value: ['10.1.1.1', '2001:db8::1'], within: TRUE, outside: FALSE, touching: TRUE },
    { path: ips, value: ['10.1.1.1', '8.8.8.8'], within: FALSE, outside: TRUE, touching: TRUE },
    { path: ips, value: ['8.8.8.8'], within: FALSE, outside: TRUE, touching: FALSE },
    { path: ips, value: ['?'], within: FALSE, outside: TRUE, touching: ERROR },
    { path: ips, value: ['?', '10.1.1.1'], within: FALSE, outside: TRUE, touching: TRUE },
  ])(
    '$path $value within, outside, touching: $within $outside $touching',
    ({ path, value, within, outside, touching }) => {
      expect(ask(path, 'within', value, ranges)).toBe(within);
      expect(ask(path, 'outside', value, ranges)).toBe(outside);
      expect(ask(path, 'touching', value, ranges)).toBe(touching);
    },
  );

  test.each<{ literal: Json; at: readonly (string | number)[] }>([
    { literal: 'public', at: ['are'] },
    { literal: { are: 'private' }, at: ['are'] },
    { literal: { are: 'within' }, at: ['cidrs'] },
    { literal: { are: 'within', cidrs: ['10.0.0.0/8', 'x'] }, at: ['cidrs', 1] },
  ])('the literal $literal is refused', ({ literal, at }) => {
    expect(ADDRESSES.check(literal, field(host))?.at).toEqual(at);
  });
});
