/** Chains, their records, checkpoints, findings and erasures. The same SQL for PostgreSQL and PGlite. */

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

const STATEMENTS = [
  sql`create table evidence_chains (
    id integer generated always as identity primary key,
    writer text not null unique,
    end_seq bigint not null,
    end_hash text not null,
    proven_to bigint not null default 0,
    dropped_to bigint not null default 0,
    check (0 <= dropped_to and dropped_to <= end_seq and proven_to <= end_seq)
  )`,
  sql`create table evidence_erasures (
    id bigint generated always as identity primary key,
    reason text not null check (reason in ('erasure', 'retention')),
    tenant text,
    agent text,
    actor text not null,
    comment text not null,
    at timestamptz not null,
    records bigint not null
  )`,
  // Either the text is there, or an erasure says why it is not. The hash and the link stay in both cases.
  sql`create table evidence_records (
    chain integer not null references evidence_chains (id),
    seq bigint not null check (seq > 0),
    hash text not null check (length(hash) = 64),
    prev text not null check (length(prev) = 64),
    line text,
    erasure bigint references evidence_erasures (id),
    stored_at timestamptz not null default now(),
    record_id text,
    kind text,
    at timestamptz,
    tenant text,
    agent text,
    person text,
    tool text,
    effect text,
    decision_id text,
    release_seq bigint,
    bundle_digest text,
    primary key (chain, seq),
    check ((line is null) = (erasure is not null))
  )`,
  // Each ends in the order of the answer: then a page is read off the index, also before anything is known of the values.
  sql`create index evidence_records_by_time on evidence_records (at desc, chain desc, seq desc) where line is not null`,
  ...['tenant', 'tenant, agent', 'tenant, tool', 'decision_id'].map(
    (columns) =>
      sql`create index ${sql.ref(`evidence_records_by_${columns.split(', ').at(-1)}`)}
      on evidence_records (${sql.raw(columns)}, at desc, chain desc, seq desc) where line is not null`,
  ),
  sql`create index evidence_records_by_id on evidence_records (record_id) where record_id is not null`,
  sql`create table evidence_checkpoints (
    chain integer not null references evidence_chains (id),
    size bigint not null,
    head text not null check (length(head) = 64),
    note text not null,
    primary key (chain, size, head)
  )`,
  sql`create table evidence_findings (
    chain integer not null references evidence_chains (id),
    digest text not null,
    code text not null,
    message text not null,
    seq bigint,
    at timestamptz not null,
    primary key (chain, digest)
  )`,
] as const;

/** The first version of the tables. There is no way back: evidence is not thrown away by a migration. */
export const evidenceTables: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of STATEMENTS) await statement.execute(db);
  },
};
