import { describe, expect, test } from '@jest/globals';
import { evidenceStoreContract, storedRecords } from './evidence-store-contract.js';
import { createMemoryEvidenceStore } from './memory-store.js';

const WRITER = 'portcullis.test/pdp/pdp-1/0123456789abcdef';

describe('evidence in memory keeps the contract:', () => {
  test.each(evidenceStoreContract)('$name', async ({ check }) => {
    const store = createMemoryEvidenceStore({ maxRecords: 10_000, maxWriters: 100 });
    await expect(check({ store, again: async () => store })).resolves.toBeUndefined();
  });
});

describe('evidence in memory', () => {
  test('forgets the oldest records beyond its bound, and goes on with the chain', async () => {
    const store = createMemoryEvidenceStore({ maxRecords: 3, maxWriters: 2 });
    await store.append(WRITER, storedRecords(1, 5));
    expect(await store.read(WRITER, 1, 10)).toEqual(storedRecords(3, 5));
    await store.append(WRITER, storedRecords(5, 6));
    expect(await store.read(WRITER, 1, 10)).toEqual(storedRecords(4, 6));
    expect((await store.end(WRITER))?.seq).toBe(6);
  });

  test('refuses one writer too many', async () => {
    const store = createMemoryEvidenceStore({ maxRecords: 3, maxWriters: 1 });
    await store.append(WRITER, storedRecords(1, 1));
    await expect(store.append('another', storedRecords(1, 1))).rejects.toMatchObject({ code: 'ERR_EVIDENCE_FULL' });
  });
});
