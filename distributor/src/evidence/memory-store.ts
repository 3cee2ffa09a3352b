/**
 * Evidence in memory: for development, and for tests of whoever uses the port. It forgets at the end of the process, and the
 * oldest records of a chain before that; so it is never a reason for a PDP to remove anything.
 */

import { type ChainEnd, type ChainFinding, GENESIS } from '@portcullis/policy/evidence';
import { PortcullisError } from '@portcullis/runtime';
import type { EvidenceStore, StoredRecord } from './store.js';
import { forkFault, gapFault, requireConsecutive, requireLimit } from './store-faults.js';

/** Bounds. */
export interface MemoryEvidenceOptions {
  /** Of all writers together; beyond it the longest chain loses its oldest records. */
  readonly maxRecords: number;
  /** One more is refused. */
  readonly maxWriters: number;
}

interface Chain {
  /** Consecutive, the oldest first. */
  readonly records: StoredRecord[];
  end: ChainEnd | undefined;
  provenTo: number;
  readonly findings: Map<string, { readonly finding: ChainFinding; readonly at: Date }>;
}

const MAX_FINDINGS = 1_000;

/** An empty store. */
export function createMemoryEvidenceStore({ maxRecords, maxWriters }: MemoryEvidenceOptions): EvidenceStore {
  const chains = new Map<string, Chain>();
  let count = 0;

  const chainOf = (writer: string): Chain => {
    const found = chains.get(writer);
    if (found !== undefined) return found;
    if (chains.size >= maxWriters) {
      throw new PortcullisError('ERR_EVIDENCE_FULL', 'unavailable', 'there are too many writers to keep in memory');
    }
    const made: Chain = { records: [], end: undefined, provenTo: 0, findings: new Map() };
    chains.set(writer, made);
    return made;
  };
  const stored = ({ records }: Chain, seq: number): StoredRecord | undefined => records[seq - (records[0]?.seq ?? 0)];
  const forget = (): void => {
    while (count > maxRecords) {
      const longest = [...chains.values()].reduce((a, b) => (b.records.length > a.records.length ? b : a));
      const drop = Math.max(1, count - maxRecords);
      count -= longest.records.splice(0, Math.min(drop, longest.records.length)).length;
    }
  };

  return {
    end: async (writer) => chains.get(writer)?.end,
    async append(writer, records) {
      requireConsecutive(records);
      const chain = chainOf(writer);
      const next = (chain.end?.seq ?? 0) + 1;
      const first = records[0]?.seq ?? next;
      if (first > next) throw gapFault(first, chain.end);
      for (const { seq, hash } of records) {
        const known = stored(chain, seq)?.hash ?? (seq === chain.end?.seq ? chain.end.hash : hash);
        if (seq < next && known !== hash) throw forkFault(seq);
      }
      const fresh = records.filter(({ seq }) => seq >= next);
      chain.records.push(...fresh);
      const last = fresh.at(-1);
      if (last !== undefined) chain.end = { seq: last.seq, hash: last.hash };
      count += fresh.length;
      forget();
      return chain.end ?? { seq: 0, hash: GENESIS };
    },
    async checkpoint(writer, at) {
      const chain = chainOf(writer);
      chain.provenTo = Math.max(chain.provenTo, at.seq);
    },
    async finding(writer, finding, at) {
      const { findings } = chainOf(writer);
      const key = JSON.stringify([finding.code, finding.seq, finding.message]);
      if (!findings.has(key) && findings.size < MAX_FINDINGS) findings.set(key, { finding, at });
    },
    writers: async () =>
      [...chains]
        .map(([writer, { end, provenTo, findings }]) => ({
          writer,
          end: end ?? { seq: 0, hash: GENESIS },
          provenTo,
          findings: findings.size,
        }))
        .toSorted((a, b) => (a.writer < b.writer ? -1 : 1)),
    async read(writer, from, limit) {
      requireLimit(limit);
      const { records = [] } = chains.get(writer) ?? {};
      const start = Math.max(0, from - (records[0]?.seq ?? from));
      return records.slice(start, start + limit);
    },
    close: async () => chains.clear(),
  };
}
