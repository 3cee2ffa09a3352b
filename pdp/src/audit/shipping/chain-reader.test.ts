import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { GENESIS, sealText } from '@portcullis/policy/evidence';
import { segmentName } from '../segments.js';
import { createChainReader, type ReadRecords } from './chain-reader.js';

let folder: string;
let lines: string[];
const ALL = { to: 1_000, records: 1_000, bytes: 1_000_000 };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-reader-'));
  lines = [];
  let prev = GENESIS;
  for (let seq = 1; seq <= 30; seq += 1) {
    // Characters of several bytes, and one record that is longer than what is read at once.
    const name = seq === 17 ? 'é'.repeat(100_000) : 'é'.repeat(seq);
    const { line, hash } = sealText(JSON.stringify({ name, prev, record_id: `r-${seq}`, seq, writer: 'w' }));
    lines.push(line);
    prev = hash;
  }
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The lines of what was read, without their ends. */
function linesOf(found: ReadRecords | undefined): readonly string[] {
  return found?.bytes.toString().split('\n').slice(0, -1) ?? [];
}

/** Writes segments that begin with these records. */
async function segments(...firsts: readonly number[]): Promise<void> {
  for (const [index, first] of firsts.entries()) {
    const text = lines.slice(first - 1, (firsts[index + 1] ?? lines.length + 1) - 1).map((line) => `${line}\n`);
    await writeFile(join(folder, segmentName(first)), text.join(''));
  }
}

describe('a chain reader', () => {
  test.each([1, 2, 7, 1_000])('reads every record once and in order, %i at a time, over segments', async (records) => {
    await segments(1, 9, 10, 22);
    const reader = createChainReader(folder);
    const read: string[] = [];
    for (;;) {
      const found = await reader.read(read.length + 1, { ...ALL, to: 30, records });
      if (found === undefined) break;
      expect(found.count).toBeLessThanOrEqual(records);
      expect(found.last.seq).toBe(read.length + found.count);
      expect(linesOf(found)).toHaveLength(found.count);
      expect(found.first).toBe(lines[read.length]);
      read.push(...linesOf(found));
    }
    expect(read).toEqual(lines);
  });

  test('begins anywhere, and goes back', async () => {
    await segments(1, 9, 22);
    const reader = createChainReader(folder);
    for (const from of [30, 5, 22, 9, 8, 21, 1]) {
      const found = await reader.read(from, { ...ALL, to: 30, records: 3 });
      expect(linesOf(found)).toEqual(lines.slice(from - 1, from + 2));
    }
  });

  test('stops at its bound of bytes, but not before one record', async () => {
    await segments(1);
    const reader = createChainReader(folder);
    expect((await reader.read(1, { ...ALL, bytes: 700 }))?.count).toBeLessThan(5);
    expect(linesOf(await reader.read(17, { ...ALL, bytes: 10 }))).toEqual([lines[16]]);
  });

  test('keeps its bound of bytes over segments as well', async () => {
    await segments(1, 9, 17, 22);
    const reader = createChainReader(folder);
    const read: string[] = [];
    while (read.length < lines.length) {
      const found = await reader.read(read.length + 1, { ...ALL, bytes: 1_000 });
      if (found !== undefined && found.count > 1) expect(found.bytes.length).toBeLessThanOrEqual(1_000);
      read.push(...linesOf(found));
    }
    expect(read).toEqual(lines);
  });

  test('uses the same memory again, which would be collected too seldom', async () => {
    await segments(1);
    const reader = createChainReader(folder);
    const memory = (await reader.read(1, { ...ALL, records: 3 }))?.bytes.buffer;
    expect((await reader.read(4, { ...ALL, records: 3 }))?.bytes.buffer).toBe(memory);
    expect((await reader.read(7, { to: 7, records: 1, bytes: 1 }))?.bytes.buffer).toBe(memory);
  });

  test('never reads past the record that it is told, nor half a line', async () => {
    await segments(1);
    await appendFile(join(folder, segmentName(1)), '{"half');
    const reader = createChainReader(folder);
    expect(linesOf(await reader.read(29, { ...ALL, to: 29 }))).toEqual([lines[28]]);
    expect(linesOf(await reader.read(30, ALL))).toEqual([lines[29]]);
    expect(await reader.read(30, { ...ALL, to: 29 })).toBeUndefined();
    await expect(reader.read(31, ALL)).rejects.toMatchObject({ code: 'ERR_AUDIT_SHIP_GONE' });
  });

  test('says when a record is not here any more, and when a line is not the record', async () => {
    await segments(9, 22);
    // The first eight were never written.
    expect((await readdir(folder)).length).toBe(2);
    const reader = createChainReader(folder);
    expect(reader.first()).toBe(9);
    await expect(reader.read(8, ALL)).rejects.toMatchObject({ code: 'ERR_AUDIT_SHIP_GONE' });
    await writeFile(join(folder, segmentName(9)), `${lines[3] ?? ''}\n`);
    await expect(createChainReader(folder).read(9, { ...ALL, to: 9 })).rejects.toMatchObject({
      code: 'ERR_AUDIT_CHAIN',
    });
  });

  test('knows how many bytes wait', async () => {
    await segments(1, 9);
    const reader = createChainReader(folder);
    const sizes = (from: number): number =>
      lines.slice(from - 1).reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
    expect(await reader.bytesFrom(1)).toBe(sizes(1));
    await reader.read(1, { ...ALL, records: 10 });
    expect(await reader.bytesFrom(11)).toBe(sizes(11));
  });
});
