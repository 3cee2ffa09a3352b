import { describe, expect, test } from '@jest/globals';
import { createLogger } from '@portcullis/runtime';
import { PGliteDialect, sql } from 'kysely';
import { createDatabaseStore } from '../evidence/database-store.js';
import { createDatabase, databaseOf } from './database.js';
import { type StoreConfig, storeConfig } from './store-config.js';
import { openTestPGlite } from './testing/embedded-test-database.js';

const log = createLogger({ component: 'test', level: 'silent' });

describe('a database', () => {
  test('opens when it is first asked, tries again after a failure, and not after its end', async () => {
    const pglite = await openTestPGlite();
    const answers: boolean[] = [];
    let attempts = 0;
    const database = databaseOf(
      async () => {
        attempts += 1;
        if (attempts === 1) throw new Error('down');
        return new PGliteDialect({ pglite });
      },
      (ok) => answers.push(ok),
    );
    const store = createDatabaseStore(database);
    expect(attempts).toBe(0);
    const both = await Promise.allSettled([store.writers(), store.writers()]);
    expect(both).toEqual(
      Array(2).fill({ status: 'rejected', reason: expect.objectContaining({ kind: 'unavailable' }) }),
    );
    expect(attempts).toBe(1);
    expect(await store.writers()).toEqual([]);
    await expect(store.append('w', [{ seq: 1, hash: '', line: '' }])).rejects.toMatchObject({ kind: 'invalid' });
    expect([attempts, answers]).toEqual([2, [false, false, true]]);
    await store.close();
    await expect(store.writers()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
  }, 60_000);

  test('of a newer distributor is not touched', async () => {
    const pglite = await openTestPGlite();
    const dump = async () => (await pglite.query('select name from kysely_migration order by name')).rows;
    const first = databaseOf(async () => new PGliteDialect({ pglite }));
    await sql`insert into kysely_migration values ('9999-later', 'now')`.execute(await first.open());
    const held = {
      ...{ closed: false, ready: true, waitReady: pglite.waitReady, close: async () => undefined },
      ...{ query: pglite.query.bind(pglite), transaction: pglite.transaction.bind(pglite) },
    };
    // The same database for a second program; that one's end is not the database's.
    const second = databaseOf(async () => new PGliteDialect({ pglite: held }));
    await expect(second.open()).rejects.toMatchObject({ code: 'ERR_STORE_MIGRATION', kind: 'unavailable' });
    expect(await dump()).toEqual([{ name: '0001-evidence' }, { name: '0002-targets' }, { name: '9999-later' }]);
    await first.close();
  }, 60_000);

  test('whose secrets cannot be read does not open', async () => {
    const config = storeConfig.parse({
      kind: 'postgres',
      host: '/nowhere',
      database: 'd',
      user: 'u',
      passwordFile: '/x',
    });
    if (config.kind === 'none') throw new Error('expected a store');
    const database = createDatabase(config, { dataDir: '/nowhere', log });
    await expect(database.open()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    await database.close();
  });
});

describe('the configuration of a store', () => {
  const server = { kind: 'postgres', host: 'db.example.org', database: 'd', user: 'u', tls: { caFile: 'ca' } };

  test.each<[string, object, Partial<StoreConfig>]>([
    ['a server', server, { kind: 'postgres', port: 5432, maxConnections: 8, statementTimeoutMs: 30_000 } as never],
    ['a Unix socket', { ...server, host: '/run/postgresql', tls: undefined }, {}],
    ['this machine', { ...server, host: '127.0.0.1', tls: undefined }, {}],
    ['the embedded one', { kind: 'embedded' }, {}],
    ['none', { kind: 'none' }, {}],
  ])('takes %s', (_name, config, expected) => {
    expect(storeConfig.parse(config)).toMatchObject(expected);
  });

  test.each<[string, object, string]>([
    ['a network without TLS', { ...server, tls: undefined }, 'tls'],
    ['a name that only begins like this machine', { ...server, host: 'localhost.example.org', tls: undefined }, 'tls'],
    ['a certificate without its key', { ...server, tls: { caFile: 'ca', certFile: 'c' } }, 'tls.keyFile'],
    ['a password in the clear', { ...server, password: 'x' }, ''],
    ['another kind', { kind: 'sqlite' }, 'kind'],
    ['too many connections', { ...server, maxConnections: 101 }, 'maxConnections'],
  ])('refuses %s', (_name, config, path) => {
    const { error } = storeConfig.safeParse(config);
    expect(error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  });
});
