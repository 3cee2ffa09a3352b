/** Brings the tables to the version of this program. */

import { PortcullisError } from '@portcullis/runtime';
import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { evidenceTables } from './migrations/0001-evidence.js';
import { targetColumns } from './migrations/0002-targets.js';
import type { StoreSchema } from './schema.js';

/** By name; they run in the order of their names, once, and never change after a release. */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-evidence': evidenceTables,
  '0002-targets': targetColumns,
};

/**
 * Runs what has not run yet, in one transaction, and under a lock that several distributors share.
 * @throws PortcullisError `ERR_STORE_MIGRATION`, also where a newer distributor made the tables.
 */
export async function migrate(db: Kysely<StoreSchema>): Promise<void> {
  const { error } = await new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } }).migrateToLatest();
  if (error === undefined) return;
  throw new PortcullisError('ERR_STORE_MIGRATION', 'unavailable', 'the tables cannot be brought up to date', {
    cause: error,
  });
}
