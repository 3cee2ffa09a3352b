/**
 * The accounts of quotas in a real Redis: the contract that memory keeps, three clients at once, and what is believed of a
 * Redis that forgot, froze or is gone.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createRedisQuotaStore, type QuotaStore, type RedisStoreOptions, type Reservation } from '@portcullis/pdp';
import { CONTRACT_LEASE_MS, guardOf, quotaStoreContract } from '@portcullis/pdp/quota-contract';
import { createLogger } from '@portcullis/runtime';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';

// The first run may have to obtain the server.
jest.setTimeout(60_000);

const log = createLogger({ component: 'test', level: 'silent' });
/** Patient: a busy machine is no broken store. */
const PATIENCE_MS = 2_000;
let server: RedisServer;
let admin: Redis;
let stores: QuotaStore[] = [];
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

/** Clients of empty accounts. `vouched`: somebody said that this Redis never forgot anything. */
async function open(
  count: number,
  { vouched = true, ...changes }: Partial<RedisStoreOptions> & { readonly vouched?: boolean } = {},
): Promise<{ readonly clients: readonly QuotaStore[]; readonly since: string }> {
  prefixes += 1;
  const prefix = `test:${prefixes}`;
  const since = `{${prefix}}:since`;
  if (vouched) await admin.set(since, '0');
  const clients = Array.from({ length: count }, () =>
    createRedisQuotaStore({
      url: `redis://${server.host}:${server.port}`,
      prefix,
      leaseMs: CONTRACT_LEASE_MS,
      timeoutMs: PATIENCE_MS,
      warmUpMs: undefined,
      observer: { quotaStoreFailed: (operation) => failures.push(operation) },
      log,
      ...changes,
    }),
  );
  stores.push(...clients);
  for (const client of clients) {
    await eventually('the store to be connected', async () => {
      const { outcome } = await client.reserve({
        key: 'probe',
        holder: 'p',
        guards: [guardOf('probe', { limit: 99 })],
      });
      return outcome === 'granted' || !vouched;
    });
  }
  failures = [];
  return { clients, since };
}

const ask = (store: QuotaStore, key: string, limit = 3, windowSeconds = 1): Promise<Reservation> =>
  store.reserve({ key, holder: `d-${key}`, guards: [guardOf('rate', { limit, window_seconds: windowSeconds })] });
const cause = (reservation: Reservation): string =>
  reservation.outcome === 'unknown' ? reservation.cause : reservation.outcome;

function only({ clients: [client] }: { readonly clients: readonly QuotaStore[] }): QuotaStore {
  if (client === undefined) throw new Error('no client');
  return client;
}

describe('accounts in Redis keep the contract, asked by three clients:', () => {
  // Time is the server's own, so it has to pass.
  test.each(quotaStoreContract)('$name', async ({ check }) => {
    const { clients } = await open(3);
    await expect(check({ clients, pass: (ms) => delay(ms) })).resolves.toBeUndefined();
  });
});

describe('a Redis that forgot', () => {
  test('is not believed until the window is over: never more than the limit', async () => {
    const store = only(await open(1));
    for (const key of ['a', 'b', 'c']) expect((await ask(store, key)).outcome).toBe('granted');
    await admin.flushall();
    expect(cause(await ask(store, 'd'))).toBe('warm_up');
    await delay(500);
    expect(cause(await ask(store, 'd'))).toBe('warm_up');
    await eventually('the window to be over', async () => (await ask(store, 'd')).outcome === 'granted');
    const rest = [];
    for (const key of ['e', 'f', 'g']) rest.push((await ask(store, key)).outcome);
    expect(rest).toEqual(['granted', 'granted', 'exceeded']);
  });

  test('a quota of another length waits for its own window, and of calls for the leases', async () => {
    const store = only(await open(1));
    await admin.flushall();
    const { window_seconds: _none, ...calls } = guardOf('calls', { kind: 'concurrent' });
    expect(cause(await store.reserve({ key: 'c', holder: 'd', guards: [calls] }))).toBe('warm_up');
    await delay(CONTRACT_LEASE_MS + 20);
    expect(cause(await store.reserve({ key: 'c', holder: 'd', guards: [calls] }))).toBe('granted');
    expect(cause(await ask(store, 'a', 3, 60))).toBe('warm_up');
  });

  test('is believed at once when it is new and somebody says so, or after the configured time', async () => {
    const { clients, since } = await open(1, { vouched: false });
    const store = only({ clients });
    await eventually('to be asked', async () => cause(await ask(store, 'a', 3, 60)) === 'warm_up');
    await admin.set(since, '0');
    expect(cause(await ask(store, 'a', 3, 60))).toBe('granted');
    const hasty = only(await open(1, { vouched: false, warmUpMs: 100 }));
    await eventually('the warm-up to be over', async () => cause(await ask(hasty, 'a', 3, 60)) === 'granted');
  });

  test('loses its scripts, too, and gets them again', async () => {
    const store = only(await open(1));
    await admin.script('FLUSH');
    expect(cause(await ask(store, 'a'))).toBe('granted');
    expect(failures).toEqual([]);
  });
});

describe('a Redis that does not answer', () => {
  test('is unknown within the time given, counts nothing that was given up, and is used again', async () => {
    const store = only(await open(1, { timeoutMs: 100 }));
    await eventually('a first answer', async () => cause(await ask(store, 'first', 3, 60)) === 'granted');
    failures = [];
    server.pause();
    const began = performance.now();
    for (const key of ['a', 'b', 'c']) expect(cause(await ask(store, key, 3, 60))).toBe('store');
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(failures).toContain('reserve');
    server.resume();
    await eventually('to be used again, with room for the two that are left', async () => {
      return cause(await ask(store, 'a', 3, 60)) === 'granted';
    });
    await eventually(
      'what was given up to be taken back',
      async () => cause(await ask(store, 'b', 3, 60)) === 'granted',
    );
    expect(cause(await ask(store, 'c', 3, 60))).toBe('exceeded');
  });

  test('is unknown at once when it is gone, and is not waited for', async () => {
    const gone = await startRedisServer();
    const { clients } = await open(1, { vouched: false, url: `redis://${gone.host}:${gone.port}` });
    const store = only({ clients });
    await eventually('an answer', async () => cause(await ask(store, 'a')) === 'warm_up');
    await gone.kill();
    await eventually('its end to be noticed', async () => cause(await ask(store, 'a')) === 'store');
    const began = performance.now();
    expect(cause(await ask(store, 'b'))).toBe('store');
    expect(performance.now() - began).toBeLessThan(500);
    await store.settle([{ holder: 'a', unused: true, actual: {} }]);
    await gone.close();
  });

  test('that answers something else is not believed', async () => {
    const { clients, since } = await open(1);
    await admin.del(since);
    await admin.hset(since, 'not', 'a number');
    expect(cause(await ask(only({ clients }), 'a'))).toBe('store');
  });
});
