/** What every evidence store promises, as checks that throw when one breaks it. */

import assert from 'node:assert/strict';
import { GENESIS, sealText } from '@portcullis/policy/evidence';
import { PortcullisError } from '@portcullis/runtime';
import type { EvidenceStore, StoredRecord } from './store.js';

/** An empty store with room for 10,000 records and 100 writers. */
export interface EvidenceStoreSubject {
  readonly store: EvidenceStore;
  /** The same store by another client, or by a new one after a restart where it survives that; else the same client. */
  readonly again: () => Promise<EvidenceStore>;
}

/** One promise of the port. */
export interface EvidenceStoreContractCase {
  readonly name: string;
  readonly check: (subject: EvidenceStoreSubject) => Promise<void>;
}

const WRITER = 'portcullis.test/pdp/pdp-1/0123456789abcdef';
const OTHER = 'portcullis.test/pdp/pdp-2/0123456789abcdef';
const AT = new Date('2026-11-22T12:00:00.000Z');

/** Records `from` to `to` of a chain; another `branch` has other hashes. */
export function storedRecords(from: number, to: number, branch = 'a', writer = WRITER): readonly StoredRecord[] {
  const records: StoredRecord[] = [];
  let prev = GENESIS;
  for (let seq = 1; seq <= to; seq += 1) {
    // In RFC 8785 order. Not ASCII alone: the text must come back as it was.
    const text = { branch, name: 'schrödinger \u{1F408} \\u0041', prev, record_id: `${branch}-${seq}`, seq, writer };
    const { line, hash } = sealText(JSON.stringify(text));
    if (seq >= from) records.push({ seq, hash, line });
    prev = hash;
  }
  return records;
}

const endOf = (records: readonly StoredRecord[]): { seq: number; hash: string } => {
  const last = records.at(-1);
  assert.ok(last);
  return { seq: last.seq, hash: last.hash };
};

async function rejects(work: Promise<unknown>, code: string): Promise<void> {
  const outcome: unknown = await work.then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  );
  assert.ok(PortcullisError.is(outcome), `not a fault: ${String(outcome)}`);
  assert.equal(outcome.code, code);
}

/** The contract. */
export const evidenceStoreContract: readonly EvidenceStoreContractCase[] = [
  {
    name: 'knows nothing at first',
    check: async ({ store }) => {
      assert.equal(await store.end(WRITER), undefined);
      assert.deepEqual(await store.writers(), []);
      assert.deepEqual(await store.read(WRITER, 1, 10), []);
    },
  },
  {
    name: 'gives back what was appended, character by character and in order',
    check: async ({ store, again }) => {
      assert.deepEqual(await store.append(WRITER, storedRecords(1, 3)), endOf(storedRecords(1, 3)));
      assert.deepEqual(await store.append(WRITER, storedRecords(4, 5)), endOf(storedRecords(1, 5)));
      const other = await again();
      assert.deepEqual(await other.end(WRITER), endOf(storedRecords(1, 5)));
      assert.deepEqual(await other.read(WRITER, 1, 10), storedRecords(1, 5));
      assert.deepEqual(await other.read(WRITER, 2, 2), storedRecords(2, 3));
      assert.deepEqual(await other.read(WRITER, 6, 10), []);
    },
  },
  {
    name: 'stores a record once: what is there with the same hash is skipped',
    check: async ({ store }) => {
      await store.append(WRITER, storedRecords(1, 4));
      assert.deepEqual(await store.append(WRITER, storedRecords(1, 4)), endOf(storedRecords(1, 4)));
      assert.deepEqual(await store.append(WRITER, storedRecords(2, 3)), endOf(storedRecords(1, 4)));
      assert.deepEqual(await store.append(WRITER, storedRecords(3, 6)), endOf(storedRecords(1, 6)));
      assert.deepEqual(await store.read(WRITER, 1, 10), storedRecords(1, 6));
    },
  },
  {
    name: 'refuses a gap and stores nothing of it',
    check: async ({ store }) => {
      await rejects(store.append(WRITER, storedRecords(2, 3)), 'ERR_EVIDENCE_GAP');
      await store.append(WRITER, storedRecords(1, 2));
      await rejects(store.append(WRITER, storedRecords(4, 5)), 'ERR_EVIDENCE_GAP');
      const [one, , three] = storedRecords(3, 5);
      assert.ok(one && three);
      await rejects(store.append(WRITER, [one, three]), 'ERR_EVIDENCE_GAP');
      assert.deepEqual(await store.end(WRITER), endOf(storedRecords(1, 2)));
      await rejects(store.append(WRITER, []), 'ERR_EVIDENCE_EMPTY');
    },
  },
  {
    name: 'refuses a fork and stores nothing of it',
    check: async ({ store }) => {
      await store.append(WRITER, storedRecords(1, 3));
      await rejects(store.append(WRITER, storedRecords(3, 5, 'b')), 'ERR_EVIDENCE_FORK');
      await rejects(store.append(WRITER, storedRecords(1, 2, 'b')), 'ERR_EVIDENCE_FORK');
      assert.deepEqual(await store.read(WRITER, 1, 10), storedRecords(1, 3));
    },
  },
  {
    name: 'keeps one chain when the same records come several times at once',
    check: async ({ store, again }) => {
      const other = await again();
      const batch = storedRecords(1, 50);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? store : other).append(WRITER, batch)),
      );
      // One that lost a race may be told to come again; none may be told that it forked.
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') assert.equal(PortcullisError.from(outcome.reason).kind, 'unavailable');
      }
      await store.append(WRITER, batch);
      assert.deepEqual(await store.read(WRITER, 1, 100), batch);
    },
  },
  {
    name: 'keeps the chains of writers apart',
    check: async ({ store }) => {
      await store.append(WRITER, storedRecords(1, 2));
      await store.append(OTHER, storedRecords(1, 1, 'b', OTHER));
      assert.deepEqual(await store.read(OTHER, 1, 10), storedRecords(1, 1, 'b', OTHER));
      assert.deepEqual(
        (await store.writers()).map(({ writer, end }) => [writer, end.seq]),
        [
          [WRITER, 2],
          [OTHER, 1],
        ],
      );
    },
  },
  {
    name: 'remembers how far a chain is proven',
    check: async ({ store, again }) => {
      await store.append(WRITER, storedRecords(1, 4));
      await store.checkpoint(WRITER, endOf(storedRecords(1, 3)), 'note three\n');
      await store.checkpoint(WRITER, endOf(storedRecords(1, 2)), 'note two\n');
      await store.checkpoint(WRITER, endOf(storedRecords(1, 3)), 'note three\n');
      assert.equal((await (await again()).writers())[0]?.provenTo, 3);
    },
  },
  {
    name: 'keeps a finding once, also of a writer of whom nothing is stored',
    check: async ({ store, again }) => {
      const finding = { code: 'CHAIN_FORKED', message: 'two different records 2 follow record 1', seq: 2 } as const;
      await store.finding(WRITER, finding, AT);
      await store.finding(WRITER, finding, new Date(AT.getTime() + 1_000));
      await store.finding(WRITER, { code: 'CHAIN_BROKEN', message: 'record 2 does not follow record 1' }, AT);
      const writers = await (await again()).writers();
      assert.deepEqual(writers, [{ writer: WRITER, end: { seq: 0, hash: GENESIS }, provenTo: 0, findings: 2 }]);
      assert.equal(await store.end(WRITER), undefined);
    },
  },
  {
    name: 'refuses a limit that is none',
    check: async ({ store }) => {
      for (const limit of [0, -1, 1.5, 10_001, Number.NaN]) {
        await rejects(store.read(WRITER, 1, limit), 'ERR_EVIDENCE_LIMIT');
      }
    },
  },
];
