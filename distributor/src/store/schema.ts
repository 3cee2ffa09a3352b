/** The tables, as the migrations make them. Numbers of 64 bits come as text, number or bigint, depending on the driver. */

import type { ColumnType, Generated } from 'kysely';

/** An `int8`; read it with {@link toNumber}. */
export type Int8 = ColumnType<string | number | bigint, number, number>;

/** A writer's chain: how far it goes, and how far it is proven. The row is what those who append lock. */
export interface ChainTable {
  readonly id: Generated<number>;
  readonly writer: string;
  /** 0 when nothing is stored. */
  readonly end_seq: Int8;
  readonly end_hash: string;
  readonly proven_to: Int8;
  /** Records up to this one were dropped by retention; 0 for none. */
  readonly dropped_to: Int8;
}

/** A record, or what is left of one. */
export interface RecordTable {
  readonly chain: number;
  readonly seq: Int8;
  readonly hash: string;
  readonly prev: string;
  /** The exact text as it was sealed; null once it was erased, and all columns below with it. */
  readonly line: string | null;
  /** Which erasure took the text; null while it is there. */
  readonly erasure: Int8 | null;
  readonly stored_at: Generated<Date>;
  readonly record_id: string | null;
  readonly kind: string | null;
  readonly at: Date | null;
  readonly tenant: string | null;
  readonly agent: string | null;
  readonly person: string | null;
  readonly tool: string | null;
  readonly host: string | null;
  readonly model: string | null;
  readonly effect: string | null;
  readonly decision_id: string | null;
  readonly release_seq: Int8 | null;
  readonly bundle_digest: string | null;
}

/** A signed note that was verified. */
export interface CheckpointTable {
  readonly chain: number;
  readonly size: Int8;
  readonly head: string;
  readonly note: string;
}

/** What was found wrong with a chain. */
export interface FindingTable {
  readonly chain: number;
  /** Of code, message and place: the same finding once. */
  readonly digest: string;
  readonly code: string;
  readonly message: string;
  readonly seq: Int8 | null;
  readonly at: Date;
}

/** That texts were erased: whose, why, by whom. */
export interface ErasureTable {
  readonly id: ColumnType<string | number | bigint, never, never>;
  readonly reason: 'erasure' | 'retention';
  readonly tenant: string | null;
  readonly agent: string | null;
  /** Who asked for it; `retention` by itself. */
  readonly actor: string;
  readonly comment: string;
  readonly at: Date;
  readonly records: Int8;
}

/** The database. */
export interface StoreSchema {
  readonly evidence_chains: ChainTable;
  readonly evidence_records: RecordTable;
  readonly evidence_checkpoints: CheckpointTable;
  readonly evidence_findings: FindingTable;
  readonly evidence_erasures: ErasureTable;
}

/** An `int8` as a number. @throws RangeError when it is no safe integer. */
export function toNumber(value: string | number | bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`not a safe integer: ${value}`);
  return number;
}
