/**
 * Approvals in a real Redis: the contract that memory keeps, three clients at once, and what is believed of a Redis that
 * was restarted, forgot, froze or is gone.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type ApprovalStore, createRedisApprovalStore, type RedisApprovalOptions } from '@portcullis/pdp';
import { approvalStoreContract, CONTRACT_CAPS, heldRequest } from '@portcullis/pdp/approval-contract';
import { createLogger } from '@portcullis/runtime';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';

// The first run may have to obtain the server.
jest.setTimeout(60_000);

const log = createLogger({ component: 'test', level: 'silent' });
/** Patient: a busy machine is no broken store. */
const PATIENCE_MS = 2_000;
const ANN = { person: 'ann', says: 'approve', holds: ['platform/s/pay'], comment: '' } as const;
let server: RedisServer;
let admin: Redis;
let stores: ApprovalStore[] = [];
let failures: string[] = [];
let prefixes = 0;

beforeAll(async () => {
  server = await startRedisServer();
  admin = new Redis({ host: server.host, port: server.port });
  admin.on('error', () => undefined);
});
afterEach(async () => {
  server.resume();
  for (const store of stores) await store.close();
  stores = [];
  failures = [];
});
afterAll(async () => {
  admin?.disconnect();
  await server?.close();
});

/** Connected clients of one store; of an empty one without a `prefix`. */
async function open(count: number, changes: Partial<RedisApprovalOptions> = {}): Promise<readonly ApprovalStore[]> {
  prefixes += 1;
  const clients = Array.from({ length: count }, () =>
    createRedisApprovalStore({
      url: `redis://${server.host}:${server.port}`,
      prefix: `test:${prefixes}`,
      timeoutMs: PATIENCE_MS,
      survivesRestart: false,
      caps: CONTRACT_CAPS,
      observer: { approvalStoreFailed: (operation) => failures.push(operation) },
      log,
      ...changes,
    }),
  );
  stores.push(...clients);
  for (const client of clients) {
    await eventually('the store to be connected', async () => (await client.grants('nobody')).length === 0);
  }
  failures = [];
  return clients;
}

async function one(changes: Partial<RedisApprovalOptions> = {}): Promise<ApprovalStore> {
  const [store] = await open(1, changes);
  if (store === undefined) throw new Error('no client');
  return store;
}

async function approved(store: ApprovalStore, id: string): Promise<void> {
  await store.present(heldRequest({ id }));
  expect(await store.vote('acme', id, ANN)).toMatchObject({ outcome: 'counted', approval: { state: 'approved' } });
}

async function copyAll(from: Redis, to: Redis, prefix: string): Promise<void> {
  for (const key of await from.keys(`{${prefix}}:*`)) {
    const dump = await from.dumpBuffer(key);
    if (dump !== null) await to.restore(key, Math.max(0, await from.pttl(key)), dump);
  }
}

describe('approvals in Redis keep the contract, asked by three clients:', () => {
  // Time is the server's own, so it has to pass.
  test.each(approvalStoreContract)('$name', async ({ check }) => {
    const clients = await open(3);
    await expect(check({ clients, pass: (ms) => delay(ms) })).resolves.toBeUndefined();
    expect(failures).toEqual([]);
  });
});

describe('a Redis with another past', () => {
  test('that forgot everything holds again', async () => {
    const store = await one();
    await approved(store, 'x');
    await admin.flushall();
    expect(await store.present(heldRequest())).toMatchObject({ outcome: 'pending', isNew: true });
  });

  test('that was restarted, or replaced, with the same data does not let what was agreed to before be used', async () => {
    const store = await one({ prefix: 'replaced' });
    await approved(store, 'x');
    const other = await startRedisServer();
    const copy = new Redis({ host: other.host, port: other.port });
    try {
      await copyAll(admin, copy, 'replaced');
      const url = `redis://${other.host}:${other.port}`;
      const strict = await one({ prefix: 'replaced', url });
      // Both look at an approval that the other server gave; here it may have been used up before it was copied.
      expect(await strict.present(heldRequest())).toMatchObject({
        outcome: 'pending',
        isNew: true,
        voided: { id: 'x', reason: 'store' },
      });
      const before = await one({ prefix: 'kept', survivesRestart: true });
      await approved(before, 'k');
      await copyAll(admin, copy, 'kept');
      const trusting = await one({ prefix: 'kept', url, survivesRestart: true });
      expect((await trusting.present(heldRequest())).outcome).toBe('consumed');
    } finally {
      copy.disconnect();
      await other.close();
    }
    // The first server still has it, once.
    expect((await store.present(heldRequest())).outcome).toBe('consumed');
  });

  test('loses its scripts, too, and gets them again', async () => {
    const store = await one();
    await admin.script('FLUSH');
    expect((await store.present(heldRequest())).outcome).toBe('pending');
    expect(failures).toEqual([]);
  });
});

describe('a Redis that does not answer', () => {
  test('rejects within the time given; what it may have used up meanwhile is used up', async () => {
    const store = await one({ timeoutMs: 150 });
    await approved(store, 'x');
    server.pause();
    await expect(store.present(heldRequest())).rejects.toMatchObject({
      code: 'ERR_APPROVAL_STORE',
      kind: 'unavailable',
    });
    expect(failures).toEqual(['present']);
    server.resume();
    await eventually(
      'the late command to be carried out',
      async () => (await store.find('acme', 'x'))?.state === 'consumed',
    );
    expect((await store.present(heldRequest())).outcome).toBe('pending');
  });

  test('rejects at once when it is gone', async () => {
    const gone = await startRedisServer();
    const store = await one({ url: `redis://${gone.host}:${gone.port}` });
    await gone.kill();
    await eventually('its end to be noticed', async () =>
      store.present(heldRequest()).then(
        () => false,
        () => true,
      ),
    );
    const began = performance.now();
    await expect(store.draw('acme', 'g', 0, 'attempt')).rejects.toMatchObject({ kind: 'unavailable' });
    expect(performance.now() - began).toBeLessThan(500);
    await gone.close();
  });

  test('that answers something else is not believed', async () => {
    const store = await one({ prefix: 'odd' });
    await approved(store, 'x');
    await admin.hset('{odd}:p:x', 'needs', '[]');
    await expect(store.present(heldRequest())).rejects.toMatchObject({ code: 'ERR_APPROVAL_STORE' });
    await admin.set('{odd}:b:other', 'y');
    await admin.set('{odd}:p:y', 'no hash');
    await expect(store.present(heldRequest({ binding: 'other' }))).rejects.toMatchObject({
      code: 'ERR_APPROVAL_STORE',
    });
  });
});
