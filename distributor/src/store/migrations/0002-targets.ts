/** Columns for what attempts reach besides tools. Records of before name nothing of the kind, so there is nothing to fill in. */

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** The second version of the tables. There is no way back. */
export const targetColumns: Migration = {
  async up(db: Kysely<unknown>) {
    for (const column of ['host', 'model']) {
      const name = sql.ref(column);
      await sql`alter table evidence_records add column ${name} text`.execute(db);
      // In the order of the answer, as the others are; most records are of tools and stand in neither.
      await sql`create index ${sql.ref(`evidence_records_by_${column}`)}
        on evidence_records (tenant, ${name}, at desc, chain desc, seq desc) where ${name} is not null`.execute(db);
    }
  },
};
