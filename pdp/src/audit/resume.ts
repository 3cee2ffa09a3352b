/** Where the chain goes on after a start: the tail is read and checked, a torn end is kept aside. */

import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ChainEnd,
  type Checkpoint,
  createChainVerifier,
  GENESIS,
  type NoteVerifier,
  openCheckpoint,
  readRecord,
} from '@portcullis/policy/evidence';
import { PortcullisError } from '@portcullis/runtime';
import { writeDurably } from '../bundles/durable-file.js';
import { CHECKPOINT_FILE } from './checkpointer.js';
import { listSegments, type SegmentName } from './segments.js';

/** Where to go on. */
export interface Resumed {
  readonly last: ChainEnd;
  /** Number of the first record of the segment to go on with. */
  readonly segment: number;
  /** What the checkpoint on disk covers. */
  readonly signedSize: number;
  /** The last records of closed segments that the checkpoint does not go beyond: a crash may have kept them from being signed. */
  readonly boundaries: readonly ChainEnd[];
  /** Where the torn end of a segment was put, if one was torn. */
  readonly torn: { readonly file: string; readonly bytes: number } | undefined;
}

const NEWLINE = 0x0a;

/**
 * Reads the segments from the last checkpoint on. A torn end (a half line, or lines that are no records and have none
 * after them) is taken off the segment once it is kept in a file of its own beside it.
 * @throws PortcullisError `ERR_AUDIT_CHAIN` when what is there is not the chain that this PDP wrote.
 */
export async function resumeChain(folder: string, key: NoteVerifier, stamp: string): Promise<Resumed> {
  const checkpoint = await readCheckpoint(folder, key);
  const segments = listSegments(folder);
  const newest = segments.at(-1);
  if (newest === undefined) {
    if (checkpoint !== undefined) throw broken(`records 1 to ${checkpoint.size} are missing`);
    return { last: { seq: 0, hash: GENESIS }, segment: 1, signedSize: 0, boundaries: [], torn: undefined };
  }
  const verifier = createChainVerifier({ checkpoints: checkpoint === undefined ? [] : [checkpoint] });
  const signedSize = checkpoint?.size ?? 0;
  const boundaries: ChainEnd[] = [];
  for (const { name } of fromCheckpoint(segments, checkpoint)) {
    if (name === newest.name) continue;
    const closed = await readFile(join(folder, name));
    feed(verifier, name, closed);
    const end = lastRecord(closed);
    if (end !== undefined && end.seq >= signedSize) boundaries.push(end);
  }
  const bytes = await readFile(join(folder, newest.name));
  const end = endOfRecords(bytes);
  feed(verifier, newest.name, bytes.subarray(0, end));
  const report = verifier.finish();
  const [finding] = report.findings.filter(({ code }) => code !== 'START_MISSING');
  if (finding !== undefined) throw broken(finding.message, finding);
  if (report.writer !== undefined && report.writer !== key.name) {
    throw broken(`it is the chain of ${report.writer}, and the key here is that of ${key.name}`);
  }
  const last = report.last ?? beginning(newest, checkpoint);
  if (last.seq + 1 < newest.first) throw broken(`records ${last.seq + 1} to ${newest.first - 1} are missing`);
  const torn =
    end < bytes.length ? await setAside(join(folder, newest.name), bytes.subarray(end), end, stamp) : undefined;
  return { last, segment: newest.first, signedSize, boundaries, torn };
}

async function readCheckpoint(folder: string, key: NoteVerifier): Promise<Checkpoint | undefined> {
  let note: string;
  try {
    note = await readFile(join(folder, CHECKPOINT_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const opened = openCheckpoint(key, note);
  if (!opened.ok) throw broken(`the checkpoint is not this PDP's: ${opened.message}`);
  return opened.checkpoint;
}

/** The segments that hold the checkpoint's record and what comes after it, and always the two newest. */
function fromCheckpoint(segments: readonly SegmentName[], checkpoint: Checkpoint | undefined): readonly SegmentName[] {
  const size = checkpoint?.size ?? 0;
  const holding = segments.findLastIndex(({ first }) => first <= size);
  return segments.slice(Math.max(0, Math.min(holding, segments.length - 2)));
}

function beginning(newest: SegmentName, checkpoint: Checkpoint | undefined): ChainEnd {
  if (newest.first === 1) return { seq: 0, hash: GENESIS };
  if (checkpoint?.size === newest.first - 1) return { seq: checkpoint.size, hash: checkpoint.head };
  throw broken(`nothing says what came before record ${newest.first}`);
}

function feed(verifier: ReturnType<typeof createChainVerifier>, file: string, bytes: Buffer): void {
  let line = 0;
  for (const [start, end] of lines(bytes)) {
    line += 1;
    verifier.line(bytes.toString('utf8', start, end), { file, line });
  }
}

function* lines(bytes: Buffer): Generator<readonly [start: number, end: number]> {
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
    yield [start, end];
    start = end + 1;
  }
}

/** `undefined` when the last line is no record. */
function lastRecord(bytes: Buffer): ChainEnd | undefined {
  const end = bytes.lastIndexOf(NEWLINE);
  const start = end < 1 ? 0 : bytes.lastIndexOf(NEWLINE, end - 1) + 1;
  const reading = readRecord(bytes.toString('utf8', start, Math.max(0, end)));
  return reading.ok ? { seq: reading.link.seq, hash: reading.hash } : undefined;
}

/** After the last line that is a record; lines before it that are none are for the verifier. */
function endOfRecords(bytes: Buffer): number {
  let end = 0;
  let behind = bytes.lastIndexOf(NEWLINE);
  while (behind >= 0) {
    const before = behind === 0 ? -1 : bytes.lastIndexOf(NEWLINE, behind - 1);
    if (readRecord(bytes.toString('utf8', before + 1, behind)).ok) {
      end = behind + 1;
      break;
    }
    behind = before;
  }
  return end;
}

async function setAside(path: string, rest: Buffer, end: number, stamp: string): Promise<Resumed['torn']> {
  const file = `${path}.torn-${stamp}`;
  await writeDurably(file, rest);
  const handle = await open(path, 'r+');
  try {
    await handle.truncate(end);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { file, bytes: rest.length };
}

function broken(message: string, details: object = {}): PortcullisError {
  return new PortcullisError('ERR_AUDIT_CHAIN', 'corrupt', `the audit chain cannot be continued: ${message}`, {
    details: { ...details },
  });
}
