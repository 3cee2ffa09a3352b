import { describe, expect, test } from '@jest/globals';
import type { Json } from '../../model/request.js';
import { checkSize, toCedarValue, toDatetime, toDecimal, toIpAddress } from './cedar-values.js';

const extension = (fn: string, arg: string): unknown => ({ __extn: { fn, arg } });

test.each<[value: Json, expected: unknown]>([
  ['a', 'a'],
  [true, true],
  [7, 7],
  [-0, 0],
  [0.5, extension('decimal', '0.5000')],
  [0.123_46, extension('decimal', '0.1235')],
  [-0.000_01, extension('decimal', '0.0')],
  [null, {}],
  [
    [1, null, 'a'],
    [1, {}, 'a'],
  ],
  [{ a: { b: [1] }, gone: null }, { a: { b: [1] } }],
])('%j is %j', (value, expected) => {
  expect(toCedarValue(value, 'x')).toStrictEqual(expected);
});

describe('what Cedar has no value for', () => {
  const deep = (levels: number): Json => (levels === 0 ? 1 : { a: deep(levels - 1) });
  test.each<[name: string, value: Json, message: RegExp]>([
    ['a number without a decimal', 1e300, /^x\.n is not a number that fits/],
    ['an entity in the request', { __entity: { type: 'Admin', id: 'x' } }, /^x\.n has the key __entity/],
    ['an extension value in the request', { __extn: { fn: 'ip', arg: '::1' } }, /^x\.n has the key __extn/],
    ['an old escape', { __expr: '1' }, /^x\.n has the key __expr/],
    ['a value that nests too deeply', deep(70), /nested too deeply/],
  ])('%s is refused', (_name, value, message) => {
    expect(() => toCedarValue({ n: value }, 'x')).toThrow(message);
  });

  test('the message never quotes the value', () => {
    expect(() => toIpAddress('secret', 'context.ip')).toThrow(/^context\.ip is not an IP address$/);
  });
});

test.each<[value: Json, arg: string]>([
  ['10.0.0.1', '10.0.0.1'],
  ['2001:DB8::1', '2001:db8::1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['fe80::1%eth0', 'fe80::1'],
])('the address %j is %s', (value, arg) => {
  expect(toIpAddress(value, 'ip')).toEqual(extension('ip', arg));
});

test.each<Json>(['10.1', '1', '', 'host', 7, null])('%j is not an address', (value) => {
  expect(() => toIpAddress(value, 'ip')).toThrow(TypeError);
});

test.each<[value: Json, arg: string]>([
  ['2026-03-01T09:30:00Z', '2026-03-01T09:30:00.000Z'],
  ['2026-03-01T10:30:00.5+01:00', '2026-03-01T09:30:00.500Z'],
])('the time %j is %s', (value, arg) => {
  expect(toDatetime(value, 't')).toEqual(extension('datetime', arg));
});

test.each<Json>(['yesterday', 5, null])('%j is not a time', (value) => {
  expect(() => toDatetime(value, 't')).toThrow(TypeError);
});

test.each<[value: Json, arg: string]>([
  [1, '1.0000'],
  [0, '0.0'],
  [0.25, '0.2500'],
])('the share %j is %s', (value, arg) => {
  expect(toDecimal(value, 's')).toEqual(extension('decimal', arg));
});

test.each<Json>(['1', null, 1e15, Number.NaN])('%j is not a share', (value) => {
  expect(() => toDecimal(value, 's')).toThrow(TypeError);
});

describe('a request', () => {
  const list = (length: number): readonly number[] => Array.from({ length }, (_, index) => index);
  test.each<[name: string, request: object]>([
    ['of many values', { a: list(4990) }],
    ['of long text', { a: 'x'.repeat(1024 * 1024 - 10) }],
  ])('%s passes', (_name, request) => {
    expect(() => checkSize(request)).not.toThrow();
  });

  test.each<[name: string, request: object, message: RegExp]>([
    ['of too many values', { a: list(5000) }, /^the request has more than 5000 values$/],
    ['of too many values in several places', { a: list(2500), b: { c: list(2500) } }, /more than 5000 values/],
    ['of too much text', { a: ['x'.repeat(600_000), 'y'.repeat(600_000)] }, /more than 1048576 characters/],
  ])('%s is refused', (_name, request, message) => {
    expect(() => checkSize(request)).toThrow(message);
  });
});
