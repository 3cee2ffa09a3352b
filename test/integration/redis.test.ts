/**
 * What all stores ask of Redis: one that is gone, or frozen, is known as such within milliseconds, nothing waits in a queue
 * for it, and it is used again once it is back; one that is slow is waited for as long as the configuration says.
 */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { connectRedis } from '@portcullis/pdp';
import { createLogger } from '@portcullis/runtime';
import type { Redis } from 'ioredis';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';

const TIMEOUT_MS = 50;
/** Several times the command timeout, for machines that are busy; the defaults are three orders of magnitude away. */
const FAST_MS = 500;

// The first run may have to obtain the server.
jest.setTimeout(60_000);

let server: RedisServer;
let redis: Redis;
const figures: string[] = [];

beforeAll(async () => {
  server = await startRedisServer();
  redis = connect(TIMEOUT_MS);
  await eventually('Redis to answer', async () => (await redis.ping()) === 'PONG');
});
afterEach(() => server?.resume());
afterAll(async () => {
  redis?.disconnect();
  await server?.close();
  process.stdout.write(`${figures.join('\n')}\n`);
});

function connect(timeoutMs: number): Redis {
  const log = createLogger({ component: 'test', level: 'silent' });
  return connectRedis({ url: `redis://${server.host}:${server.port}`, timeoutMs, log }, 'Store');
}

/** How long a command takes to fail. */
async function timeToFail(what: string): Promise<number> {
  const began = performance.now();
  await expect(redis.incr('counter')).rejects.toThrow();
  const took = performance.now() - began;
  figures.push(`Redis ${what}: a command fails after ${took.toFixed(1)} ms`);
  return took;
}

describe('a real Redis', () => {
  test('is there and counts', async () => {
    expect([await redis.incr('counter'), await redis.incr('counter')]).toEqual([1, 2]);
    expect(await redis.info('server')).toMatch(/redis_version:\d/);
  });

  test('that is frozen fails a command by its timeout, and goes on afterwards', async () => {
    server.pause();
    const took = await timeToFail('frozen');
    expect(took).toBeGreaterThanOrEqual(TIMEOUT_MS - 1);
    expect(took).toBeLessThan(FAST_MS);
    server.resume();
    await eventually('Redis to answer again', async () => (await redis.ping()) === 'PONG');
    // The command was given up here and executed there: why every debit has to be repeatable.
    expect(Number(await redis.get('counter'))).toBeGreaterThanOrEqual(2);
  });

  test('that is slow is waited for as long as was said, also beyond a second', async () => {
    const patient = connect(5_000);
    try {
      await eventually('Redis to answer', async () => (await patient.ping()) === 'PONG');
      const began = performance.now();
      await patient.client('PAUSE', 1_500, 'ALL');
      expect(await patient.incr('slow')).toBe(1);
      expect(performance.now() - began).toBeGreaterThan(1_400);
    } finally {
      patient.disconnect();
    }
  });

  test('that is gone fails every command at once, and none of them is kept for later', async () => {
    await server.kill();
    await eventually('the client to have noticed', () => redis.status !== 'ready');
    for (let command = 0; command < 3; command += 1) expect(await timeToFail('gone')).toBeLessThan(FAST_MS);
  });
});
