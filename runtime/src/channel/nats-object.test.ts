import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { encodeObjectName, formatObjectDigest, parseStoredObject } from './nats-object.js';

const record = {
  name: 'targets/a',
  nuid: 'ABC123',
  size: 10,
  chunks: 1,
  digest: 'SHA-256=x',
  options: { max_chunk_size: 131072 },
};
const bytes = (value: unknown): Uint8Array => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

test('a record says what reading needs', () => {
  expect(parseStoredObject(bytes(record))).toEqual({ nuid: 'ABC123', size: 10, chunks: 1, digest: 'SHA-256=x' });
  expect(parseStoredObject(bytes({ ...record, deleted: true }))).toBeUndefined();
  expect(parseStoredObject(bytes({ ...record, deleted: false, size: 0, chunks: 0 }))).toMatchObject({ size: 0 });
});

test.each([
  ['no JSON', 'x'],
  ['no object', 'null'],
  ['a duplicate key', '{"size":1,"size":2}'],
  ['a link', { ...record, options: { link: { bucket: 'b', name: 'n' } } }],
  ['a wildcard for its chunks', { ...record, nuid: '>' }],
  ['a subject for its chunks', { ...record, nuid: 'a.b' }],
  ['no digest', { ...record, digest: undefined }],
  ['a negative size', { ...record, size: -1 }],
  ['a fraction', { ...record, size: 1.5 }],
  ['more chunks than bytes', { ...record, chunks: 11 }],
  ['a size in words', { ...record, size: '10' }],
])('a record with %s is corrupt', (_name, value) => {
  expect(() => parseStoredObject(bytes(value))).toThrow(expect.objectContaining({ kind: 'corrupt' }));
});

test('names and digests take the form of the store', () => {
  expect(encodeObjectName('targets/a??>>')).toBe('dGFyZ2V0cy9hPz8-Pg==');
  expect(formatObjectDigest(createHash('sha256').update('').digest())).toBe(
    'SHA-256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=',
  );
});
