import { sql } from 'kysely';
import type { Database } from '../database.js';

/** Throws all rows of a database away. For tests. */
export async function emptyTables(database: Database): Promise<void> {
  await sql`truncate evidence_chains, evidence_records, evidence_checkpoints, evidence_findings, evidence_erasures
    restart identity`.execute(await database.open());
}
