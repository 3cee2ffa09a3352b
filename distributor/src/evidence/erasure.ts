/**
 * Erasing texts without breaking chains (ADR-0021): the number, the hash and the link of an erased record stay, and only
 * what a checkpoint covers is erased, so that a chain goes on proving what is left of it.
 */

import { PortcullisError } from '@portcullis/runtime';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Database } from '../store/database.js';
import { type StoreSchema, toNumber } from '../store/schema.js';
import { asked } from './database-store.js';
import { daysOf, isHeld, type RetentionConfig } from './evidence-config.js';

const DAY = 86_400_000;
/** Rows of one transaction: those who append to the chain wait no longer than that. */
const BATCH = 2_000;
/** Rows of a chain's beginning that one transaction drops, unless checkpoints stand further apart. */
const DROP = 20_000;
const MAX_LISTED = 1_000;

/** Whose texts, and why. */
export interface ErasureWish {
  readonly tenant: string;
  /** Only this agent's. */
  readonly agent?: string | undefined;
  /** Only what is older. */
  readonly before?: Date | undefined;
  /** Who asks for it. */
  readonly actor: string;
  readonly comment: string;
}

/** What became of it. */
export interface ErasureOutcome {
  /** Records whose text is gone. */
  readonly records: number;
  /** Records that fit and stay, as no checkpoint covers them yet: ask again after the next one. */
  readonly uncovered: number;
}

/** An erasure that took place. */
export interface KeptErasure {
  readonly reason: 'erasure' | 'retention';
  readonly tenant: string | null;
  readonly agent: string | null;
  readonly actor: string;
  readonly comment: string;
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly records: number;
}

/** Erasing. Every method rejects with `ERR_STORE_UNAVAILABLE` where the store cannot be asked. */
export interface EvidenceErasure {
  /** Erases on request. @throws PortcullisError `ERR_EVIDENCE_HELD` when a legal hold covers the tenant. */
  erase(wish: ErasureWish, now: Date): Promise<ErasureOutcome>;
  /** Erases what is over, and drops the beginnings of chains that consist of nothing but erased records. */
  expire(now: Date): Promise<{ readonly erased: number; readonly dropped: number }>;
  /** What was erased of these tenants, newest first, at most 1,000; all of it for `*`. */
  erasures(tenants: '*' | readonly string[]): Promise<readonly KeptErasure[]>;
}

interface Selection {
  readonly reason: 'erasure' | 'retention';
  readonly tenant: string | null;
  readonly agent?: string | undefined;
  readonly before?: Date | undefined;
  readonly actor: string;
  readonly comment: string;
}

/** Erasure in the database, under the retention that is configured. */
export function createErasure(database: Database, retention: RetentionConfig): EvidenceErasure {
  return {
    erase: (wish, now) => {
      if (isHeld(retention, wish.tenant)) {
        throw new PortcullisError(
          'ERR_EVIDENCE_HELD',
          'conflict',
          `a legal hold covers tenant ${wish.tenant}: lift evidence.retention…hold first, if you may`,
        );
      }
      const selection = { ...wish, reason: 'erasure' as const };
      return asked(database, async (db) => ({
        records: await eraseAll(db, selection, now),
        uncovered: await countUncovered(db, selection),
      }));
    },

    expire: (now) =>
      asked(database, async (db) => {
        let erased = 0;
        for (const tenant of await tenantsOf(db)) {
          const days = daysOf(retention, tenant);
          if (days === undefined || isHeld(retention, tenant)) continue;
          const before = new Date(now.getTime() - days * DAY);
          const why = { actor: 'retention', comment: `older than ${days} days` };
          erased += await eraseAll(db, { reason: 'retention', tenant, before, ...why }, now);
        }
        return { erased, dropped: retention.hold ? 0 : await dropBeginnings(db) };
      }),

    erasures: (tenants) =>
      asked(database, async (db) => {
        if (tenants !== '*' && tenants.length === 0) return [];
        const rows = await db
          .selectFrom('evidence_erasures')
          .$if(tenants !== '*', (query) => query.where('tenant', 'in', tenants === '*' ? [] : [...tenants]))
          .orderBy('id', 'desc')
          .limit(MAX_LISTED)
          .select(['reason', 'tenant', 'agent', 'actor', 'comment', 'at', 'records'])
          .execute();
        return rows.map((row) => ({ ...row, at: row.at.toISOString(), records: toNumber(row.records) }));
      }),
  };
}

/** The tenants that have texts here, and null where some belong to none. Leaps through the index from one to the next. */
async function tenantsOf(db: Kysely<StoreSchema>): Promise<readonly (string | null)[]> {
  const { rows } = await sql<{ tenant: string | null }>`
    with recursive named as (
      (select tenant from evidence_records where line is not null and tenant is not null order by tenant limit 1)
      union all
      select (select tenant from evidence_records where line is not null and tenant > named.tenant order by tenant limit 1)
      from named where named.tenant is not null
    )
    select tenant from named where tenant is not null
    union all
    select null where exists (select from evidence_records where line is not null and tenant is null)
  `.execute(db);
  return rows.map(({ tenant }) => tenant);
}

/** In batches, each of them whole: an erasure that is interrupted has erased a part, and says so. */
async function eraseAll(db: Kysely<StoreSchema>, selection: Selection, now: Date): Promise<number> {
  let records = 0;
  let erasure: number | undefined;
  for (;;) {
    const { id, erased } = await db
      .transaction()
      .execute((transaction) => eraseSome(transaction, selection, now, erasure));
    records += erased;
    erasure = id;
    if (erased < BATCH) return records;
  }
}

async function eraseSome(
  transaction: Transaction<StoreSchema>,
  selection: Selection,
  now: Date,
  known: number | undefined,
): Promise<{ readonly id: number | undefined; readonly erased: number }> {
  const { rows } = await sql<{ chain: number; seq: string | number }>`
    select r.chain, r.seq from evidence_records r join evidence_chains c on c.id = r.chain
    where ${fits(selection)} and r.seq <= c.proven_to limit ${BATCH} for update of r
  `.execute(transaction);
  if (rows.length === 0) return { id: known, erased: 0 };
  const { reason, tenant, agent = null, actor, comment } = selection;
  const entry = { reason, tenant, agent, actor, comment, at: now, records: 0 };
  const id =
    known ??
    toNumber(
      (await transaction.insertInto('evidence_erasures').values(entry).returning('id').executeTakeFirstOrThrow()).id,
    );
  const chains = rows.map(({ chain }) => chain);
  const seqs = rows.map(({ seq }) => String(seq));
  await sql`
    update evidence_records r set erasure = ${id}, line = null, record_id = null, kind = null, at = null, tenant = null,
      agent = null, person = null, tool = null, host = null, model = null, effect = null, decision_id = null,
      release_seq = null, bundle_digest = null
    from unnest(${chains}::integer[], ${seqs}::bigint[]) as gone (chain, seq)
    where r.chain = gone.chain and r.seq = gone.seq
  `.execute(transaction);
  await sql`update evidence_erasures set records = records + ${rows.length} where id = ${id}`.execute(transaction);
  return { id, erased: rows.length };
}

async function countUncovered(db: Kysely<StoreSchema>, selection: Selection): Promise<number> {
  const { rows } = await sql<{ count: string | number }>`
    select count(*) as count from evidence_records r join evidence_chains c on c.id = r.chain
    where ${fits(selection)} and r.seq > c.proven_to
  `.execute(db);
  return toNumber(rows[0]?.count ?? 0);
}

function fits({ tenant, agent, before }: Selection): ReturnType<typeof sql> {
  const ofTenant = tenant === null ? sql`r.tenant is null` : sql`r.tenant = ${tenant}`;
  const ofAgent = agent === undefined ? sql`true` : sql`r.agent = ${agent}`;
  const inTime = before === undefined ? sql`true` : sql`r.at < ${before}`;
  return sql`r.line is not null and ${ofTenant} and ${ofAgent} and ${inTime}`;
}

/**
 * Removes the rows from a chain's beginning to the last checkpoint before its first text. That checkpoint stays: it is what
 * the rest is proven from.
 */
async function dropBeginnings(db: Kysely<StoreSchema>): Promise<number> {
  const chains = await db.selectFrom('evidence_chains').select('id').orderBy('id').execute();
  let dropped = 0;
  for (const { id } of chains) {
    for (;;) {
      const some = await db.transaction().execute((transaction) => dropSome(transaction, id));
      if (some === 0) break;
      dropped += some;
    }
  }
  return dropped;
}

/** From checkpoint to checkpoint, as far as one transaction should reach. */
async function dropSome(transaction: Transaction<StoreSchema>, chain: number): Promise<number> {
  const held = await transaction
    .selectFrom('evidence_chains')
    .where('id', '=', chain)
    .select(['dropped_to', 'end_seq'])
    .forUpdate()
    .executeTakeFirstOrThrow();
  const from = toNumber(held.dropped_to);
  const { rows } = await sql<{ size: string | number | null }>`
    select coalesce(max(p.size) filter (where p.size <= ${from + DROP}), min(p.size)) as size
    from evidence_checkpoints p
    join evidence_records r on r.chain = p.chain and r.seq = p.size and r.hash = p.head
    where p.chain = ${chain} and p.size > ${from} and p.size < coalesce(
      (select t.seq from evidence_records t where t.chain = ${chain} and t.line is not null order by t.seq limit 1),
      ${toNumber(held.end_seq) + 1}::bigint)
  `.execute(transaction);
  const size = rows[0]?.size;
  if (size === null || size === undefined) return 0;
  const to = toNumber(size);
  const gone = await transaction
    .deleteFrom('evidence_records')
    .where('chain', '=', chain)
    .where('seq', '<=', to)
    .executeTakeFirst();
  await transaction.deleteFrom('evidence_checkpoints').where('chain', '=', chain).where('size', '<', to).execute();
  await transaction.updateTable('evidence_chains').set({ dropped_to: to }).where('id', '=', chain).execute();
  return toNumber(gone.numDeletedRows);
}
