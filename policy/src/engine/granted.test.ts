import { expect, test } from '@jest/globals';
import { GRANTED_FIELD, grantedOf } from './granted.js';

test('the field is the one that PDPs fill', () => {
  expect(GRANTED_FIELD).toBe('context.approval.granted');
});

test.each<[string, unknown, readonly string[]]>([
  ['a list of texts', ['platform/s/a', 'tenant/t/b'], ['platform/s/a', 'tenant/t/b']],
  ['what is no text', ['platform/s/a', 1, null, ['platform/s/b']], ['platform/s/a']],
  ['an empty list', [], []],
  ['a text', 'platform/s/a', []],
  ['an object', { 0: 'platform/s/a', length: 1 }, []],
  ['nothing', undefined, []],
])('%s', (_name, reading, holds) => {
  expect([...grantedOf(reading)]).toEqual(holds);
});
