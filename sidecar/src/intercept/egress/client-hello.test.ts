import { beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { clientHello } from '../../testing/egress-harness.js';
import { type HelloRead, readClientHello } from './client-hello.js';

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
const sized = (width: 1 | 2, body: Buffer): Buffer =>
  Buffer.concat([width === 1 ? Buffer.from([body.length]) : u16(body.length), body]);
const extension = (type: number, body: Buffer): Buffer => Buffer.concat([u16(type), sized(2, body)]);
const nameOf = (text: string, type = 0): Buffer => Buffer.concat([Buffer.from([type]), sized(2, Buffer.from(text))]);
const sni = (...names: readonly Buffer[]): Buffer => extension(0, sized(2, Buffer.concat(names)));

/** A ClientHello with these extensions, in records of at most `record` bytes. */
function hello(extensions: readonly Buffer[] | undefined, { record = 16_384, after = Buffer.alloc(0) } = {}): Buffer {
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32),
    sized(1, Buffer.alloc(0)),
    sized(2, u16(0x1301)),
    sized(1, Buffer.from([0])),
    extensions === undefined ? Buffer.alloc(0) : sized(2, Buffer.concat(extensions)),
    after,
  ]);
  const message = Buffer.concat([Buffer.from([1, 0]), u16(body.length), body]);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += record) {
    records.push(Buffer.from([22, 3, 1]), sized(2, message.subarray(at, at + record)));
  }
  return Buffer.concat(records);
}

describe('what Node sends', () => {
  let bytes: Buffer;
  beforeAll(async () => {
    bytes = await clientHello({ servername: 'site.test', ALPNProtocols: ['h2', 'http/1.1'] });
  });

  test('is read', () => {
    expect(readClientHello(bytes)).toEqual({
      kind: 'hello',
      hello: { serverName: 'site.test', alpn: ['h2', 'http/1.1'], hasEncryptedHello: false },
    });
  });

  test('is incomplete, and nothing else, until its last byte', () => {
    for (let length = 0; length < bytes.length; length += 1) {
      expect(readClientHello(bytes.subarray(0, length)).kind).toBe('incomplete');
    }
  });

  test('never throws, whatever byte is changed', () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const changed = Buffer.from(bytes);
        changed[at] = value;
        expect(['hello', 'incomplete', 'not_tls', 'malformed']).toContain(readClientHello(changed).kind);
      }),
      { numRuns: 2_000 },
    );
  });
});

test('anything at all is read as something', () => {
  const start = fc.constantFrom(
    Buffer.alloc(0),
    Buffer.from([22, 3, 1]),
    Buffer.from([22, 3, 1, 0, 50, 1, 0, 0, 46, 3, 3]),
  );
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), (head, rest) => {
      expect(readClientHello(Buffer.concat([head, rest])).kind).toMatch(/^(hello|incomplete|not_tls|malformed)$/);
    }),
    { numRuns: 5_000 },
  );
});

test.each([1, 2, 5, 37])('a message in records of %i bytes is one message', (record) => {
  expect(readClientHello(hello([sni(nameOf('a.test'))], { record }))).toMatchObject({
    hello: { serverName: 'a.test' },
  });
});

test.each<[string, Buffer, HelloRead]>([
  [
    'no extensions',
    hello(undefined),
    { kind: 'hello', hello: { serverName: undefined, alpn: [], hasEncryptedHello: false } },
  ],
  ['a server name twice', hello([sni(nameOf('a.test')), sni(nameOf('b.test'))]), { kind: 'malformed' }],
  ['two server names', hello([sni(nameOf('a.test'), nameOf('b.test'))]), { kind: 'malformed' }],
  ['another kind of name', hello([sni(nameOf('a.test', 1))]), { kind: 'malformed' }],
  ['an empty name', hello([sni(nameOf(''))]), { kind: 'malformed' }],
  ['a name that is not ASCII', hello([sni(nameOf('ä.test'))]), { kind: 'malformed' }],
  ['a name with a zero', hello([sni(nameOf('a.test\0.evil'))]), { kind: 'malformed' }],
  ['bytes after its extensions', hello([], { after: Buffer.from([0]) }), { kind: 'malformed' }],
  [
    'a second message',
    Buffer.concat([hello([]).subarray(0, 3), sized(2, Buffer.concat([hello([]).subarray(5), Buffer.from([1])]))]),
    { kind: 'malformed' },
  ],
  ['another record first', Buffer.concat([Buffer.from([21, 3, 3, 0, 2, 1, 0]), hello([])]), { kind: 'not_tls' }],
  ['an empty record', Buffer.from([22, 3, 1, 0, 0]), { kind: 'not_tls' }],
  ['SSL 2', Buffer.from([0x80, 0x2e, 1, 0, 2]), { kind: 'not_tls' }],
  ['a ServerHello', Buffer.from([22, 3, 3, 0, 4, 2, 0, 0, 0]), { kind: 'malformed' }],
])('%s', (_name, bytes, expected) => {
  expect(readClientHello(bytes)).toEqual(expected);
});

test('an encrypted hello is seen, a pretended one as well', () => {
  expect(readClientHello(hello([sni(nameOf('cover.test')), extension(0xfe0d, Buffer.alloc(40))]))).toMatchObject({
    hello: { serverName: 'cover.test', hasEncryptedHello: true },
  });
});
