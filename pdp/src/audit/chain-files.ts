/**
 * The chain on disk: seals records, rotates segments, keeps the cap. What could not be written whole is taken back, so
 * that the files hold the chain and nothing else.
 */

import {
  type ChainEnd,
  type ChainLink,
  type SealedRecord,
  sealApproval,
  sealDecision,
  sealEnforcement,
  sealIntent,
  sealKill,
  sealNotice,
  sealRefusal,
  sealRelease,
  sealReview,
} from '@portcullis/policy/evidence';
import { type Clock, PortcullisError } from '@portcullis/runtime';
import type { AuditRecord } from '../pipeline/ports.js';
import type { SegmentFile, SegmentFolder } from './segments.js';

/** What the chain is made of. */
export interface ChainFilesParts {
  readonly folder: SegmentFolder;
  readonly writer: string;
  /** Unique; a UUID. */
  readonly newRecordId: () => string;
  /** The last record that is there; number 0 and the genesis hash before the first. */
  readonly last: ChainEnd;
  /** Number of the first record of the segment to go on with. */
  readonly segment: number;
  /** A segment that would grow beyond it is closed, and another begun. */
  readonly maxSegmentBytes: number;
  /** All segments together; at the cap nothing more is written. */
  readonly maxTotalBytes: number;
  readonly clock: Clock;
  /** A segment begins after this record. */
  readonly onSegment: (before: ChainEnd) => void;
}

/** The open chain. */
export interface ChainFiles {
  /** The last record that was written. */
  last(): ChainEnd;
  /**
   * Seals and writes all of them, or none. The result takes them back, which is possible until the next write.
   * @throws PortcullisError or the system's error when they could not be written.
   */
  write(records: readonly AuditRecord[]): () => void;
  /** Resolves when everything that was written before the call is on the disk. */
  sync(): Promise<void>;
  /** Syncs and closes. */
  close(): Promise<void>;
}

const RECOUNT_MS = 500;

/** Opens the segment to go on with. @throws the system's error when it cannot be opened. */
export function openChainFiles(parts: ChainFilesParts): ChainFiles {
  const { folder, clock } = parts;
  const retiring = new Set<Promise<void>>();
  let file: SegmentFile = folder.open(parts.segment);
  let offset = file.size();
  let total = folder.totalBytes();
  let countedAt = clock.monotonic();
  let last = parts.last;
  /** The file may hold more than the chain has: a write failed, or was taken back. */
  let soiled = false;
  /** Why a closed segment is not known to be on the disk. */
  let lost: { readonly cause: unknown } | undefined;

  const clean = (): void => {
    const size = file.size();
    if (size < offset || (size > offset && !soiled)) {
      throw new PortcullisError('ERR_AUDIT_CHAIN', 'conflict', 'somebody else writes to the segment', {
        details: { expectedBytes: offset, foundBytes: size },
      });
    }
    if (size > offset) file.truncate(offset);
    soiled = false;
  };
  const retire = (old: SegmentFile): void => {
    const done = old
      .datasync()
      .catch((cause: unknown) => {
        lost = { cause };
      })
      .then(() => old.close())
      .finally(() => retiring.delete(done));
    retiring.add(done);
  };
  /** Once: it is about records of the past, and nothing can be done about them. */
  const tellLoss = (): void => {
    const told = lost;
    lost = undefined;
    if (told !== undefined) throw told.cause;
  };
  const makeRoom = (bytes: number): void => {
    if (total + bytes > parts.maxTotalBytes && clock.monotonic() - countedAt >= RECOUNT_MS) {
      // Closed segments may have been moved away since.
      total = folder.totalBytes();
      countedAt = clock.monotonic();
    }
    if (total + bytes > parts.maxTotalBytes) {
      throw new PortcullisError('ERR_AUDIT_FULL', 'unavailable', 'the audit folder has reached its cap', {
        details: { maxTotalBytes: parts.maxTotalBytes },
      });
    }
    if (offset > 0 && offset + bytes > parts.maxSegmentBytes) {
      const opened = folder.open(last.seq + 1);
      retire(file);
      file = opened;
      offset = 0;
      // A segment that an earlier attempt began was never part of the chain.
      soiled = true;
      clean();
      parts.onSegment(last);
    }
  };

  return {
    last: () => last,
    write(records) {
      const before = last;
      const { text, end } = sealAll(records, before, parts);
      const bytes = Buffer.from(text);
      clean();
      makeRoom(bytes.length);
      soiled = true;
      file.append(bytes);
      soiled = false;
      offset += bytes.length;
      total += bytes.length;
      last = end;
      return () => {
        offset -= bytes.length;
        total -= bytes.length;
        last = before;
        soiled = true;
      };
    },
    async sync() {
      const current = file.datasync();
      await Promise.all([...retiring]);
      await current;
      tellLoss();
    },
    async close() {
      retire(file);
      await Promise.all([...retiring]);
      tellLoss();
    },
  };
}

function sealAll(
  records: readonly AuditRecord[],
  before: ChainEnd,
  parts: Pick<ChainFilesParts, 'newRecordId' | 'writer'>,
): { readonly text: string; readonly end: ChainEnd } {
  let end = before;
  let text = '';
  for (const record of records) {
    const seq = end.seq + 1;
    const link = { record_id: parts.newRecordId(), writer: parts.writer, seq, prev: end.hash };
    const { line, hash } = seal(record, link);
    text += `${line}\n`;
    end = { seq, hash };
  }
  return { text, end };
}

function seal(record: AuditRecord, link: ChainLink): SealedRecord {
  if (!('kind' in record)) return sealDecision(record, link);
  switch (record.kind) {
    case 'approval':
      return sealApproval(record, link);
    case 'enforcement':
      return sealEnforcement(record, link);
    case 'intent':
      return sealIntent(record, link);
    case 'kill':
      return sealKill(record, link);
    case 'notice':
      return sealNotice(record, link);
    case 'review':
      return sealReview(record, link);
    case 'refusal':
      return sealRefusal(record, link);
    case 'release':
      return sealRelease(record, link);
  }
}
