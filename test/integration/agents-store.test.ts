/**
 * The standing of agents in a real Redis: the contract that memory keeps, asked by several clients, and what is believed
 * of a Redis that forgot, froze, is gone, or holds something else.
 */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type AgentStore, createRedisAgentStore, type RedisAgentsOptions } from '@portcullis/pdp';
import { agentStoreContract } from '@portcullis/pdp/agents-contract';
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
let stores: AgentStore[] = [];
let prefixes = 0;

beforeAll(async () => {
  server = await startRedisServer();
  admin = new Redis({ host: server.host, port: server.port });
  admin.on('error', () => undefined);
});
afterEach(() => {
  server.resume();
  for (const store of stores) store.close();
  stores = [];
});
afterAll(async () => {
  admin?.disconnect();
  await server?.close();
});

interface Opened {
  readonly clients: readonly AgentStore[];
  readonly prefix: string;
}

/** Clients of an empty store whose epoch is 1. */
async function open(count: number, changes: Partial<RedisAgentsOptions> = {}): Promise<Opened> {
  prefixes += 1;
  const prefix = `test:${prefixes}`;
  await admin.set(`${prefix}:epoch`, '1');
  const clients = Array.from({ length: count }, () =>
    createRedisAgentStore({
      url: `redis://${server.host}:${server.port}`,
      prefix,
      timeoutMs: PATIENCE_MS,
      pollMs: 20,
      cacheMs: 60_000,
      maxCached: 100,
      monotonic: () => performance.now(),
      log,
      ...changes,
    }),
  );
  stores.push(...clients);
  for (const client of clients) await eventually('the store to be connected', () => client.current() === 1);
  return { clients, prefix };
}

async function openOne(changes: Partial<RedisAgentsOptions> = {}): Promise<{ store: AgentStore; prefix: string }> {
  const { clients, prefix } = await open(1, changes);
  const [store] = clients;
  if (store === undefined) throw new Error('no client');
  return { store, prefix };
}

const known = async (store: AgentStore, agent = 'a'): Promise<unknown> => {
  try {
    return (await store.find('acme', agent)) ?? 'nothing';
  } catch {
    return 'unknown';
  }
};

describe('agents in Redis keep the contract, asked by three clients:', () => {
  test.each(agentStoreContract)('$name', async ({ check }) => {
    const { clients } = await open(3);
    await expect(
      check({ clients, until: async (what, holds) => void (await eventually(what, holds)) }),
    ).resolves.toBeUndefined();
  });
});

describe('what an operator writes by hand', () => {
  test('holds from its epoch on, for everybody', async () => {
    const { clients, prefix } = await open(2);
    for (const client of clients) expect(await known(client)).toBe('nothing');
    await admin.multi().set(`${prefix}:acme:a`, '{"trust_level":0.1}').incr(`${prefix}:epoch`).exec();
    for (const client of clients) {
      await eventually('the epoch to arrive', () => client.current() === 2);
      expect(await known(client)).toEqual({ trust_level: 0.1 });
    }
  });

  test.each([
    ['no JSON', 'trusted'],
    ['nothing', ''],
    ['another key', '{"trust":1}'],
    ['trust beyond its range', '{"trust_level":2}'],
    ['a key twice', '{"trust_level":0,"trust_level":1}'],
    ['more than there is room for', JSON.stringify({ attributes: { a: 'x'.repeat(20_000) } })],
  ])('is not believed when it is %s', async (_name, text) => {
    const { store, prefix } = await openOne();
    await admin.set(`${prefix}:acme:a`, text);
    expect(await known(store)).toBe('unknown');
    expect(await known(store, 'b')).toBe('nothing');
  });

  test('is not believed when it is of another type', async () => {
    const { store, prefix } = await openOne();
    await admin.hset(`${prefix}:acme:a`, 'trust_level', '1');
    expect(await known(store)).toBe('unknown');
  });
});

describe('a Redis that lost its past', () => {
  test('says nothing of anybody until it has an epoch at least as high as before', async () => {
    const { store, prefix } = await openOne({ cacheMs: 0 });
    await store.put('acme', 'a', { trust_level: 0 });
    expect(await known(store)).toEqual({ trust_level: 0 });
    await admin.flushall();
    expect(await known(store)).toBe('unknown');
    await admin.set(`${prefix}:epoch`, '1');
    expect(await known(store)).toBe('unknown');
    await admin.set(`${prefix}:acme:a`, '{"trust_level":0}');
    await admin.set(`${prefix}:epoch`, '9');
    expect(await known(store)).toEqual({ trust_level: 0 });
    expect(store.current()).toBe(9);
  });

  test('is noticed without a question, and what was remembered is forgotten', async () => {
    const { store } = await openOne();
    await store.put('acme', 'a', { trust_level: 0 });
    expect(await known(store)).toEqual({ trust_level: 0 });
    await admin.flushall();
    await eventually('it to be noticed', async () => (await known(store)) === 'unknown');
  });

  test.each(['0', '-1', 'x', '4294967296', '1.5'])('as one with the epoch %s', async (epoch) => {
    const { store, prefix } = await openOne({ cacheMs: 0 });
    await admin.set(`${prefix}:epoch`, epoch);
    expect(await known(store)).toBe('unknown');
  });
});

describe('a Redis that does not answer', () => {
  test('says nothing of anybody, within the time given, and is used again', async () => {
    const { store } = await openOne({ timeoutMs: 100, cacheMs: 0 });
    await eventually('a first answer', async () => (await known(store)) === 'nothing');
    server.pause();
    const began = performance.now();
    expect(await known(store)).toBe('unknown');
    expect(performance.now() - began).toBeLessThan(2_000);
    server.resume();
    await eventually('to be used again', async () => (await known(store)) === 'nothing');
  });

  test('is remembered for no longer than the time to live', async () => {
    let now = 0;
    const { store } = await openOne({ timeoutMs: 100, cacheMs: 1_000, monotonic: () => now });
    expect(await known(store)).toBe('nothing');
    server.pause();
    now = 999;
    expect(await known(store)).toBe('nothing');
    now = 1_000;
    expect(await known(store)).toBe('unknown');
  });
});
