/** The store in the embedded database. A PostgreSQL server runs the same in test/integration. */

import { afterAll, beforeAll, describe } from '@jest/globals';
import { openTestDatabase, type TestDatabase } from '../store/testing/embedded-test-database.js';
import { describeDatabaseStore } from './testing/database-contract.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
}, 60_000);
afterAll(() => database.close());

describe('evidence in the embedded database', () => {
  describeDatabaseStore(async () => {
    await database.empty();
    return { database, second: database };
  });
});
