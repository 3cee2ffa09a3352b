/** Where evidence is kept once a PDP has handed it over. */

import type { ChainEnd, ChainFinding } from '@portcullis/policy/evidence';

export interface StoredRecord {
  readonly seq: number;
  readonly hash: string;
  readonly line: string /* exact canonical text as sealed, without newline */;
}
export interface EvidenceStore {
  /** The end of what is stored of a writer's chain; undefined when nothing is. */
  end(writer: string): Promise<ChainEnd | undefined>;
  /** Stores consecutive records in one transaction, once. Records already stored with the same hash are skipped.
   *  Rejects with ERR_EVIDENCE_GAP when they do not follow the end, ERR_EVIDENCE_FORK when a stored one has another hash. */
  append(writer: string, records: readonly StoredRecord[]): Promise<ChainEnd>;
  /** Keeps a verified checkpoint (the signed note's text). */
  checkpoint(writer: string, at: ChainEnd, note: string): Promise<void>;
  /** Keeps what was found wrong with a chain, for people; the same finding once. */
  finding(writer: string, finding: ChainFinding, at: Date): Promise<void>;
  writers(): Promise<
    readonly { readonly writer: string; readonly end: ChainEnd; readonly provenTo: number; readonly findings: number }[]
  >;
  /** Records in the order of a chain, from `from` (inclusive). Bounded by `limit` (<= 10,000). */
  read(writer: string, from: number, limit: number): Promise<readonly StoredRecord[]>;
  close(): Promise<void>;
}
