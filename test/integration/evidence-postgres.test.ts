/** The distributor's store of evidence in a real PostgreSQL server: the same contract as in the embedded database. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { distributorConfig } from '@portcullis/distributor';
import {
  createDatabase,
  type Database,
  describeDatabaseStore,
  emptyTables,
} from '@portcullis/distributor/evidence-contract';
import { createLogger } from '@portcullis/runtime';
import { sql } from 'kysely';
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.js';

// The first run may have to obtain the server.
jest.setTimeout(120_000);

const log = createLogger({ component: 'test', level: 'silent' });
let server: PostgresServer;
let first: Database;
let second: Database;

const open = (changes: object = {}): Database => {
  const { host, port, database, user, passwordFile } = server;
  const { store } = distributorConfig.parse({
    trustDomain: 'example.org',
    tls: { certFile: 'c', keyFile: 'k', caFile: 'a' },
    dataDir: 'data',
    keysDir: 'keys',
    store: { kind: 'postgres', host, port, database, user, passwordFile, ...changes },
  });
  if (store.kind === 'none') throw new Error('expected a store');
  return createDatabase(store, { dataDir: 'data', log });
};

beforeAll(async () => {
  server = await startPostgresServer();
  first = open();
  second = open();
  // Two distributors that start at once make the tables once.
  await Promise.all([first.open(), second.open()]);
});
afterAll(async () => {
  await Promise.all([first.close(), second.close()]);
  await server.close();
});

describe('evidence in PostgreSQL', () => {
  describeDatabaseStore(async () => {
    await emptyTables(first);
    return { database: first, second };
  });

  test('a wrong password is told apart from nothing else, and never shown', async () => {
    const stranger = open({ user: 'nobody' });
    await expect(stranger.open()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', kind: 'unavailable' });
    await expect(stranger.open()).rejects.not.toThrow(/right horse/);
    await stranger.close();
  });

  test('without a password nobody gets in, whatever the environment says', async () => {
    process.env['PGPASSWORD'] = 'right horse';
    const stranger = open({ passwordFile: undefined });
    await expect(stranger.open()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    await stranger.close();
    delete process.env['PGPASSWORD'];
  });

  test('a statement that takes too long ends', async () => {
    const hasty = open({ statementTimeoutMs: 100 });
    await expect(sql`select pg_sleep(60)`.execute(await hasty.open())).rejects.toMatchObject({ code: '57014' });
    await hasty.close();
  });

  test('a server that crashed is used again when it is back', async () => {
    const db = await first.open();
    // In the middle of a transaction, with no query under way: the connection has nobody to complain to.
    await expect(
      db.transaction().execute(async (transaction) => {
        await sql`select 1`.execute(transaction);
        await server.crash();
        await sql`select 1`.execute(transaction);
      }),
    ).rejects.toThrow();
    await server.start();
    expect((await sql`select 1 as one`.execute(await first.open())).rows).toEqual([{ one: 1 }]);
  });
});
