/** PGlite in this process, in memory, from a dump of an empty database: half a second instead of several. For tests. */

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { PGliteDialect } from 'kysely';
import { type Database, databaseOf } from '../database.js';
import { emptyTables } from './empty-tables.js';

/** A database that tests empty between each other. */
export interface TestDatabase extends Database {
  /** Throws all rows away. */
  empty(): Promise<void>;
}

/** Opens one. */
export async function openTestDatabase(): Promise<TestDatabase> {
  const pglite = await openTestPGlite();
  const database = databaseOf(async () => new PGliteDialect({ pglite }));
  return { ...database, empty: () => emptyTables(database) };
}

/** An empty PGlite. */
export async function openTestPGlite(): Promise<PGlite> {
  const file = join(tmpdir(), 'portcullis-test-pglite-0.5.16.tar');
  try {
    return await PGlite.create({ loadDataDir: new Blob([readFileSync(file)]) });
  } catch {
    const made = await PGlite.create();
    const dump = await made.dumpDataDir('none');
    const own = `${file}.${process.pid}`;
    writeFileSync(own, Buffer.from(await dump.arrayBuffer()));
    renameSync(own, file);
    return made;
  }
}
