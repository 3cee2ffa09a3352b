/** Baselines in a real Redis: the contract that memory keeps, three clients at once, and what happens without an answer. */

import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type BaselineStore, createRedisBaselineStore, type RedisBaselineOptions } from '@portcullis/pdp';
import { baselineStoreContract } from '@portcullis/pdp/baseline-contract';
import { createLogger } from '@portcullis/runtime';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';

// The first run may have to obtain the server.
jest.setTimeout(60_000);

const ANALYST = { tenant: 'acme', agent: 'analyst' };
const ONCE = [{ counter: 'attempts', by: 1, halfLifeMs: 3_600_000 }];
const log = createLogger({ component: 'test', level: 'silent' });
let server: RedisServer;
let admin: Redis;
let stores: BaselineStore[] = [];
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
});
afterAll(async () => {
  admin?.disconnect();
  await server?.close();
});

/** Connected clients of empty baselines. */
async function open(count: number, changes: Partial<RedisBaselineOptions> = {}): Promise<readonly BaselineStore[]> {
  prefixes += 1;
  const clients = Array.from({ length: count }, () =>
    createRedisBaselineStore({
      url: `redis://${server.host}:${server.port}`,
      prefix: `test:${prefixes}`,
      timeoutMs: 2_000,
      forgetMs: 60_000,
      log,
      ...changes,
    }),
  );
  stores.push(...clients);
  for (const client of clients) {
    await eventually('the store to be connected', () =>
      client.read(ANALYST).then(
        () => true,
        () => false,
      ),
    );
  }
  return clients;
}

async function openOne(changes: Partial<RedisBaselineOptions> = {}): Promise<BaselineStore> {
  const [store] = await open(1, changes);
  if (store === undefined) throw new Error('no client');
  return store;
}

describe('baselines in Redis keep the contract, asked by three clients:', () => {
  test.each(baselineStoreContract)('$name', async ({ check }) => {
    await expect(check({ clients: await open(3) })).resolves.toBeUndefined();
  });
});

describe('a Redis', () => {
  test('forgets an agent that is not heard of, and only then', async () => {
    const store = await openOne({ forgetMs: 60_000 });
    await store.observe(ANALYST, ONCE, 0);
    const [key = ''] = await admin.keys(`test:${prefixes}:*`);
    expect(await admin.pttl(key)).toBeGreaterThan(50_000);
    await admin.pexpire(key, 1);
    await eventually('the agent to be forgotten', async () => (await store.read(ANALYST)) === undefined);
  });

  test('that lost its scripts gets them again', async () => {
    const store = await openOne();
    await admin.script('FLUSH');
    await store.observe(ANALYST, ONCE, 0);
    expect((await store.read(ANALYST))?.counters.get('attempts')?.value).toBe(1);
  });

  test.each([
    ['a value that is no number', 'attempts', 'many|0'],
    ['a value without its time', 'attempts', '1'],
    ['no beginning', '@since', 'never'],
  ])('with %s in a baseline is not believed', async (_what, field, value) => {
    const store = await openOne();
    await store.observe(ANALYST, ONCE, 0);
    const [key = ''] = await admin.keys(`test:${prefixes}:*`);
    await admin.hset(key, field, value);
    await expect(store.read(ANALYST)).rejects.toMatchObject({ code: 'ERR_RISK_BASELINE' });
  });

  test('that freezes is given up in time, and used again', async () => {
    const store = await openOne({ timeoutMs: 50 });
    await store.observe(ANALYST, ONCE, 0);
    server.pause();
    await expect(store.read(ANALYST)).rejects.toThrow(/./);
    await expect(store.observe(ANALYST, ONCE, 0)).rejects.toThrow(/./);
    server.resume();
    await eventually('the store to answer', () =>
      store.read(ANALYST).then(
        (kept) => kept !== undefined,
        () => false,
      ),
    );
  });
});
