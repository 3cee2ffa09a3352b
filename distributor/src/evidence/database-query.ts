/** Asking the database. */

import { PortcullisError } from '@portcullis/runtime';
import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import type { Database } from '../store/database.js';
import { type RecordTable, type StoreSchema, toNumber } from '../store/schema.js';
import { asked, chainOf } from './database-store.js';
import {
  type EvidenceQuery,
  type FoundRecord,
  MAX_PAGE,
  type RecordFilter,
  type TenantScope,
} from './evidence-query.js';

const MAX_FINDINGS = 1_000;
const MAX_SAME_ID = 10;
const CURSOR = /^(\d{1,15})\.(\d{1,10})\.(\d{1,15})$/;

type Tables = StoreSchema & { readonly record: RecordTable };
type Where = ExpressionBuilder<Tables, 'record'>;

/** Queries over what `createDatabaseStore` stores. */
export function createDatabaseQuery(database: Database): EvidenceQuery {
  return {
    records: (scope, filter, { limit, after }) => {
      if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_PAGE) {
        throw invalid(`limit: expected 1 to ${MAX_PAGE}`);
      }
      const from = after === undefined ? undefined : readCursor(after);
      return asked(database, async (db) => {
        const rows = await db
          .selectFrom('evidence_records as record')
          .innerJoin('evidence_chains as chain', 'chain.id', 'record.chain')
          .where((of) => wanted(of as unknown as Where, scope, filter))
          .$if(from !== undefined, (query) =>
            query.where(
              sql<SqlBool>`(record.at, record.chain, record.seq) < (${from?.at}, ${from?.chain}, ${from?.seq})`,
            ),
          )
          .orderBy('record.at', 'desc')
          .orderBy('record.chain', 'desc')
          .orderBy('record.seq', 'desc')
          // One more, to know whether there is a next page.
          .limit(limit + 1)
          .select(['chain.writer', 'chain.proven_to', 'record.chain', 'record.seq', 'record.line', 'record.at'])
          .execute();
        const shown = rows.slice(0, limit);
        const last = shown.at(-1);
        const records = shown.map(foundRecord);
        if (rows.length <= limit || last === undefined) return { records };
        return { records, next: cursorOf(last.at ?? new Date(0), last.chain, toNumber(last.seq)) };
      });
    },

    byId: (scope, recordId) =>
      asked(database, async (db) => {
        const rows = await db
          .selectFrom('evidence_records as record')
          .innerJoin('evidence_chains as chain', 'chain.id', 'record.chain')
          .where((of) => wanted(of as unknown as Where, scope, {}))
          .where('record.record_id', '=', recordId)
          .orderBy('record.chain')
          .orderBy('record.seq')
          .limit(MAX_SAME_ID)
          .select(['chain.writer', 'chain.proven_to', 'record.seq', 'record.line'])
          .execute();
        return rows.map(foundRecord);
      }),

    findings: ({ writer, limit }) => {
      if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_FINDINGS) {
        throw invalid(`limit: expected 1 to ${MAX_FINDINGS}`);
      }
      return asked(database, async (db) => {
        const rows = await db
          .selectFrom('evidence_findings as finding')
          .innerJoin('evidence_chains as chain', 'chain.id', 'finding.chain')
          .$if(writer !== undefined, (query) => query.where('chain.writer', '=', writer ?? ''))
          .orderBy('finding.at', 'desc')
          .orderBy('finding.digest')
          .limit(limit)
          .select(['chain.writer', 'finding.code', 'finding.message', 'finding.seq', 'finding.at'])
          .execute();
        return rows.map((row) => ({
          writer: row.writer,
          code: row.code,
          message: row.message,
          ...(row.seq === null ? {} : { seq: toNumber(row.seq) }),
          at: row.at.toISOString(),
        }));
      });
    },

    chain: (writer) =>
      asked(database, async (db) => {
        const chain = await chainOf(db, writer);
        if (chain === undefined) return undefined;
        const { seq, hash, provenTo, droppedTo } = chain;
        return { end: { seq, hash }, provenTo, droppedTo };
      }),

    checkpoints: (writer, limit) =>
      asked(database, async (db) => {
        const chain = await chainOf(db, writer);
        if (chain === undefined) return [];
        const of = (query: 'newest' | 'anchor') =>
          db
            .selectFrom('evidence_checkpoints')
            .where('chain', '=', chain.id)
            .where('size', query === 'anchor' ? '=' : '>', chain.droppedTo)
            .orderBy('size', 'desc')
            .limit(limit)
            .select('note')
            .execute();
        const [anchors, newest] = [await of('anchor'), await of('newest')];
        return [...anchors, ...newest.toReversed()].map(({ note }) => note);
      }),
  };
}

/** What is erased is found by nothing: there is no text to show. */
function wanted(of: Where, scope: TenantScope, filter: RecordFilter): Expression<SqlBool> {
  const { tenant, agent, tool, host, model, effect, kind, decisionId, from, to } = filter;
  const conditions: Expression<SqlBool>[] = [of('record.line', 'is not', null)];
  if (scope !== '*') conditions.push(scope.length === 0 ? sql<SqlBool>`false` : of('record.tenant', 'in', [...scope]));
  const equal = { tenant, agent, tool, host, model, effect, kind, decision_id: decisionId };
  for (const [column, value] of Object.entries(equal) as [keyof typeof equal, string | undefined][]) {
    // A zero byte is in no column, and PostgreSQL takes none as a parameter.
    if (value !== undefined) conditions.push(of(`record.${column}`, '=', value.replaceAll('\u0000', '\u{fffd}')));
  }
  if (from !== undefined) conditions.push(of('record.at', '>=', from));
  if (to !== undefined) conditions.push(of('record.at', '<', to));
  return of.and(conditions);
}

function foundRecord(row: {
  readonly writer: string;
  readonly seq: string | number | bigint;
  readonly line: string | null;
  readonly proven_to: string | number | bigint;
}): FoundRecord {
  const seq = toNumber(row.seq);
  return { writer: row.writer, seq, line: row.line ?? '', proven: seq <= toNumber(row.proven_to) };
}

function cursorOf(at: Date, chain: number, seq: number): string {
  return Buffer.from(`${at.getTime()}.${chain}.${seq}`).toString('base64url');
}

function readCursor(text: string): { readonly at: Date; readonly chain: number; readonly seq: number } {
  const [, at, chain, seq] = CURSOR.exec(Buffer.from(text.slice(0, 64), 'base64url').toString('latin1')) ?? [];
  if (at === undefined) throw invalid('after: expected the "next" of the page before');
  return { at: new Date(Number(at)), chain: Math.min(Number(chain), 2_147_483_647), seq: Number(seq) };
}

const invalid = (message: string): PortcullisError => new PortcullisError('ERR_EVIDENCE_INVALID', 'invalid', message);
