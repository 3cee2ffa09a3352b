/** Verification of a chain, line by line: every edit, deletion, reorder, truncation and fork is a finding. */

import type { JsonObject } from '../model/request.js';
import type { Checkpoint } from './checkpoint.js';
import { type ChainLink, GENESIS, readRecord } from './record.js';
import { readTombstone } from './tombstone.js';

/** What can be wrong with a chain. */
export const CHAIN_FINDINGS = [
  /** A line is no record, or not in canonical form. */
  'RECORD_UNREADABLE',
  /** A record does not have the hash that it carries. */
  'RECORD_ALTERED',
  /** The last line has no end. */
  'RECORD_TORN',
  /** Numbers are left out. */
  'RECORDS_MISSING',
  /** A number comes again, or too late. */
  'RECORD_OUT_OF_PLACE',
  /** Two different records follow the same one. */
  'CHAIN_FORKED',
  /** A record does not name the hash of the one before it. */
  'CHAIN_BROKEN',
  /** Records of another writer. */
  'WRITER_CHANGED',
  /** The first records are not there, and no checkpoint covers them. */
  'START_MISSING',
  /** The chain is shorter than a checkpoint says. */
  'CHAIN_TRUNCATED',
  /** The record that a checkpoint names is another one now: the history was rewritten, or forked before it. */
  'CHECKPOINT_MISMATCH',
  /** The checkpoint cannot be read, or carries no right signature. For those who open checkpoints to report. */
  'CHECKPOINT_INVALID',
  /** The checkpoint is about another chain. */
  'CHECKPOINT_FOREIGN',
  /** A record was replaced by a statement that it was erased, and this chain was to have none. */
  'TOMBSTONE_REFUSED',
  /** The chain ends in erased records, and neither a record nor a checkpoint vouches for their hashes. */
  'TOMBSTONE_UNANCHORED',
] as const;
/** The code of a finding. */
export type ChainFindingCode = (typeof CHAIN_FINDINGS)[number];

/** One thing that is wrong. */
export interface ChainFinding {
  readonly code: ChainFindingCode;
  /** Whole sentence; names record numbers. */
  readonly message: string;
  /** The record's number, where it can be told. */
  readonly seq?: number;
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
}

/** Where a line stands. */
export interface LinePlace {
  readonly file?: string;
  readonly line?: number;
}

/** The end of a chain. */
export interface ChainEnd {
  readonly seq: number;
  readonly hash: string;
}

/** What was found. */
export interface ChainReport {
  /** True when nothing is wrong. */
  readonly ok: boolean;
  /** Records whose text is there and was checked. */
  readonly records: number;
  /** Places whose text was erased: their order is held by what stands around them, what they said is gone. */
  readonly erased: number;
  readonly writer: string | undefined;
  /** The number of the first record. */
  readonly first: number | undefined;
  readonly last: ChainEnd | undefined;
  /** Records up to this number are proven to be there by a checkpoint; later ones may have been cut off unseen. */
  readonly provenTo: number;
  readonly findings: readonly ChainFinding[];
}

/** Takes lines in order. */
export interface ChainVerifier {
  /** The record, when the line is one, even if it is out of place. A tombstone is none. */
  line(text: string, place?: LinePlace): JsonObject | undefined;
  /** A last line without an end. */
  torn(place?: LinePlace): void;
  /** After the last line. */
  finish(): ChainReport;
}

/** How to verify. */
export interface ChainVerifierOptions {
  /** Checkpoints whose signatures were checked. */
  readonly checkpoints?: readonly Checkpoint[];
  /** The chain goes on from here: the record before the first line. */
  readonly after?: ChainEnd & { readonly writer: string };
  /** What to do with tombstones; refused when absent, as where a chain is written nobody erases. */
  readonly tombstones?: 'accept' | 'refuse';
  /** Keep no more findings than this; 1,000 when absent. The report is not `ok` either way. */
  readonly maxFindings?: number;
}

interface Previous extends ChainEnd {
  readonly prev: string;
}

/** Starts a verification. */
export function createChainVerifier(options: ChainVerifierOptions = {}): ChainVerifier {
  const { checkpoints = [], after, tombstones = 'refuse', maxFindings = 1_000 } = options;
  const findings: ChainFinding[] = [];
  const met = new Set<Checkpoint>();
  let broken = false;
  let records = 0;
  let erased = 0;
  /** The erased records since the last one whose text was there, which alone could vouch for them. */
  let unanchored: number | undefined;
  let writer = after?.writer;
  let first: number | undefined;
  let previous: Previous | undefined = after === undefined ? undefined : { ...after, prev: '' };

  const report = (code: ChainFindingCode, message: string, place: LinePlace & { seq?: number } = {}): void => {
    broken = true;
    if (findings.length < maxFindings) findings.push({ code, message, ...place });
  };

  const follow = (last: Previous, now: Previous, place: LinePlace): void => {
    const at = { seq: now.seq, ...place };
    if (now.seq === last.seq + 1) {
      if (now.prev !== last.hash) {
        report('CHAIN_BROKEN', `record ${now.seq} does not follow record ${last.seq} as it is here`, at);
      }
    } else if (now.seq > last.seq) {
      const gap = now.seq - last.seq - 1;
      const which = gap === 1 ? `record ${last.seq + 1} is` : `records ${last.seq + 1} to ${now.seq - 1} are`;
      report('RECORDS_MISSING', `${which} missing before record ${now.seq}`, at);
    } else if (now.seq === last.seq && now.prev === last.prev && now.hash !== last.hash) {
      report('CHAIN_FORKED', `two different records ${now.seq} follow record ${now.seq - 1}`, at);
    } else {
      report(
        'RECORD_OUT_OF_PLACE',
        `record ${now.seq} stands after record ${last.seq}: repeated, moved, or a fork`,
        at,
      );
    }
  };

  const start = (now: Previous, place: LinePlace): void => {
    const anchored = checkpoints.some(({ size, head }) => size === now.seq - 1 && head === now.prev && size > 0);
    if (now.seq === 1 ? now.prev === GENESIS : anchored) return;
    report(
      now.seq === 1 ? 'CHAIN_BROKEN' : 'START_MISSING',
      now.seq === 1
        ? 'record 1 says that another one came before it'
        : `the chain starts with record ${now.seq}, and no checkpoint covers exactly the ${now.seq - 1} before it`,
      { seq: now.seq, ...place },
    );
  };

  const stand = (link: Pick<ChainLink, 'seq' | 'prev' | 'writer'>, hash: string, at: LinePlace): void => {
    const now = { seq: link.seq, hash, prev: link.prev };
    first ??= link.seq;
    if (writer !== undefined && writer !== link.writer) {
      report('WRITER_CHANGED', `record ${link.seq} is by ${link.writer}, the ones before by ${writer}`, {
        seq: link.seq,
        ...at,
      });
    }
    writer ??= link.writer;
    if (previous === undefined) start(now, at);
    else follow(previous, now, at);
    previous = now;
    for (const checkpoint of checkpoints) {
      if (checkpoint.size !== now.seq) continue;
      if (checkpoint.head === now.hash) {
        met.add(checkpoint);
        unanchored = undefined;
      } else
        report(
          'CHECKPOINT_MISMATCH',
          `record ${now.seq} is not the one that the checkpoint of ${checkpoint.size} records names`,
          { seq: now.seq, ...at },
        );
    }
  };

  return {
    line(text, at = {}) {
      const reading = readRecord(text);
      if (reading.ok) {
        records += 1;
        unanchored = undefined;
        stand(reading.link, reading.hash, at);
        return reading.record;
      }
      const tombstone = reading.why === 'unreadable' ? readTombstone(text) : undefined;
      if (tombstone === undefined) {
        const altered = reading.why === 'altered';
        report(
          altered ? 'RECORD_ALTERED' : 'RECORD_UNREADABLE',
          `${altered ? '' : 'the line is no record: '}${reading.message}`,
          at,
        );
        return undefined;
      }
      erased += 1;
      unanchored ??= tombstone.seq;
      if (tombstones === 'refuse') {
        report(
          'TOMBSTONE_REFUSED',
          `record ${tombstone.seq} was erased (${tombstone.reason}), which is not admitted here`,
          {
            seq: tombstone.seq,
            ...at,
          },
        );
      }
      stand(tombstone, tombstone.of, at);
      return undefined;
    },
    torn: (place = {}) => report('RECORD_TORN', 'the last line is cut off', place),
    finish() {
      const reached = previous?.seq ?? 0;
      if (unanchored !== undefined) {
        report(
          'TOMBSTONE_UNANCHORED',
          `records ${unanchored} to ${reached} were erased, and neither a record after them nor a checkpoint confirms their hashes`,
          { seq: unanchored },
        );
      }
      for (const { origin, size } of checkpoints) {
        if (writer !== undefined && origin !== writer) {
          report('CHECKPOINT_FOREIGN', `the checkpoint is about ${origin}, the chain is by ${writer}`);
        } else if (size > reached) {
          report('CHAIN_TRUNCATED', `the checkpoint covers ${size} records, the chain ends with record ${reached}`, {
            seq: reached,
          });
        }
      }
      return {
        ok: !broken,
        records,
        erased,
        writer,
        first,
        last: previous === undefined ? undefined : { seq: previous.seq, hash: previous.hash },
        provenTo: broken ? 0 : Math.max(0, ...[...met].map(({ size }) => size)),
        findings,
      };
    },
  };
}
