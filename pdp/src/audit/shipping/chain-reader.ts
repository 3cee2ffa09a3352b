/** Reads records back from the segments, in order. Only whole lines, and none past the record that it is told. */

import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChainEnd } from '@portcullis/policy/evidence';
import { PortcullisError } from '@portcullis/runtime';
import { listSegments, type SegmentName } from '../segments.js';

/** Consecutive records. */
export interface ReadRecords {
  /** Without their ends. */
  readonly lines: readonly string[];
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
const CHUNK = 64 * 1024;
/** A record is far smaller: names and digests. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;
const HASH = /,"hash":"([0-9a-f]{64})"\}$/;

/** Reads the chain in a folder. */
export function createChainReader(folder: string): ChainReader {
  /** Where the next reading is likely to begin. */
  let next: Place | undefined;

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
      const found = await scan(join(folder, segment.name), 0, seq - segment.first, Number.MAX_SAFE_INTEGER, undefined);
      offset = found.end;
      if (found.count < seq - segment.first) throw gone(seq);
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
      const lines: string[] = [];
      let size = 0;
      while (lines.length < wanted && (size < bytes || lines.length === 0)) {
        const path = join(folder, place.segment.name);
        const found = await scan(path, place.offset, wanted - lines.length, bytes - size, lines);
        size += found.end - place.offset;
        const seq = place.seq + found.count;
        place = { ...place, offset: found.end, seq };
        if (!found.atEnd) break;
        const after = listSegments(folder).find(({ first }) => first === seq);
        if (after === undefined || after.name === place.segment.name) break;
        place = { segment: after, offset: 0, seq };
      }
      next = place;
      const last = lines.at(-1);
      if (last === undefined) throw gone(from);
      const seq = from + lines.length - 1;
      requireRecord(lines[0], from);
      return { lines, last: { seq, hash: requireRecord(last, seq) } };
    },
  };
}

/** The hash of a line, which is the record of that number by its own word. */
function requireRecord(line: string | undefined, seq: number): string {
  const hash = HASH.exec(line ?? '')?.[1];
  if (hash === undefined || line?.includes(`,"seq":${seq},`) !== true) {
    throw new PortcullisError('ERR_AUDIT_CHAIN', 'corrupt', 'a segment does not hold the record that its place says', {
      details: { seq },
    });
  }
  return hash;
}

interface Scanned {
  /** Whole lines passed. */
  readonly count: number;
  /** Behind the last of them. */
  readonly end: number;
  /** The file has no whole line after it. */
  readonly atEnd: boolean;
}

/** Passes `maxLines` whole lines, or fewer when their bytes exceed `maxBytes`, but one at least where there is one. */
async function scan(
  path: string,
  offset: number,
  maxLines: number,
  maxBytes: number,
  into: string[] | undefined,
): Promise<Scanned> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw new PortcullisError('ERR_AUDIT_SHIP_GONE', 'unavailable', 'a segment cannot be opened', { cause });
  }
  try {
    let count = 0;
    let end = offset;
    let pending: Buffer = Buffer.alloc(0);
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const { bytesRead } = await file.read(chunk, 0, CHUNK, end + pending.length);
      if (bytesRead === 0) return { count, end, atEnd: true };
      pending = Buffer.concat([pending, chunk.subarray(0, bytesRead)]);
      let start = 0;
      for (let at = pending.indexOf(NEWLINE); at >= 0; at = pending.indexOf(NEWLINE, start)) {
        const line = at + 1 - start;
        if (count > 0 && end - offset + line > maxBytes) return { count, end, atEnd: false };
        into?.push(pending.toString('utf8', start, at));
        count += 1;
        end += line;
        start = at + 1;
        if (count >= maxLines) return { count, end, atEnd: start === pending.length && bytesRead < CHUNK };
      }
      pending = pending.subarray(start);
      if (pending.length > MAX_LINE_BYTES) {
        throw new PortcullisError('ERR_AUDIT_CHAIN', 'corrupt', 'a segment has a line that is too long to be a record');
      }
    }
  } finally {
    await file.close();
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
