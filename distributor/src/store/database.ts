/** The database, opened when it is first needed and never before. */

import { join } from 'node:path';
import { LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import type { Dialect, Kysely } from 'kysely';
import { migrate } from './migrate.js';
import type { StoreSchema } from './schema.js';
import type { StoreConfig } from './store-config.js';

/** A database that opens itself. */
export interface Database {
  /**
   * The open database, its tables up to date. An attempt that failed is made again by the next caller.
   * @throws PortcullisError `ERR_STORE_UNAVAILABLE`, `ERR_STORE_MIGRATION`.
   */
  open(): Promise<Kysely<StoreSchema>>;
  /** Told of every question: whether the database answered it, be it with a no. */
  answered(ok: boolean): void;
  close(): Promise<void>;
}

/** What is kept, when something is. */
export type KeptStore = Exclude<StoreConfig, { readonly kind: 'none' }>;

/** What a database works with. */
export interface StoreParts {
  readonly dataDir: string;
  readonly log: Logger;
  readonly answered?: ((ok: boolean) => void) | undefined;
}

/** A database as configured. Opens nothing yet. */
export function createDatabase(config: KeptStore, parts: StoreParts): Database {
  const { log } = parts;
  return databaseOf(async () => {
    if (config.kind === 'postgres') {
      const { postgresDialect } = await import('./postgres.js');
      return postgresDialect(config, (error) => log.warn({ [LOG_FIELD.error]: error }, 'Database connection lost'));
    }
    const [{ openEmbedded }, { PGliteDialect }] = await Promise.all([import('./embedded.js'), import('kysely')]);
    return new PGliteDialect({ pglite: () => openEmbedded(join(parts.dataDir, 'evidence-db')) });
  }, parts.answered);
}

/** A database on any dialect of PostgreSQL. */
export function databaseOf(
  dialect: () => Promise<Dialect>,
  answered: (ok: boolean) => void = () => undefined,
): Database {
  let opening: Promise<Kysely<StoreSchema>> | undefined;
  let closed = false;

  const open = async (): Promise<Kysely<StoreSchema>> => {
    const { Kysely: Connected, sql } = await import('kysely');
    const db = new Connected<StoreSchema>({ dialect: await dialect() });
    try {
      // A server that is away is not one whose tables are wrong.
      await sql`select 1`.execute(db);
      await migrate(db);
      return db;
    } catch (error: unknown) {
      await db.destroy();
      throw error;
    }
  };

  return {
    answered,
    async open() {
      if (closed) throw new PortcullisError('ERR_STORE_UNAVAILABLE', 'unavailable', 'the store is closed');
      opening ??= open();
      const attempt = opening;
      try {
        return await attempt;
      } catch (cause: unknown) {
        if (opening === attempt) opening = undefined;
        if (PortcullisError.is(cause)) throw cause;
        throw new PortcullisError('ERR_STORE_UNAVAILABLE', 'unavailable', 'the store cannot be opened', { cause });
      }
    },
    async close() {
      closed = true;
      const db = await opening?.catch(() => undefined);
      await db?.destroy();
    },
  };
}
