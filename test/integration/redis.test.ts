/**
 * What quotas will ask of Redis, before there are quotas: with these options a Redis that is gone, or frozen, is known as
 * such within milliseconds, nothing waits in a queue for it, and it is used again once it is back.
 */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Redis, type RedisOptions } from 'ioredis';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';

/** Each against a default that hangs, repeats or queues; the client's own took over a minute to fail. */
const OPTIONS = {
  // Replies keep the shapes that scripts are written for.
  protocol: 2,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  // A command whose reply was lost may have been executed: whether to repeat it is the caller's affair.
  autoResendUnfulfilledCommands: false,
  commandTimeout: 50,
  connectTimeout: 500,
  socketTimeout: 1_000,
  retryStrategy: (attempt) => Math.min(50 * attempt, 1_000),
} as const satisfies RedisOptions;
/** Several times the command timeout, for machines that are busy; the defaults are three orders of magnitude away. */
const FAST_MS = 500;

// The first run may have to obtain the server.
jest.setTimeout(60_000);

let server: RedisServer;
let redis: Redis;
const figures: string[] = [];

beforeAll(async () => {
  server = await startRedisServer();
  redis = new Redis({ ...OPTIONS, host: server.host, port: server.port });
  // Without a listener the client writes to the console.
  redis.on('error', () => undefined);
  await eventually('Redis to answer', async () => (await redis.ping()) === 'PONG');
});
afterEach(() => server?.resume());
afterAll(async () => {
  redis?.disconnect();
  await server?.close();
  process.stdout.write(`${figures.join('\n')}\n`);
});

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
    expect(took).toBeGreaterThanOrEqual(OPTIONS.commandTimeout - 1);
    expect(took).toBeLessThan(FAST_MS);
    server.resume();
    await eventually('Redis to answer again', async () => (await redis.ping()) === 'PONG');
    // The command was given up here and executed there: why every debit has to be repeatable.
    expect(Number(await redis.get('counter'))).toBeGreaterThanOrEqual(2);
  });

  test('that is gone fails every command at once, and none of them is kept for later', async () => {
    await server.kill();
    await eventually('the client to have noticed', () => redis.status !== 'ready');
    for (let command = 0; command < 3; command += 1) expect(await timeToFail('gone')).toBeLessThan(FAST_MS);
  });
});
