/** Evidence in the database. Those who write to one chain wait for each other at its row. */

import { hash as digestOf } from 'node:crypto';
import { type ChainEnd, GENESIS, readRecord, tombstoneLine } from '@portcullis/policy/evidence';
import { PortcullisError } from '@portcullis/runtime';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Database } from '../store/database.js';
import { type RecordTable, type StoreSchema, toNumber } from '../store/schema.js';
import { columnsOf } from './record-columns.js';
import type { EvidenceStore, StoredRecord } from './store.js';
import { requireConsecutive, requireLimit } from './store-faults.js';

/** Most records of one append, or one read. */
export const MAX_RECORDS = 10_000;
/** A longer line is no record of ours. */
const MAX_LINE = 262_144;
/** A signed note of three lines. */
const MAX_NOTE = 4_096;
const MAX_WRITER = 512;
/** What is wrong with a chain is soon clear; a chain that is nothing but wrong must not fill the disk. */
const MAX_FINDINGS = 1_000;
/** Rows of one statement: PostgreSQL takes 65,535 parameters. */
const ROWS = 1_000;

/** A chain, its row held until the transaction ends. */
export interface HeldChain extends ChainEnd {
  readonly id: number;
  readonly provenTo: number;
  readonly droppedTo: number;
}

type NewRecord = Omit<RecordTable, 'seq' | 'release_seq' | 'erasure' | 'stored_at'> & {
  readonly seq: number;
  readonly release_seq: number | null;
};

/** The store. Every method rejects with `ERR_STORE_UNAVAILABLE` where the database cannot be asked. */
export function createDatabaseStore(database: Database): EvidenceStore {
  return {
    async end(writer) {
      const chain = await asked(database, (db) => chainOf(db, writer));
      return chain === undefined || chain.seq === 0 ? undefined : { seq: chain.seq, hash: chain.hash };
    },

    async append(writer, records) {
      const checked = readAll(writer, records);
      requireConsecutive(records);
      return asked(database, (db) =>
        db.transaction().execute(async (transaction) => {
          const chain = await holdChain(transaction, writer);
          const fresh = await withoutStored(transaction, chain, records);
          const [next] = fresh;
          if (next === undefined) return { seq: chain.seq, hash: chain.hash };
          const rows = checked.slice(records.length - fresh.length);
          if (next.seq !== chain.seq + 1) {
            throw gap(`record ${next.seq} does not follow record ${chain.seq}, the last one that is stored`);
          }
          if (rows[0]?.prev !== chain.hash) {
            throw fork(`record ${next.seq} does not name the hash of record ${chain.seq} as it is stored`);
          }
          for (let from = 0; from < rows.length; from += ROWS) {
            const some = rows.slice(from, from + ROWS).map((row) => ({ chain: chain.id, ...row }));
            await transaction.insertInto('evidence_records').values(some).execute();
          }
          const last = fresh.at(-1) ?? next;
          await transaction
            .updateTable('evidence_chains')
            .set({ end_seq: last.seq, end_hash: last.hash })
            .where('id', '=', chain.id)
            .execute();
          await prove(transaction, chain.id);
          return { seq: last.seq, hash: last.hash };
        }),
      );
    },

    async checkpoint(writer, at, note) {
      if (note.length > MAX_NOTE || !isPosition(at)) throw invalid('not a checkpoint: expected a note and a position');
      await asked(database, (db) =>
        db.transaction().execute(async (transaction) => {
          const { id } = await holdChain(transaction, writer);
          await transaction
            .insertInto('evidence_checkpoints')
            .values({ chain: id, size: at.seq, head: at.hash, note })
            .onConflict((conflict) => conflict.doNothing())
            .execute();
          await prove(transaction, id);
        }),
      );
    },

    async finding(writer, { code, message, seq, file, line }, at) {
      const text = message.slice(0, MAX_NOTE).toWellFormed().replaceAll('\u0000', '\u{fffd}');
      const digest = digestOf('sha256', JSON.stringify([code, text, seq ?? null, file ?? null, line ?? null]), 'hex');
      await asked(database, (db) =>
        db.transaction().execute(async (transaction) => {
          const { id } = await holdChain(transaction, writer);
          const { count } = await transaction
            .selectFrom('evidence_findings')
            .where('chain', '=', id)
            .select((of) => of.fn.countAll().as('count'))
            .executeTakeFirstOrThrow();
          if (toNumber(count) >= MAX_FINDINGS) return;
          await transaction
            .insertInto('evidence_findings')
            .values({ chain: id, digest, code, message: text, seq: seq ?? null, at })
            .onConflict((conflict) => conflict.doNothing())
            .execute();
        }),
      );
    },

    writers: () =>
      asked(database, async (db) => {
        const rows = await db
          .selectFrom('evidence_chains')
          .leftJoin('evidence_findings', 'evidence_findings.chain', 'evidence_chains.id')
          .groupBy('evidence_chains.id')
          .orderBy('writer')
          .limit(MAX_RECORDS)
          .select(['writer', 'end_seq', 'end_hash', 'proven_to'])
          .select((of) => of.fn.count('evidence_findings.digest').as('findings'))
          .execute();
        return rows.map((row) => ({
          writer: row.writer,
          end: { seq: toNumber(row.end_seq), hash: row.end_hash },
          provenTo: toNumber(row.proven_to),
          findings: toNumber(row.findings),
        }));
      }),

    async read(writer, from, limit) {
      requireLimit(limit);
      if (!Number.isSafeInteger(from)) throw invalid("from: expected a record's number");
      return asked(database, async (db) => {
        const chain = await chainOf(db, writer);
        if (chain === undefined) return [];
        // There are no gaps: a range is as much as a limit, and the server need not guess how far it reaches.
        const first = Math.max(from, chain.droppedTo + 1);
        const rows = await db
          .selectFrom('evidence_records as record')
          .leftJoin('evidence_erasures as erasure', 'erasure.id', 'record.erasure')
          .where('record.chain', '=', chain.id)
          .where('record.seq', '>=', first)
          .where('record.seq', '<', first + limit)
          .orderBy('record.seq')
          .select(['record.seq', 'record.hash', 'record.prev', 'record.line', 'erasure.reason', 'erasure.at'])
          .execute();
        return rows.map((row) => {
          const seq = toNumber(row.seq);
          return { seq, hash: row.hash, line: row.line ?? erasedLine({ ...row, seq }, writer) };
        });
      });
    },

    close: () => database.close(),
  };
}

/** Does the work on the open database. Faults of ours pass; what a driver throws becomes `ERR_STORE_UNAVAILABLE`. */
export async function asked<T>(database: Database, work: (db: Kysely<StoreSchema>) => Promise<T>): Promise<T> {
  try {
    const result = await work(await database.open());
    database.answered(true);
    return result;
  } catch (cause: unknown) {
    const fault = PortcullisError.is(cause) ? cause : undefined;
    database.answered(fault?.kind === 'conflict' || fault?.kind === 'invalid');
    if (fault !== undefined) throw fault;
    throw new PortcullisError('ERR_STORE_UNAVAILABLE', 'unavailable', 'the store does not answer', { cause });
  }
}

/** Makes the chain's row where there is none, and keeps it from everybody else until the transaction ends. */
export async function holdChain(transaction: Transaction<StoreSchema>, writer: string): Promise<HeldChain> {
  if (writer === '' || writer.length > MAX_WRITER || writer.includes('\u0000') || !writer.isWellFormed()) {
    throw invalid(`writer: expected a name of at most ${MAX_WRITER} characters`);
  }
  await transaction
    .insertInto('evidence_chains')
    .values({ writer, end_seq: 0, end_hash: GENESIS, proven_to: 0, dropped_to: 0 })
    .onConflict((conflict) => conflict.column('writer').doNothing())
    .execute();
  await transaction
    .selectFrom('evidence_chains')
    .where('writer', '=', writer)
    .select('id')
    .forUpdate()
    .executeTakeFirstOrThrow();
  // Read again: what was waited for may have moved the end.
  const chain = await chainOf(transaction, writer);
  if (chain === undefined) throw new PortcullisError('ERR_STORE_UNAVAILABLE', 'corrupt', 'a chain has no row');
  return chain;
}

/** A chain as it is now; `undefined` before anything was said of the writer. */
export async function chainOf(db: Kysely<StoreSchema>, writer: string): Promise<HeldChain | undefined> {
  const row = await db
    .selectFrom('evidence_chains')
    .where('writer', '=', writer)
    .select(['id', 'end_seq', 'end_hash', 'proven_to', 'dropped_to'])
    .executeTakeFirst();
  return row === undefined
    ? undefined
    : {
        id: row.id,
        seq: toNumber(row.end_seq),
        hash: row.end_hash,
        provenTo: toNumber(row.proven_to),
        droppedTo: toNumber(row.dropped_to),
      };
}

/** Moves what is proven to the last checkpoint that names a record as it is stored. */
async function prove(transaction: Transaction<StoreSchema>, chain: number): Promise<void> {
  await sql`
    update evidence_chains set proven_to = greatest(proven_to, coalesce((
      select max(c.size) from evidence_checkpoints c
      join evidence_records r on r.chain = c.chain and r.seq = c.size and r.hash = c.head
      where c.chain = ${chain} and c.size > evidence_chains.proven_to
    ), 0)) where id = ${chain}
  `.execute(transaction);
}

/** Leaves off what is stored already, which must be the same. */
async function withoutStored(
  transaction: Transaction<StoreSchema>,
  chain: HeldChain,
  records: readonly StoredRecord[],
): Promise<readonly StoredRecord[]> {
  const fresh = records.findIndex(({ seq }) => seq > chain.seq);
  const old = fresh < 0 ? records : records.slice(0, fresh);
  const first = old.find(({ seq }) => seq > chain.droppedTo);
  const last = old.at(-1);
  if (first !== undefined && last !== undefined) {
    const stored = await transaction
      .selectFrom('evidence_records')
      .where('chain', '=', chain.id)
      .where('seq', '>=', first.seq)
      .where('seq', '<=', last.seq)
      .select(['seq', 'hash'])
      .execute();
    const hashes = new Map(stored.map(({ seq, hash }) => [toNumber(seq), hash]));
    // What retention dropped cannot be compared any more; it is not stored a second time either.
    const other = old.find(({ seq, hash }) => seq > chain.droppedTo && hashes.get(seq) !== hash);
    if (other !== undefined) throw fork(`record ${other.seq} is stored with another hash`);
  }
  return fresh < 0 ? [] : records.slice(fresh);
}

/** Every record read and compared with what is said of it, and each following the one before. */
function readAll(writer: string, records: readonly StoredRecord[]): readonly Omit<NewRecord, 'chain'>[] {
  if (records.length > MAX_RECORDS) throw invalid(`records: expected at most ${MAX_RECORDS}`);
  let previous: StoredRecord | undefined;
  return records.map((record) => {
    const { seq, hash, line } = record;
    const reading = line.length > MAX_LINE ? undefined : readRecord(line);
    if (reading?.ok !== true) throw invalid(`record ${seq} is none, or longer than ${MAX_LINE} characters`);
    const { link } = reading;
    if (link.seq !== seq || link.writer !== writer || reading.hash !== hash) {
      throw invalid(`record ${seq} is not what is said of it: it is record ${link.seq} of ${link.writer}`);
    }
    if (previous !== undefined && seq !== previous.seq + 1) {
      throw gap(`record ${seq} does not follow record ${previous.seq}`);
    }
    if (previous !== undefined && link.prev !== previous.hash) {
      throw fork(`record ${seq} does not name the hash of record ${previous.seq} as it is here`);
    }
    previous = record;
    return { seq, hash, prev: link.prev, line, ...columnsOf(reading.record) };
  });
}

function erasedLine(
  row: {
    readonly seq: number;
    readonly hash: string;
    readonly prev: string;
    readonly reason: 'erasure' | 'retention' | null;
    readonly at: Date | null;
  },
  writer: string,
): string {
  const { seq, hash, prev, reason, at } = row;
  if (reason === null || at === null) {
    throw new PortcullisError('ERR_STORE_UNAVAILABLE', 'corrupt', `record ${seq} has neither a text nor an erasure`);
  }
  return tombstoneLine({ writer, seq, prev, of: hash, reason, at: at.toISOString() });
}

function isPosition({ seq, hash }: ChainEnd): boolean {
  return Number.isSafeInteger(seq) && seq >= 1 && /^[0-9a-f]{64}$/.test(hash);
}

const invalid = (message: string): PortcullisError => new PortcullisError('ERR_EVIDENCE_INVALID', 'invalid', message);
const gap = (message: string): PortcullisError => new PortcullisError('ERR_EVIDENCE_GAP', 'conflict', message);
const fork = (message: string): PortcullisError => new PortcullisError('ERR_EVIDENCE_FORK', 'conflict', message);
