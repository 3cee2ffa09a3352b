import type { ChainEnd } from '@portcullis/policy/evidence';
import { PortcullisError } from '@portcullis/runtime';
import { MAX_READ_RECORDS, type StoredRecord } from './store.js';

/** @throws PortcullisError kind `invalid` when there are none, `ERR_EVIDENCE_GAP` when they are not consecutive. */
export function requireConsecutive(records: readonly StoredRecord[]): void {
  const [first] = records;
  if (first === undefined) {
    throw new PortcullisError('ERR_EVIDENCE_EMPTY', 'invalid', 'there are no records to store');
  }
  const stray = records.find(({ seq }, index) => seq !== first.seq + index);
  if (stray !== undefined) throw gapFault(stray.seq, undefined);
}

/** @throws PortcullisError kind `invalid` for a limit that is none. */
export function requireLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_READ_RECORDS) return;
  throw new PortcullisError('ERR_EVIDENCE_LIMIT', 'invalid', `expected a limit of 1 to ${MAX_READ_RECORDS} records`);
}

/** The fault of records that do not follow what is stored. */
export function gapFault(first: number, end: ChainEnd | undefined): PortcullisError {
  return new PortcullisError('ERR_EVIDENCE_GAP', 'conflict', 'records do not follow what is stored', {
    details: { first, stored: end?.seq ?? 0 },
  });
}

/** The fault of a record that is stored with another hash. */
export function forkFault(seq: number): PortcullisError {
  return new PortcullisError('ERR_EVIDENCE_FORK', 'conflict', 'another record is stored under this number', {
    details: { seq },
  });
}
