/** The port of the evidence store: what PDPs shipped, once and in order, and what was found wrong with it. */

import type { ChainEnd, ChainFinding } from '@portcullis/policy/evidence';

/** A record as it is stored. */
export interface StoredRecord {
  readonly seq: number;
  readonly hash: string;
  /** The exact canonical text as sealed, without newline. */
  readonly line: string;
}

/** How far a writer's chain is stored. */
export interface StoredChain {
  readonly writer: string;
  readonly end: ChainEnd;
  /** The largest number that a kept checkpoint is over; 0 when there is none. */
  readonly provenTo: number;
  /** How many different findings there are. */
  readonly findings: number;
}

/** The codes of what an append may be rejected with; {@link PortcullisError} kind `conflict`. */
export const APPEND_REFUSALS = ['ERR_EVIDENCE_GAP', 'ERR_EVIDENCE_FORK'] as const;

/** The most records of one {@link EvidenceStore.read}. */
export const MAX_READ_RECORDS = 10_000;

/** The store. Every method may reject with a PortcullisError kind `unavailable` or `timeout`. */
export interface EvidenceStore {
  /** The end of what is stored of a writer's chain; undefined when nothing is. */
  end(writer: string): Promise<ChainEnd | undefined>;
  /**
   * Stores consecutive records in one transaction, once. Records already stored with the same hash are skipped. The first
   * record of a writer is number 1.
   * @returns the end of the chain, which may lie behind the last of `records`.
   * @throws PortcullisError kind `conflict`, and nothing is stored: `ERR_EVIDENCE_GAP` when they do not follow the end (or
   * one another), `ERR_EVIDENCE_FORK` when a stored one has another hash. Kind `invalid` for no records at all.
   */
  append(writer: string, records: readonly StoredRecord[]): Promise<ChainEnd>;
  /** Keeps a verified checkpoint (the signed note's text). */
  checkpoint(writer: string, at: ChainEnd, note: string): Promise<void>;
  /** Keeps what was found wrong with a chain, for people; the same finding once. Also of a writer of whom nothing is stored. */
  finding(writer: string, finding: ChainFinding, at: Date): Promise<void>;
  /** Every writer of whom a record, a checkpoint or a finding is kept, by name; the end is number 0 without records. */
  writers(): Promise<readonly StoredChain[]>;
  /** Records in the order of a chain, from `from` (inclusive). Bounded by `limit` (1 to {@link MAX_READ_RECORDS}). */
  read(writer: string, from: number, limit: number): Promise<readonly StoredRecord[]>;
  close(): Promise<void>;
}
