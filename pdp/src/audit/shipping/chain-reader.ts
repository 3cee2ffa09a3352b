/** Reads records back from the segments, in order. Only whole lines, and none past the record that it is told. */

import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChainEnd } from '@portcullis/policy/evidence';
import { PortcullisError } from '@portcullis/runtime';
import { listSegments, type SegmentName } from '../segments.js';

/** Consecutive records. */
export interface ReadRecords {
  /** Whole lines as they lie on the disk, with their ends. Another reading may overwrite them. */
  readonly bytes: Buffer;
  /** How many records that is, 1 or more. */
  readonly count: number;
  /** The line of the first, without its end. */
  readonly first: string;
  readonly last: ChainEnd;
}

/** What bounds one reading. */
export interface ReadLimits {
  /** No record after this one. */
  readonly to: number;
  readonly records: number;
  /** One record is read whatever its size. */
  readonly bytes: number;
}

/** The reader. One reading at a time. */
export interface ChainReader {
  /**
   * The records from number `from` on; `undefined` when there are none to `to`.
   * @throws PortcullisError `ERR_AUDIT_SHIP_GONE` when the record is not here any more, `ERR_AUDIT_CHAIN` when what stands
   * in its place is no record of that number.
   */
  read(from: number, limits: ReadLimits): Promise<ReadRecords | undefined>;
  /** The number of the first record that is here, or that would be. */
  first(): number;
  /** Bytes of all records from number `from` on, exactly when it was the next to read, else of whole segments. */
  bytesFrom(from: number): Promise<number>;
}

interface Place {
  readonly segment: SegmentName;
  /** Of the line of record `seq`. */
  readonly offset: number;
  readonly seq: number;
}

const NEWLINE = 0x0a;
/** Read at once at least, and when lines are only counted. */
const CHUNK = 64 * 1024;
/** Room for what stands behind the last line that is wanted: seldom is more read than one reading brings. */
const SPARE = 4 * 1024;
/** A record is far smaller: names and digests. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;
const HASH = /,"hash":"([0-9a-f]{64})"\}$/;

/** Reads the chain in a folder. */
export function createChainReader(folder: string): ChainReader {
  /** Where the next reading is likely to begin. */
  let next: Place | undefined;
  /**
   * Used again by every reading. One that is made for each lives long enough to be promoted, and what it holds outside of the
   * heap is then freed by full collections only: five per second of them, under load, cost decisions more than shipping did.
   */
  let buffer = Buffer.alloc(0);
  const bufferOf = (size: number): Buffer => {
    if (buffer.length < size) buffer = Buffer.allocUnsafe(size);
    return buffer.subarray(0, size);
  };

  const segmentOf = (seq: number): SegmentName => {
    const segment = listSegments(folder).findLast(({ first }) => first <= seq);
    if (segment === undefined) throw gone(seq);
    return segment;
  };
  const placeOf = async (seq: number): Promise<Place> => {
    if (next?.seq === seq) return next;
    const segment = segmentOf(seq);
    let offset = 0;
    if (seq > segment.first) {
      const end = await passLines(join(folder, segment.name), seq - segment.first);
      if (end === undefined) throw gone(seq);
      offset = end;
    }
    return { segment, offset, seq };
  };

  return {
    first: () => listSegments(folder)[0]?.first ?? 1,
    async bytesFrom(from) {
      const place = next?.seq === from ? next : undefined;
      const segments = listSegments(folder);
      const own = segments.findLast(({ first }) => first <= from)?.first ?? 0;
      let sum = 0;
      for (const segment of segments.filter(({ first }) => first >= own)) {
        sum += await sizeOf(join(folder, segment.name));
      }
      return Math.max(0, sum - (place === undefined ? 0 : place.offset));
    },
    async read(from, { to, records, bytes }) {
      if (from > to) return undefined;
      let place = await placeOf(from);
      const wanted = Math.min(records, to - from + 1);
      const parts: Buffer[] = [];
      let count = 0;
      let size = 0;
      const room = bufferOf(Math.max(CHUNK, bytes + SPARE));
      while (count < wanted && (size < bytes || count === 0)) {
        const path = join(folder, place.segment.name);
        const limits = { lines: wanted - count, bytes: bytes - size, atLeast: count === 0 ? 1 : 0 };
        const found = await readLines(path, place.offset, limits, room.subarray(size));
        if (found.count > 0) parts.push(found.bytes);
        size += found.bytes.length;
        count += found.count;
        const seq = place.seq + found.count;
        place = { ...place, offset: place.offset + found.bytes.length, seq };
        if (!found.atEnd) break;
        const after = listSegments(folder).find(({ first }) => first === seq);
        if (after === undefined || after.name === place.segment.name) break;
        place = { segment: after, offset: 0, seq };
      }
      next = place;
      const [part] = parts;
      if (part === undefined) throw gone(from);
      const all = parts.length === 1 ? part : Buffer.concat(parts, size);
      const seq = from + count - 1;
      const first = all.toString('utf8', 0, all.indexOf(NEWLINE));
      const last = count === 1 ? first : all.toString('utf8', all.lastIndexOf(NEWLINE, -2) + 1, size - 1);
      requireRecord(first, from);
      return { bytes: all, count, first, last: { seq, hash: requireRecord(last, seq) } };
    },
  };
}

/** The hash of a line, which is the record of that number by its own word. */
function requireRecord(line: string, seq: number): string {
  const hash = HASH.exec(line)?.[1];
  if (hash === undefined || !line.includes(`,"seq":${seq},`)) {
    throw new PortcullisError('ERR_AUDIT_CHAIN', 'corrupt', 'a segment does not hold the record that its place says', {
      details: { seq },
    });
  }
  return hash;
}

interface ReadLines {
  readonly bytes: Buffer;
  readonly count: number;
  /** Nothing stands behind them. */
  readonly atEnd: boolean;
}

interface LineLimits {
  readonly lines: number;
  readonly bytes: number;
  /** So many are read whatever their bytes. */
  readonly atLeast: number;
}

/** Whole lines from `offset` on, within the limits. In `room` where they fit. */
async function readLines(path: string, offset: number, limits: LineLimits, room: Buffer): Promise<ReadLines> {
  const file = await openRecords(path);
  try {
    let buffer = room;
    let filled = 0;
    for (;;) {
      filled = await fill(file, buffer, filled, offset);
      const isLast = filled < buffer.length;
      const text = buffer.subarray(0, filled);
      const { count, end } = wholeLines(text, limits);
      if (count >= limits.atLeast || isLast) {
        return { bytes: text.subarray(0, end), count, atEnd: isLast && end === filled };
      }
      if (filled > MAX_LINE_BYTES) {
        throw new PortcullisError('ERR_AUDIT_CHAIN', 'corrupt', 'a segment has a line that is too long to be a record');
      }
      buffer = Buffer.concat([text], 2 * filled);
    }
  } finally {
    await file.close();
  }
}

/** How many lines are whole and within the limits, and where the last of them ends. */
function wholeLines(text: Buffer, limits: LineLimits): { readonly count: number; readonly end: number } {
  let count = 0;
  let end = 0;
  while (count < limits.lines) {
    const at = text.indexOf(NEWLINE, end);
    if (at < 0 || (count >= limits.atLeast && at + 1 > limits.bytes)) break;
    count += 1;
    end = at + 1;
  }
  return { count, end };
}

/** Fills the buffer from `filled` on; resolves to where the file, or the buffer, ended. */
async function fill(file: FileHandle, buffer: Buffer, filled: number, offset: number): Promise<number> {
  for (let end = filled; end < buffer.length; ) {
    const { bytesRead } = await file.read(buffer, end, buffer.length - end, offset + end);
    if (bytesRead === 0) return end;
    end += bytesRead;
  }
  return buffer.length;
}

/** Where the first `lines` lines of a file end; `undefined` when it has fewer. */
async function passLines(path: string, lines: number): Promise<number | undefined> {
  const file = await openRecords(path);
  try {
    const chunk = Buffer.allocUnsafe(CHUNK);
    let left = lines;
    for (let start = 0; ; ) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK, start);
      if (bytesRead === 0) return undefined;
      const read = chunk.subarray(0, bytesRead);
      for (let at = read.indexOf(NEWLINE); at >= 0; at = read.indexOf(NEWLINE, at + 1)) {
        left -= 1;
        if (left === 0) return start + at + 1;
      }
      start += bytesRead;
    }
  } finally {
    await file.close();
  }
}

async function openRecords(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw new PortcullisError('ERR_AUDIT_SHIP_GONE', 'unavailable', 'a segment cannot be opened', { cause });
  }
}

async function sizeOf(path: string): Promise<number> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return 0;
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

function gone(seq: number): PortcullisError {
  return new PortcullisError('ERR_AUDIT_SHIP_GONE', 'unavailable', 'a record to be shipped is not here any more', {
    details: { seq },
  });
}
