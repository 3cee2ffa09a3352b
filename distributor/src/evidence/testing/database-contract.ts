/** What holds of the store in every database. Both run it: the embedded one and a PostgreSQL server. For tests. */

import { beforeEach, describe, expect, test } from '@jest/globals';
import { createChainVerifier, GENESIS, openCheckpoint, openNoteVerifier } from '@portcullis/policy/evidence';
import { sql } from 'kysely';
import type { Database } from '../../store/database.js';
import { createDatabaseQuery } from '../database-query.js';
import { createDatabaseStore } from '../database-store.js';
import { createErasure } from '../erasure.js';
import { evidenceConfig } from '../evidence-config.js';
import type { EvidenceQuery } from '../evidence-query.js';
import { evidenceStoreContract } from '../evidence-store-contract.js';
import type { EvidenceStore } from '../store.js';
import { chainOfRecords, type TestChain, testKill } from './chain-of-records.js';

export { createDatabase, type Database } from '../../store/database.js';
export { emptyTables } from '../../store/testing/empty-tables.js';
export { createDatabaseStore } from '../database-store.js';
export { chainOfRecords } from './chain-of-records.js';

const NOW = new Date('2026-11-22T00:00:00Z');
const numbers = (records: readonly { readonly seq: number }[]): readonly number[] => records.map(({ seq }) => seq);
const plain = (count: number): readonly object[] => Array.from({ length: count }, () => ({}));

/** @param open an empty database before every test; `second` is another process's view of the same one. */
export function describeDatabaseStore(
  open: () => Promise<{ readonly database: Database; readonly second: Database }>,
): void {
  let database: Database;
  let store: EvidenceStore;
  let other: EvidenceStore;
  let query: EvidenceQuery;
  beforeEach(async () => {
    const opened = await open();
    database = opened.database;
    store = createDatabaseStore(database);
    other = createDatabaseStore(opened.second);
    query = createDatabaseQuery(database);
  });

  test.each(evidenceStoreContract)('keeps the contract of every store: $name', async ({ check }) => {
    await expect(check({ store, again: async () => other })).resolves.toBeUndefined();
  });

  const chain = chainOfRecords('pdp-1', plain(6));
  const { writer, records } = chain;

  describe('appending', () => {
    test('keeps the exact texts, in order, once', async () => {
      expect(await store.end(writer)).toBeUndefined();
      expect(await store.append(writer, records.slice(0, 3))).toEqual(chain.at(3));
      expect(await store.append(writer, records.slice(1, 5))).toEqual(chain.at(5));
      expect(await store.append(writer, records.slice(0, 2))).toEqual(chain.at(5));
      expect(await other.end(writer)).toEqual(chain.at(5));
      expect(await other.read(writer, 1, 10_000)).toEqual(records.slice(0, 5));
      expect(await store.read(writer, 4, 1)).toEqual([records[3]]);
      expect(await store.read('somebody else', 1, 10)).toEqual([]);
    });

    test('keeps texts of any characters byte by byte', async () => {
      const odd = chainOfRecords('odd', [
        { tool: { name: 'a\u0000b\u{1f600}\u2028"\\' }, agent: `\ud800${'x'.repeat(2_000)}` },
      ]);
      await store.append(odd.writer, odd.records);
      expect(await store.read(odd.writer, 1, 1)).toEqual(odd.records);
      expect((await query.records('*', { tool: 'a\u0000b\u{1f600}\u2028"\\' }, { limit: 1 })).records).toHaveLength(1);
    });

    const elsewhere = chainOfRecords('pdp-1', [{ effect: 'hold' }, {}, {}, {}]);
    const refused: readonly (readonly [string, readonly (typeof records)[number][], string])[] = [
      ['a gap behind the end', records.slice(3), 'ERR_EVIDENCE_GAP'],
      ['a gap within', records.toSpliced(3, 1).slice(2), 'ERR_EVIDENCE_GAP'],
      ['another record of a number that is stored', elsewhere.records.slice(0, 3), 'ERR_EVIDENCE_FORK'],
      ['a next record that follows another history', elsewhere.records.slice(2, 3), 'ERR_EVIDENCE_FORK'],
      ['two histories in one', [...records.slice(2, 3), ...elsewhere.records.slice(3)], 'ERR_EVIDENCE_FORK'],
      ['what is no record', [{ seq: 3, hash: 'x', line: '{}' }], 'ERR_EVIDENCE_INVALID'],
      ['a hash that is not the text’s', [{ ...records[2], hash: GENESIS } as never], 'ERR_EVIDENCE_INVALID'],
    ];
    test.each(refused)('refuses %s, and keeps nothing of it', async (_name, wrong, code) => {
      await store.append(writer, records.slice(0, 2));
      await expect(store.append(writer, wrong)).rejects.toMatchObject({ code });
      expect(await store.end(writer)).toEqual(chain.at(2));
      expect(await store.read(writer, 1, 10)).toEqual(records.slice(0, 2));
    });

    test('refuses a chain that does not begin at its beginning, and more than it takes at once', async () => {
      await expect(store.append(writer, records.slice(1))).rejects.toMatchObject({ code: 'ERR_EVIDENCE_GAP' });
      const many = Array.from({ length: 10_001 }, () => records[0]).filter((record) => record !== undefined);
      await expect(store.append(writer, many)).rejects.toMatchObject({ code: 'ERR_EVIDENCE_INVALID' });
      await expect(store.read(writer, 1, 10_001)).rejects.toMatchObject({ code: 'ERR_EVIDENCE_LIMIT' });
      await expect(store.append('', records)).rejects.toMatchObject({ code: 'ERR_EVIDENCE_INVALID' });
    });

    test('two processes that append the same and different parts at once leave one whole chain', async () => {
      const long = chainOfRecords('racing', plain(120));
      const parts = Array.from({ length: 24 }, (_, index) => long.records.slice(index * 5, index * 5 + 10));
      const left = new Set(parts);
      // As shippers do: what came too early is sent again.
      while (left.size > 0) {
        const outcomes = await Promise.allSettled(
          [...left].flatMap((part) =>
            [store, other].map(async (into) => ({ part, end: await into.append(long.writer, part) })),
          ),
        );
        const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
        expect(
          failed.map(({ reason }) => (reason as { code: string }).code).filter((code) => code !== 'ERR_EVIDENCE_GAP'),
        ).toEqual([]);
        const done = outcomes.filter((outcome) => outcome.status === 'fulfilled');
        expect(done).not.toHaveLength(0);
        for (const { value } of done) left.delete(value.part);
      }
      expect(await store.read(long.writer, 1, 200)).toEqual(long.records);
      expect(await other.end(long.writer)).toEqual(long.at(120));
    });
  });

  describe('checkpoints and findings', () => {
    test('a chain is proven as far as a checkpoint names a record as it is stored', async () => {
      await store.append(writer, records.slice(0, 3));
      const proven = async (): Promise<number | undefined> => (await store.writers())[0]?.provenTo;
      expect(await proven()).toBe(0);
      await store.checkpoint(writer, chain.at(2), chain.note(2));
      await store.checkpoint(writer, chain.at(2), chain.note(2));
      expect(await proven()).toBe(2);
      await store.checkpoint(writer, { seq: 3, hash: 'ee'.repeat(32) }, chain.note(3));
      expect(await proven()).toBe(2);
      await store.checkpoint(writer, chain.at(5), chain.note(5));
      expect(await proven()).toBe(2);
      await store.append(writer, records.slice(3, 5));
      expect(await proven()).toBe(5);
      expect(await query.checkpoints(writer, 10)).toHaveLength(3);
    });

    test('the same finding is kept once, also of a writer without records', async () => {
      const finding = { code: 'CHAIN_FORKED', message: 'two\u0000', seq: 3 } as const;
      await store.finding(writer, finding, NOW);
      await other.finding(writer, finding, new Date());
      await store.finding(writer, { code: 'CHAIN_BROKEN', message: 'one' }, NOW);
      expect(await store.writers()).toEqual([{ writer, end: { seq: 0, hash: GENESIS }, provenTo: 0, findings: 2 }]);
      expect(await store.end(writer)).toBeUndefined();
      expect(await query.findings({ writer, limit: 10 })).toEqual(
        expect.arrayContaining([
          { writer, code: 'CHAIN_FORKED', message: 'two\u{fffd}', seq: 3, at: NOW.toISOString() },
          { writer, code: 'CHAIN_BROKEN', message: 'one', at: NOW.toISOString() },
        ]),
      );
      expect(await query.findings({ writer: 'x', limit: 10 })).toEqual([]);
    });
  });

  describe('asking', () => {
    const mixed = chainOfRecords('mixed', [
      { tenant: 'acme', agent: 'a' },
      { tenant: 'globex', agent: 'a', effect: 'deny' },
      { tenant: 'acme', agent: 'b', effect: 'deny', tool: { name: 'send' } },
      { tenant: 'acme', agent: 'b', at: '2026-11-01T00:00:03.000Z' },
    ]);
    const reaching = chainOfRecords('reaching', [
      { target: { host: 'site.test', port: 443 }, effect: 'deny' },
      { target: { model: 'm-1', provider: 'p' } },
      { tenant: 'globex', target: { host: 'site.test' } },
      {},
    ]);
    beforeEach(async () => {
      await store.append(mixed.writer, mixed.records);
      await store.checkpoint(mixed.writer, mixed.at(2), mixed.note(2));
    });

    test.each<[string, Parameters<EvidenceQuery['records']>[0], object, readonly number[]]>([
      ['everything, newest first', '*', {}, [4, 3, 2, 1]],
      ['what one may see', ['globex'], {}, [2]],
      ['more than one tenant', ['globex', 'acme'], {}, [4, 3, 2, 1]],
      ['nothing to those who may see nothing', [], {}, []],
      ['nothing of a tenant that one may not see', ['globex'], { tenant: 'acme' }, []],
      ['a tenant', '*', { tenant: 'acme' }, [4, 3, 1]],
      ['an agent', '*', { tenant: 'acme', agent: 'b' }, [4, 3]],
      ['a verdict', '*', { effect: 'deny' }, [3, 2]],
      ['a tool with its server', '*', { tool: 'files/read' }, [4, 2, 1]],
      ['a tool', '*', { tool: 'send' }, [3]],
      ['a kind', '*', { kind: 'approval' }, []],
      ['a decision', '*', { decisionId: 'd-mixed-2' }, [2]],
      ['another tenant’s decision', ['acme'], { decisionId: 'd-mixed-2' }, []],
      ['from a time on', '*', { from: new Date('2026-11-01T00:00:03Z') }, [4, 3]],
      ['before a time', '*', { to: new Date('2026-11-01T00:00:02Z') }, [1]],
      ['a zero byte', '*', { tenant: '\u0000' }, []],
    ])('finds %s', async (_name, scope, filter, expected) => {
      expect(numbers((await query.records(scope, filter, { limit: 200 })).records)).toEqual(expected);
    });

    test.each<[string, Parameters<EvidenceQuery['records']>[0], object, readonly number[]]>([
      ['a host, refused or not', '*', { host: 'site.test' }, [3, 1]],
      ['a host, within what one may see', ['acme'], { host: 'site.test' }, [1]],
      ['refusals of a host', '*', { host: 'site.test', effect: 'deny' }, [1]],
      ['a model', '*', { model: 'm-1' }, [2]],
      ['nothing by a part of a host', '*', { host: 'site' }, []],
    ])('finds %s', async (_name, scope, filter, expected) => {
      await store.append(reaching.writer, reaching.records);
      expect(numbers((await query.records(scope, filter, { limit: 200 })).records)).toEqual(expected);
    });

    test('page by page every record comes once, also where times are equal', async () => {
      const seen: number[] = [];
      let after: string | undefined;
      do {
        const page = await query.records('*', {}, { limit: 1, after });
        seen.push(...numbers(page.records));
        after = page.next;
      } while (after !== undefined);
      expect(seen).toEqual([4, 3, 2, 1]);
    });

    test('says which are proven, and gives the exact text', async () => {
      const { records: found } = await query.records('*', {}, { limit: 200 });
      expect(found.map(({ proven }) => proven)).toEqual([false, false, true, true]);
      expect(found.map(({ line }) => line)).toEqual(mixed.records.map(({ line }) => line).toReversed());
    });

    test('by id, within what one may see', async () => {
      expect(numbers(await query.byId('*', 'r-mixed-2'))).toEqual([2]);
      expect(await query.byId(['acme'], 'r-mixed-2')).toEqual([]);
      expect(await query.byId('*', 'r-none')).toEqual([]);
    });

    test.each<[string, { limit: number; after?: string }]>([
      ['no records', { limit: 0 }],
      ['too many', { limit: 201 }],
      ['half a record', { limit: 1.5 }],
      ['a page that never was', { limit: 1, after: 'MTIz' }],
      ['SQL', { limit: 1, after: Buffer.from("1.1.1' or 1=1").toString('base64url') }],
    ])('refuses to page by %s', async (_name, page) => {
      await expect(async () => query.records('*', {}, page)).rejects.toMatchObject({ code: 'ERR_EVIDENCE_INVALID' });
    });
  });

  describe('kills', () => {
    const kills = chainOfRecords('kills', ['all', 'tenant acme', 'agent acme/a1', 'tool github/x'].map(testKill));

    test('belong to the tenant that they name, and otherwise to none', async () => {
      await store.append(kills.writer, kills.records);
      await store.checkpoint(kills.writer, kills.at(4), kills.note(4));
      const found = async (scope: Parameters<EvidenceQuery['records']>[0], filter: object = {}) =>
        numbers((await query.records(scope, filter, { limit: 10 })).records);
      expect(await found(['acme'])).toEqual([3, 2]);
      expect(await found(['acme'], { agent: 'a1', kind: 'kill', effect: 'applied' })).toEqual([3]);
      expect(await found('*')).toEqual([4, 3, 2, 1]);
      const { retention } = evidenceConfig.parse({ retention: { days: 1, tenants: { acme: { hold: true } } } });
      expect(await createErasure(database, retention).expire(NOW)).toEqual({ erased: 2, dropped: 0 });
      expect(await found('*')).toEqual([3, 2]);
    });
  });

  describe('erasing', () => {
    const erasure = (retention: object = {}): ReturnType<typeof createErasure> =>
      createErasure(database, evidenceConfig.parse({ retention }).retention);
    const shared = chainOfRecords('shared', [
      { tenant: 'acme', agent: 'a' },
      { tenant: 'acme', agent: 'b' },
      { tenant: 'globex' },
      { tenant: 'acme' },
      { tenant: 'globex' },
      { tenant: 'acme' },
    ]);
    const wish = { tenant: 'acme', actor: 'alice', comment: 'art. 17' };
    const proof = async (of: TestChain) => {
      const key = openNoteVerifier(of.signer.verifierKey);
      const notes = await query.checkpoints(of.writer, 100);
      const checkpoints = notes.flatMap((note) => {
        const opened = key === undefined ? undefined : openCheckpoint(key, note);
        return opened?.ok === true ? [opened.checkpoint] : [];
      });
      const verifier = createChainVerifier({ checkpoints, tombstones: 'accept' });
      for (const { line } of await store.read(of.writer, 1, 10_000)) verifier.line(line);
      return verifier.finish();
    };
    const texts = async (): Promise<string> =>
      (await store.read(shared.writer, 1, 100)).map(({ line }) => line).join('\n');

    beforeEach(async () => {
      await store.append(shared.writer, shared.records);
      await store.checkpoint(shared.writer, shared.at(5), shared.note(5));
    });

    test('takes the texts of one tenant, and the chain still proves the others', async () => {
      expect(await erasure().erase(wish, NOW)).toEqual({ records: 3, uncovered: 1 });
      expect(await proof(shared)).toMatchObject({
        ok: true,
        records: 3,
        erased: 3,
        provenTo: 5,
        first: 1,
        last: shared.at(6),
      });
      expect(numbers((await query.records('*', {}, { limit: 10 })).records)).toEqual([6, 5, 3]);
      expect(await query.byId('*', 'r-shared-1')).toEqual([]);
      expect(await texts()).not.toContain('"agent":"b"');
      expect(await erasure().erasures(['acme'])).toEqual([
        { ...wish, agent: null, reason: 'erasure', at: NOW.toISOString(), records: 3 },
      ]);
      expect(await erasure().erasures(['globex'])).toEqual([]);
      // What was erased does not come back with a shipment that is sent again.
      expect(await store.append(shared.writer, shared.records)).toEqual(shared.at(6));
      expect(await proof(shared)).toMatchObject({ ok: true, erased: 3 });
    });

    test('leaves no column behind that would say what was erased', async () => {
      const reached = chainOfRecords('reached', [
        { target: { host: 'site.test', model: 'm-1' } },
        { tenant: 'globex' },
      ]);
      await store.append(reached.writer, reached.records);
      await store.checkpoint(reached.writer, reached.at(2), reached.note(2));
      await erasure().erase(wish, NOW);
      const { rows } = await sql<Record<string, unknown>>`
        select * from evidence_records where line is null and hash = ${reached.at(1).hash}
      `.execute(await database.open());
      const left = Object.entries(rows[0] ?? {}).filter(([, value]) => value !== null);
      expect(left.map(([column]) => column).toSorted()).toEqual([
        'chain',
        'erasure',
        'hash',
        'prev',
        'seq',
        'stored_at',
      ]);
    });

    test('may be narrowed to an agent and a time', async () => {
      expect(await erasure().erase({ ...wish, agent: 'b' }, NOW)).toEqual({ records: 1, uncovered: 0 });
      const before = new Date('2026-11-01T00:00:02Z');
      expect(await erasure().erase({ ...wish, before }, NOW)).toEqual({ records: 1, uncovered: 0 });
      expect(await proof(shared)).toMatchObject({ ok: true, records: 4, erased: 2 });
    });

    test('a legal hold beats a wish and retention', async () => {
      const held = erasure({ days: 1, tenants: { acme: { hold: true, days: 1 } } });
      await expect(async () => held.erase(wish, NOW)).rejects.toMatchObject({ code: 'ERR_EVIDENCE_HELD' });
      expect(await held.expire(NOW)).toEqual({ erased: 2, dropped: 0 });
      expect(await proof(shared)).toMatchObject({ ok: true, records: 4, erased: 2 });
      expect(await erasure({ days: 1, hold: true }).expire(NOW)).toEqual({ erased: 0, dropped: 0 });
    });

    test('under a legal hold of everything not even what was erased before is dropped', async () => {
      await store.checkpoint(shared.writer, shared.at(2), shared.note(2));
      expect(await erasure().erase(wish, NOW)).toEqual({ records: 3, uncovered: 1 });
      expect(await erasure({ hold: true }).expire(NOW)).toEqual({ erased: 0, dropped: 0 });
      expect(await proof(shared)).toMatchObject({ ok: true, first: 1, erased: 3 });
      expect(await erasure().expire(NOW)).toEqual({ erased: 0, dropped: 2 });
    });

    test('retention takes what is over, and drops a beginning of which nothing is left, up to a checkpoint', async () => {
      await store.checkpoint(shared.writer, shared.at(2), shared.note(2));
      const acme = erasure({ tenants: { acme: { days: 1 } } });
      expect(await acme.expire(NOW)).toEqual({ erased: 3, dropped: 2 });
      expect(await proof(shared)).toMatchObject({ ok: true, first: 3, records: 3, erased: 1, provenTo: 5 });
      expect(await query.chain(shared.writer)).toEqual({ end: shared.at(6), provenTo: 5, droppedTo: 2 });
      expect(await acme.expire(NOW)).toEqual({ erased: 0, dropped: 0 });
      // Sent again from the beginning: what was dropped stays dropped, and the chain goes on.
      expect(await other.append(shared.writer, shared.records)).toEqual(shared.at(6));
      expect(await proof(shared)).toMatchObject({ ok: true, first: 3 });
    });

    test('a chain of which everything was dropped still knows its end', async () => {
      await store.checkpoint(shared.writer, shared.at(6), shared.note(6));
      expect(await erasure({ days: 1 }).expire(NOW)).toEqual({ erased: 6, dropped: 6 });
      expect(await store.end(shared.writer)).toEqual(shared.at(6));
      expect(await store.append(shared.writer, shared.records)).toEqual(shared.at(6));
      expect(await store.read(shared.writer, 1, 10)).toEqual([]);
    });

    test('what is young, and what nobody set a time for, stays', async () => {
      expect(await erasure({ days: 365 }).expire(NOW)).toEqual({ erased: 0, dropped: 0 });
      expect(await erasure().expire(NOW)).toEqual({ erased: 0, dropped: 0 });
      expect(await erasure({ days: 1, tenants: { acme: {}, globex: {} } }).expire(NOW)).toEqual({
        erased: 0,
        dropped: 0,
      });
    });
  });
}
