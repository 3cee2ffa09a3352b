/** A Redis that takes its time, and less than a store is told to give it (`timeoutMs`, up to ten seconds). */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import {
  createRedisAgentStore,
  createRedisBaselineStore,
  createRedisQuotaStore,
  createRedisSessionStore,
  storedKey,
} from '@portcullis/pdp';
import { createLogger } from '@portcullis/runtime';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';

// The first run may have to obtain the server.
jest.setTimeout(60_000);

const TIMEOUT_MS = 8_000;
/** Longer than a socket without data is believed when nobody says otherwise. */
const PAUSE_MS = 1_500;
const ANALYST = { tenant: 'acme', agent: 'analyst' };
let server: RedisServer;
let admin: Redis;
let close: () => unknown = () => undefined;

beforeAll(async () => {
  server = await startRedisServer();
  admin = new Redis({ host: server.host, port: server.port });
  admin.on('error', () => undefined);
  await admin.mset({ 'agents:epoch': '1', '{quota}:since': '0', '{session}:since': '0' });
});
afterEach(async () => {
  server.resume();
  await close();
});
afterAll(async () => {
  admin?.disconnect();
  await server?.close();
});

/** What asks each store something; rejects, or is false, when that failed. */
const asking: Readonly<Record<string, () => () => Promise<unknown>>> = {
  'the standings of agents': () => {
    const often = { pollMs: 60_000, cacheMs: 0, maxCached: 1, monotonic: () => performance.now() };
    const store = createRedisAgentStore({ ...reach('agents'), ...often });
    close = store.close;
    return async () => (await store.find('acme', 'analyst')) === undefined;
  },
  baselines: () => {
    const store = createRedisBaselineStore({ ...reach('baselines'), forgetMs: 60_000 });
    close = store.close;
    return async () => (await store.read(ANALYST)) === undefined;
  },
  quotas: () => {
    const believed = { leaseMs: 1_000, warmUpMs: 0, observer: { quotaStoreFailed: () => undefined } };
    const store = createRedisQuotaStore({ ...reach('quota'), ...believed });
    close = store.close;
    return async () => (await store.reserve({ key: 'k', holder: 'h', guards: [] })).outcome === 'granted';
  },
  sessions: () => {
    const limits = { warmUpMs: 0, rememberMs: 1_000, maxRemembered: 9, idleMs: 60_000, maxSessions: 9 };
    const told = { onLabelEpoch: () => undefined, observer: { sessionStoreFailed: () => undefined } };
    const store = createRedisSessionStore({ ...reach('session'), ...limits, ...told, epochPollMs: 60_000 });
    close = store.close;
    return async () => (await store.read(storedKey({ ...ANALYST, session: 's' }))).outcome === 'new';
  },
};

function reach(prefix: string) {
  const log = createLogger({ component: 'test', level: 'silent' });
  return { url: `redis://${server.host}:${server.port}`, prefix, timeoutMs: TIMEOUT_MS, log };
}

test.each(Object.keys(asking))('is waited for where %s are', async (name) => {
  const ask = asking[name]?.() ?? (() => Promise.reject(new Error(name)));
  await eventually('the store to be connected', async () => (await ask()) === true);
  server.pause();
  const [answered] = await Promise.all([ask(), delay(PAUSE_MS).then(() => server.resume())]);
  expect(answered).toBe(true);
});
