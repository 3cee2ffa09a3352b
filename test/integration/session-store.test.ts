/**
 * Sessions in a real Redis: the contract that memory keeps, three clients at once, and what is believed of a Redis that
 * forgot, froze or is gone.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createRedisSessionStore, type RedisSessionOptions, type SessionStore, storedKey } from '@portcullis/pdp';
import { CONTRACT_LIMITS, sessionStoreContract } from '@portcullis/pdp/session-contract';
import { createLogger } from '@portcullis/runtime';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';

// The first run may have to obtain the server.
jest.setTimeout(60_000);

const log = createLogger({ component: 'test', level: 'silent' });
/** Patient: a busy machine is no broken store. */
const PATIENCE_MS = 2_000;
const KEY = storedKey({ tenant: 'acme', agent: 'analyst', session: 's-1' });
const OTHER = storedKey({ tenant: 'acme', agent: 'analyst', session: 's-2' });
let server: RedisServer;
let admin: Redis;
let stores: SessionStore[] = [];
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

interface Opened {
  readonly clients: readonly SessionStore[];
  readonly since: string;
  /** What the last client was told. */
  epoch(): number;
}

/** Clients of no sessions. `vouched`: somebody said that this Redis never forgot anything. */
async function open(
  count: number,
  { vouched = true, ...changes }: Partial<RedisSessionOptions> & { readonly vouched?: boolean } = {},
): Promise<Opened> {
  prefixes += 1;
  const prefix = `test:${prefixes}`;
  const since = `{${prefix}}:since`;
  if (vouched) await admin.set(since, '0');
  let told = 0;
  const clients = Array.from({ length: count }, (_, index) =>
    createRedisSessionStore({
      ...CONTRACT_LIMITS,
      url: `redis://${server.host}:${server.port}`,
      prefix,
      timeoutMs: PATIENCE_MS,
      epochPollMs: 50,
      observer: { sessionStoreFailed: (operation) => failures.push(operation) },
      onLabelEpoch: (epoch) => {
        if (index === count - 1) told = epoch;
      },
      log,
      ...changes,
    }),
  );
  stores.push(...clients);
  for (const client of clients) {
    await eventually('the store to be connected', async () => (await said(client, 'probe')) !== 'store');
  }
  failures = [];
  return { clients, since, epoch: () => told };
}

async function said(store: SessionStore, key: typeof KEY | 'probe'): Promise<string> {
  const reading = await store.read(key === 'probe' ? storedKey({ tenant: 'probe', agent: '', session: '' }) : key);
  return reading.outcome === 'unknown' ? reading.cause : reading.outcome;
}
const write = (store: SessionStore, previous: string | undefined, version: string, labelsChanged = false) =>
  store.replace(KEY, { previous, version, text: `text ${version}`, labelsChanged });

function only({ clients: [client] }: Opened): SessionStore {
  if (client === undefined) throw new Error('no client');
  return client;
}

describe('sessions in Redis keep the contract, asked by three clients:', () => {
  // Time is the server's own, so it has to pass.
  test.each(sessionStoreContract)('$name', async ({ check }) => {
    const { clients, epoch } = await open(3);
    await expect(check({ clients, pass: (ms) => delay(ms), epoch })).resolves.toBeUndefined();
  });
});

describe('a Redis that forgot', () => {
  const patient = { warmUpMs: 800, idleMs: 60_000, rememberMs: 120_000 };

  test('takes no session for a new one: none while it is not believed, and none that was asked for ever after', async () => {
    const store = only(await open(1, patient));
    expect(await write(store, undefined, 'v1')).toEqual({ outcome: 'kept' });
    await admin.flushall();
    expect(await said(store, KEY)).toBe('warm_up');
    expect(await write(store, undefined, 'v2')).toEqual({ outcome: 'unknown', cause: 'forgotten' });
    let born = 0;
    await eventually('others to be believed', async () => {
      born += 1;
      return (await said(store, storedKey({ tenant: 'acme', agent: 'analyst', session: `born ${born}` }))) === 'new';
    });
    expect(await said(store, KEY)).toBe('forgotten');
  });

  test('does not let what was read before be continued', async () => {
    const { clients, since } = await open(1, patient);
    const store = only({ clients, since, epoch: () => 0 });
    await write(store, undefined, 'v1');
    await admin.flushall();
    await admin.set(since, '0');
    expect(await write(store, 'v1', 'v2')).toEqual({ outcome: 'unknown', cause: 'forgotten' });
    expect(await said(store, KEY)).toBe('forgotten');
  });

  test('only the texts, as one that evicts does, has known its sessions all the same', async () => {
    const store = only(await open(1, patient));
    await write(store, undefined, 'v1');
    await admin.del(...(await admin.keys('*:s:*')));
    expect(await said(store, KEY)).toBe('forgotten');
  });

  test('goes on with higher label epochs than before', async () => {
    const opened = await open(2, { ...patient, warmUpMs: 0 });
    const store = only(opened);
    await write(store, undefined, 'v1', true);
    await eventually('the other client to be told', () => opened.epoch() > 0);
    const before = opened.epoch();
    await admin.flushall();
    await delay(1_100);
    await store.replace(OTHER, { previous: undefined, version: 'w', text: 't', labelsChanged: true });
    await eventually('the other client to be told again', () => opened.epoch() !== before);
    expect(opened.epoch()).toBeGreaterThan(before);
  });

  test('loses its scripts, too, and gets them again', async () => {
    const store = only(await open(1));
    await admin.script('FLUSH');
    expect(await said(store, KEY)).toBe('new');
    expect(failures).toEqual([]);
  });
});

describe('a Redis that does not answer', () => {
  test('is unknown within the time given, and is used again', async () => {
    const store = only(await open(1, { timeoutMs: 100 }));
    await write(store, undefined, 'v1');
    server.pause();
    const began = performance.now();
    expect(await said(store, KEY)).toBe('store');
    expect(await write(store, 'v1', 'v2')).toEqual({ outcome: 'unknown', cause: 'store' });
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(failures).toContain('replace');
    server.resume();
    await eventually('to be used again', async () => (await said(store, KEY)) === 'kept');
  });

  test('is unknown at once when it is gone, and is not waited for', async () => {
    const gone = await startRedisServer();
    const store = only(await open(1, { vouched: false, url: `redis://${gone.host}:${gone.port}` }));
    await gone.kill();
    await eventually('its end to be noticed', async () => (await said(store, KEY)) === 'store');
    const began = performance.now();
    expect(await said(store, KEY)).toBe('store');
    expect(performance.now() - began).toBeLessThan(500);
    await store.forget(KEY);
    await gone.close();
  });

  test('that answers something else is not believed', async () => {
    const { clients, since } = await open(1);
    await admin.del(since);
    await admin.hset(since, 'not', 'a number');
    expect(await said(only({ clients, since, epoch: () => 0 }), KEY)).toBe('store');
  });
});
