import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { extract, pack } from 'tar-stream';
import { gunzip, gzip } from './gzip.js';
import { BUNDLE_LIMITS, type BundleLimits } from './limits.js';
import { readTar, writeTar } from './tar.js';
import { unpackBundle } from './unpack.js';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const FILES: ReadonlyMap<string, Uint8Array> = new Map([
  ['.manifest', utf8('{}')],
  ['a/empty', utf8('')],
  ['a/exact', new Uint8Array(512).fill(7)],
  [`${'long/'.repeat(7)}${'n'.repeat(90)}`, utf8('x')],
  ['ä/ö', utf8('ü')],
]);

/** A tar entry with every field open to abuse; the checksum is right unless told otherwise. */
interface Entry {
  readonly name?: string | Uint8Array;
  readonly prefix?: string;
  readonly content?: string;
  readonly type?: string;
  readonly link?: string;
  readonly magic?: string;
  readonly size?: string;
  readonly checksum?: string;
}

function entry({
  name = 'a',
  prefix = '',
  content = '',
  type = '0',
  link = '',
  magic = 'ustar\x0000',
  size,
  checksum,
}: Entry): Uint8Array {
  const block = new Uint8Array(512);
  const put = (text: string | Uint8Array, offset: number): void =>
    block.set(typeof text === 'string' ? utf8(text) : text, offset);
  const bytes = utf8(content);
  put(name, 0);
  put('0000644\0', 100);
  put(size ?? `${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
  put('        ', 148);
  put(type, 156);
  put(link, 157);
  put(magic, 257);
  put(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(checksum ?? `${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([block, bytes, new Uint8Array((512 - (bytes.length % 512)) % 512)]);
}

const END = new Uint8Array(1024);
const tarOf = (...entries: readonly Entry[]): Uint8Array => Buffer.concat([...entries.map(entry), END]);
const limits = (change: Partial<BundleLimits>): BundleLimits => ({ ...BUNDLE_LIMITS, ...change });

async function messageOf(bytes: Uint8Array, change: Partial<BundleLimits> = {}): Promise<string> {
  const result = await unpackBundle(bytes, change);
  return result.ok
    ? `accepted ${[...result.value.keys()].join(' ')}`
    : `${result.problems[0]?.code}: ${result.problems[0]?.message}`;
}

describe('an archive', () => {
  test('comes back as it went in', async () => {
    const result = await unpackBundle(await gzip(writeTar(FILES)));
    expect(result.ok && new Map([...result.value].map(([name, bytes]) => [name, Buffer.from(bytes)]))).toEqual(
      new Map([...FILES].map(([name, bytes]) => [name, Buffer.from(bytes)])),
    );
  });

  test('has the same bytes whatever the order of the files', async () => {
    const reversed = new Map([...FILES].toReversed());
    expect(await gzip(writeTar(reversed))).toEqual(await gzip(writeTar(FILES)));
  });

  test('says nothing of the machine or the time in its gzip header', async () => {
    expect((await gzip(utf8('x'))).subarray(0, 10)).toEqual(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]));
  });

  test('is read alike by another implementation', async () => {
    const seen = new Map<string, string>();
    const reader = extract();
    reader.end(writeTar(FILES));
    for await (const one of reader) {
      const { type, mode, mtime, uid, gid } = one.header;
      expect({ type, mode, mtime: mtime.getTime(), uid, gid }).toEqual({
        type: 'file',
        mode: 0o644,
        mtime: 0,
        uid: 0,
        gid: 0,
      });
      const parts: Uint8Array[] = [];
      for await (const part of one) parts.push(part as Uint8Array);
      seen.set(one.header.name, Buffer.concat(parts).toString('latin1'));
    }
    expect(seen).toEqual(new Map([...FILES].map(([name, bytes]) => [name, Buffer.from(bytes).toString('latin1')])));
  });

  test('of another implementation is read, with its folders', async () => {
    const writer = pack();
    writer.entry({ name: 'a', type: 'directory' });
    writer.entry({ name: 'a/b.json', mtime: new Date(0) }, '{}');
    writer.finalize();
    const parts: Buffer[] = [];
    for await (const part of writer) parts.push(part as Buffer);
    expect(await messageOf(gzipSync(Buffer.concat(parts)))).toBe('accepted a/b.json');
  });
});

describe('an evil archive is refused:', () => {
  const nfd = utf8('e\u0301');
  test.each<{ name: string; tar: Uint8Array; says: string; change?: Partial<BundleLimits> }>([
    { name: 'a path that climbs', tar: tarOf({ name: '../x' }), says: '".."' },
    { name: 'a path that climbs from within', tar: tarOf({ name: 'a/../../x' }), says: '".."' },
    { name: 'a path that climbs in the prefix', tar: tarOf({ name: 'x', prefix: '../..' }), says: '".."' },
    { name: 'an absolute path', tar: tarOf({ name: '/etc/passwd' }), says: 'absolute' },
    { name: 'an absolute path in the prefix', tar: tarOf({ name: 'passwd', prefix: '/etc' }), says: 'absolute' },
    { name: 'a path with dots', tar: tarOf({ name: './x' }), says: '"."' },
    { name: 'a Windows path', tar: tarOf({ name: 'a\\..\\x' }), says: 'backslash' },
    { name: 'a drive', tar: tarOf({ name: 'C:x' }), says: 'drive' },
    { name: 'no name', tar: tarOf({ name: '' }), says: 'empty' },
    { name: 'a name with hidden bytes', tar: tarOf({ name: 'a\0b' }), says: 'bytes behind its end' },
    { name: 'a prefix with hidden bytes', tar: tarOf({ name: 'a', prefix: 'p\0q' }), says: 'bytes behind its end' },
    { name: 'a name that is not UTF-8', tar: tarOf({ name: Uint8Array.of(0xff, 0xfe) }), says: 'UTF-8' },
    { name: 'a name that is not NFC', tar: tarOf({ name: nfd }), says: 'NFC' },
    { name: 'a file twice', tar: tarOf({ content: '1' }, { content: '2' }), says: 'twice' },
    { name: 'names that differ in case', tar: tarOf({ name: 'A' }, { name: 'a' }), says: 'collides' },
    { name: 'a file that is also a folder', tar: tarOf({ name: 'a' }, { name: 'a/b' }), says: 'collides' },
    {
      name: 'a folder that is also a file',
      tar: tarOf({ name: 'a', type: '5' }, { name: 'a' }),
      says: 'is a file and a folder',
    },
    { name: 'a folder with content', tar: tarOf({ type: '5', content: 'x' }), says: 'has content' },
    { name: 'a folder that climbs', tar: tarOf({ name: '../a/', type: '5' }), says: '".."' },
    { name: 'a symbolic link', tar: tarOf({ type: '2', link: '/etc' }), says: 'a symbolic link' },
    { name: 'a hard link', tar: tarOf({ type: '1', link: 'b' }), says: 'a hard link' },
    { name: 'a file with a link target', tar: tarOf({ link: '/etc' }), says: 'link target' },
    { name: 'a device', tar: tarOf({ type: '3' }), says: 'a character device' },
    { name: 'a block device', tar: tarOf({ type: '4' }), says: 'a block device' },
    { name: 'a pipe', tar: tarOf({ type: '6' }), says: 'a pipe' },
    {
      name: 'a pax header that renames',
      tar: tarOf({ type: 'x', content: '15 path=../evil\n' }, {}),
      says: 'a pax header',
    },
    { name: 'a global pax header', tar: tarOf({ type: 'g', content: '9 size=9\n' }), says: 'a global pax header' },
    { name: 'a GNU long name', tar: tarOf({ type: 'L', content: '../evil' }, {}), says: 'a GNU long name' },
    { name: 'a sparse file', tar: tarOf({ type: 'S' }), says: 'a sparse file' },
    { name: 'an unknown type', tar: tarOf({ type: 'Z' }), says: 'unknown type' },
    { name: 'the GNU format', tar: tarOf({ magic: 'ustar  \0' }), says: 'not a plain ustar' },
    { name: 'no format', tar: tarOf({ magic: '\0\0\0\0\0\0\0\0' }), says: 'not a plain ustar' },
    { name: 'a wrong checksum', tar: tarOf({ checksum: '000000\0 ' }), says: 'wrong checksum' },
    { name: 'an unreadable checksum', tar: tarOf({ checksum: 'zzzzzz\0 ' }), says: 'unreadable checksum' },
    { name: 'a negative size', tar: tarOf({ size: '-0000000001\0' }), says: 'unreadable size' },
    { name: 'a size in base 256', tar: tarOf({ size: '\u0080' }), says: 'unreadable size' },
    { name: 'a size beyond the end', tar: tarOf({ size: '77777777777\0' }), says: 'cut short' },
    {
      name: 'a size that swallows the next header',
      tar: tarOf({ size: '00000001001\0' }, { name: 'b' }),
      says: 'does not end',
    },
    { name: 'no end', tar: entry({}), says: 'cut short' },
    { name: 'one block of end', tar: Buffer.concat([entry({}), new Uint8Array(512)]), says: 'does not end' },
    { name: 'bytes behind the end', tar: Buffer.concat([entry({}), END, entry({ name: 'b' })]), says: 'does not end' },
    {
      name: 'bytes in the padding',
      tar: Buffer.concat([entry({ content: 'x' }).fill(1, 513, 600), END]),
      says: 'between the files',
    },
    { name: 'an odd length', tar: Buffer.concat([entry({}), new Uint8Array(100)]), says: 'cut short' },
    { name: 'nothing', tar: new Uint8Array(0), says: 'cut short' },
    { name: 'too deep a path', tar: tarOf({ name: 'a/b/c/d/e/f/g/h/i' }), says: '8 levels' },
    {
      name: 'too many files',
      tar: tarOf({ name: 'a' }, { name: 'b' }, { name: 'c' }),
      says: 'more than 2 files',
      change: { maxFiles: 2 },
    },
    {
      name: 'too many folders',
      tar: tarOf(...Array.from({ length: 5 }, (_, index) => ({ name: `d${index}`, type: '5' }))),
      says: 'more than 2 files',
      change: { maxFiles: 2 },
    },
  ])('$name', async ({ tar, says, change }) => {
    expect(await messageOf(await gzip(tar), change)).toContain(says);
  });
});

describe('an evil gzip file is refused:', () => {
  const good = writeTar(FILES);
  const withZeros = (bytes: Uint8Array, fromEnd: number): Uint8Array =>
    Buffer.from(bytes).fill(0, bytes.byteLength - fromEnd, bytes.byteLength - fromEnd + 4);
  const withName = (): Uint8Array => {
    const bytes = Buffer.from(gzipSync(good));
    return Buffer.concat([
      bytes.subarray(0, 3),
      Uint8Array.of(8),
      bytes.subarray(4, 10),
      utf8('x\0'),
      bytes.subarray(10),
    ]);
  };
  test.each<{ name: string; make: () => Promise<Uint8Array>; says: string; change?: Partial<BundleLimits> }>([
    { name: 'nothing', make: async () => new Uint8Array(0), says: 'not a gzip file' },
    { name: 'plain tar', make: async () => good, says: 'not a gzip file' },
    { name: 'a header field', make: async () => withName(), says: 'optional fields' },
    { name: 'a cut', make: async () => (await gzip(good)).subarray(0, 100), says: 'damaged' },
    {
      name: 'a second member',
      make: async () => Buffer.concat([await gzip(good), await gzip(good)]),
      says: 'does not end',
    },
    {
      name: 'bytes behind the end',
      make: async () => Buffer.concat([await gzip(good), Uint8Array.of(0)]),
      says: 'does not end',
    },
    { name: 'a wrong checksum', make: async () => withZeros(await gzip(good), 8), says: 'checksum' },
    { name: 'a wrong length', make: async () => withZeros(await gzip(good), 4), says: 'checksum' },
    {
      name: 'a bomb',
      make: () => gzip(new Uint8Array(BUNDLE_LIMITS.maxExpandedBytes + 1)),
      says: 'ERR_BUNDLE_TOO_LARGE',
    },
    {
      name: 'too many bytes',
      make: async () => gzip(good),
      says: 'ERR_BUNDLE_TOO_LARGE',
      change: { maxCompressedBytes: 50 },
    },
    {
      name: 'too many bytes inside',
      make: async () => gzip(good),
      says: 'ERR_BUNDLE_TOO_LARGE',
      change: { maxExpandedBytes: 1000 },
    },
  ])('$name', async ({ make, says, change }) => {
    expect(await messageOf(await make(), change)).toContain(says);
  });
});

const contentOf = (files: ReadonlyMap<string, Uint8Array>): string => {
  const listed = [...files].map(([name, bytes]) => `${name}=${Buffer.from(bytes).toString('hex')}`);
  return listed.toSorted((a, b) => (a < b ? -1 : 1)).join('\n');
};

describe('under fuzzing', () => {
  test('no change of one byte of a bundle is accepted with other content', async () => {
    const good = await gzip(writeTar(FILES));
    const before = contentOf(FILES);
    for (let index = 0; index < good.byteLength; index += 1) {
      const bytes = Uint8Array.from(good);
      bytes[index] = (bytes[index] ?? 0) ^ 0x41;
      const result = await unpackBundle(bytes);
      const content = result.ok ? contentOf(result.value) : before;
      expect(content).toBe(before);
    }
  });

  test('a mutated tar is read or refused, never thrown at, and only fit names come out', () => {
    const good = writeTar(FILES);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.byteLength - 1), fc.nat(255)), { maxLength: 6 }),
        fc.nat(good.byteLength),
        (edits, end) => {
          const tar = Uint8Array.from(good);
          for (const [index, byte] of edits) tar[index] = byte;
          for (const bytes of [tar, tar.subarray(0, end)]) {
            const result = readTar(bytes, limits({}));
            const names = result.ok ? [...result.value.keys()] : [];
            expect(names.filter((name) => /(^|\/)\.\.?(\/|$)|^\/|\\/.test(name))).toEqual([]);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('random bytes are refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (noise) => {
        const header = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255);
        for (const bytes of [noise, Buffer.concat([header, noise])]) {
          expect((await gunzip(bytes, BUNDLE_LIMITS)).ok).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });
});
