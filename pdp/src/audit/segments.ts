/** The files of a chain: segments named by the number of their first record, so that names sort as records do. */

import {
  closeSync,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What the log needs of a file. */
export interface SegmentFile {
  /** Bytes in the file now, whoever wrote them. */
  size(): number;
  /**
   * Hands all of it to the operating system before it returns. Not by a promise: that is a walk through the thread pool
   * and back, which costs a decision ten times what the write does.
   * @throws when it could not be taken whole; a part of it may be in the file.
   */
  append(bytes: Uint8Array): void;
  /** Cuts the file. */
  truncate(size: number): void;
  /** Resolves when what was appended is on the disk. */
  datasync(): Promise<void>;
  /** After the syncs that are under way. */
  close(): Promise<void>;
}

/** Where segments are. */
export interface SegmentFolder {
  /** Opens the segment whose first record has this number, or creates it (0600). */
  open(first: number): SegmentFile;
  /** Bytes of all segments. */
  totalBytes(): number;
}

/** A segment that is there. */
export interface SegmentName {
  readonly name: string;
  /** Number of its first record. */
  readonly first: number;
}

const DIGITS = 16;
const NAME = /^(\d{16})\.jsonl$/;
const datasync = promisify(fdatasync);

/** The name of the segment that begins with a record. */
export function segmentName(first: number): string {
  return `${String(first).padStart(DIGITS, '0')}.jsonl`;
}

/** The name of the checkpoint of all records before a segment. */
export function boundaryName(first: number): string {
  return `${String(first).padStart(DIGITS, '0')}.checkpoint`;
}

/** The segments of a folder in order. */
export function listSegments(folder: string): readonly SegmentName[] {
  return readdirSync(folder)
    .flatMap((name) => {
      const digits = NAME.exec(name)?.[1];
      return digits === undefined ? [] : [{ name, first: Number(digits) }];
    })
    .sort((a, b) => a.first - b.first);
}

/** The segments of a folder that exists. */
export function openSegmentFolder(folder: string): SegmentFolder {
  return {
    open: (first) => {
      const file = openSegment(join(folder, segmentName(first)));
      syncFolder(folder);
      return file;
    },
    totalBytes: () => listSegments(folder).reduce((sum, { name }) => sum + sizeOf(join(folder, name)), 0),
  };
}

/** The names in a folder survive a power cut as the contents do. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function sizeOf(path: string): number {
  // An operator may be moving closed segments away at this moment.
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function openSegment(path: string): SegmentFile {
  const fd = openSync(path, 'a', 0o600);
  const syncs = new Set<Promise<void>>();
  return {
    size: () => fstatSync(fd).size,
    append: (bytes) => {
      // Usually all at once. `appendFileSync` does the same behind four more layers.
      for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
    },
    truncate: (size) => ftruncateSync(fd, size),
    datasync: () => {
      const sync = datasync(fd).finally(() => syncs.delete(sync));
      syncs.add(sync);
      return sync;
    },
    close: async () => {
      await Promise.allSettled(syncs);
      closeSync(fd);
    },
  };
}
