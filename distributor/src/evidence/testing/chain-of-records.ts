/** Chains of real records. For tests. */

import {
  type ChainEnd,
  type DecisionEntry,
  GENESIS,
  type KillEntry,
  type NoteSigner,
  openNoteSigner,
  sealDecision,
  sealKill,
  signCheckpoint,
} from '@portcullis/policy/evidence';
import { newEd25519Key } from '@portcullis/policy/trust';
import type { StoredRecord } from '../store.js';

/** A writer with its records. */
export interface TestChain {
  readonly writer: string;
  readonly signer: NoteSigner;
  readonly records: readonly StoredRecord[];
  /** The position after so many records. */
  at(size: number): ChainEnd;
  /** A signed checkpoint of so many records. */
  note(size: number): string;
}

/** A decision's entry. */
export function testEntry(changes: Partial<DecisionEntry> = {}): DecisionEntry {
  return {
    decision_id: 'd-1',
    request_digest: '11'.repeat(32),
    effect: 'allow',
    deny: [],
    tenant: 'acme',
    agent: 'analyst',
    tool: { server: 'files', name: 'read', operation: 'tools/call' },
    bundle_digest: '22'.repeat(32),
    policy_version: '1.0.0',
    release_seq: 1,
    matched: [{ policy: 'readers', layer: 'tenant', effect: 'allow' }],
    timings_us: { evaluation: 40 },
    at: '2026-11-22T12:00:00.000Z',
    ...changes,
  };
}

/** A kill's entry. */
export function testKill(scope: string): KillEntry {
  return {
    ...{ kind: 'kill', event: 'applied', kill_id: 'k', scope, reason: 'x', actor: 'ann', path: 'direct' },
    ...{ list_seq: 1, list_digest: '33'.repeat(32), at: '2026-11-01T00:00:00.000Z' },
  };
}

/** A chain with a record for every entry, a kill's or a decision's; ids are counted where an entry has none. */
export function chainOfRecords(
  node: string,
  entries: readonly (Partial<Omit<DecisionEntry, 'kind'>> | KillEntry)[],
): TestChain {
  const signer = openNoteSigner(`example.org/pdp/${node}/aa`, newEd25519Key());
  const records: StoredRecord[] = [];
  for (const [index, changes] of entries.entries()) {
    const seq = index + 1;
    const link = { record_id: `r-${node}-${seq}`, writer: signer.name, seq, prev: records.at(-1)?.hash ?? GENESIS };
    const at = new Date(Date.UTC(2026, 10, 1) + seq * 1_000).toISOString();
    const { line, hash } =
      'kind' in changes
        ? sealKill(changes, link)
        : sealDecision(testEntry({ decision_id: `d-${node}-${seq}`, at, ...changes }), link);
    records.push({ seq, hash, line });
  }
  const at = (size: number): ChainEnd => ({ seq: size, hash: records[size - 1]?.hash ?? GENESIS });
  return {
    writer: signer.name,
    signer,
    records,
    at,
    note: (size) => signCheckpoint(signer, { size, head: at(size).hash }),
  };
}
