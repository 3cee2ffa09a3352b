import { describe, expect, test } from '@jest/globals';
import type { Json } from '../../model/request.js';
import { REGO_BUILTINS } from './rego-builtins.js';

const call = (name: string, ...args: readonly Json[]): Json | undefined => REGO_BUILTINS[name]?.(...args);

describe('sprintf formats as Go does:', () => {
  test.each<[format: string, values: readonly Json[], text: string]>([
    ['plain', [], 'plain'],
    ['%s and %v', ['a', [1, 'b']], 'a and [1,"b"]'],
    ['%d%%', [50], '50%'],
    ['%d', [1.5], '%!d(1.5)'],
    ['%.2f|%f', [1.005, 2], '1.00|2.000000'],
    ['%q', ['a"b'], '"a\\"b"'],
    ['%t %t', [true, 'x'], 'true %!t(x)'],
    ['%x', [255], 'ff'],
    ['%5s|%-5s|%05d', ['a', 'b', 7], '    a|b    |00007'],
    ['%s', [], '%!s(MISSING)'],
    ['none', ['x', 1], 'none%!(EXTRA x, 1)'],
    ['%y', ['x'], '%!y(x)'],
    ['%', ['x'], '%%!(EXTRA x)'],
  ])('%j of %j', (format, values, text) => {
    expect(call('sprintf', format, values)).toBe(text);
  });

  test('a width cannot ask for much memory', () => {
    expect(call('sprintf', '%999999999s', ['x'])).toHaveLength(100);
  });

  test('wrong arguments are undefined', () => {
    expect(call('sprintf', 1, [])).toBeUndefined();
    expect(call('sprintf', 'x', 'y')).toBeUndefined();
  });
});

test.each<[text: Json, valid: boolean]>([
  ['{"a": [1]}', true],
  ['{', false],
  [1, false],
])('json.is_valid of %j is %j', (text, valid) => {
  expect(call('json.is_valid', text)).toBe(valid);
});

describe('regex.split', () => {
  test('splits', () => {
    expect(call('regex.split', '[,;] *', 'a, b;c')).toEqual(['a', 'b', 'c']);
  });

  test('takes linear time', () => {
    expect(call('regex.split', '(a+)+$', `${'a'.repeat(5000)}!`)).toEqual([`${'a'.repeat(5000)}!`]);
  });

  test.each<[pattern: Json, text: Json]>([
    [1, 'a'],
    ['a', 1],
    ['a'.repeat(3000), 'a'],
  ])('of %j and %j is undefined', (pattern, text) => {
    expect(call('regex.split', pattern, text)).toBeUndefined();
  });
});
