/**
 * Reviews in a real Redis: the contract that one PDP's own store keeps, three clients at once; and decision points that share it,
 * one of which dies, or has no Redis for a while.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  createRedisReviews,
  createReviews,
  createSpooledReviews,
  openReviewJournal,
  RECORD_STEP,
  type ReviewCaps,
  type ReviewParts,
  type ReviewStore,
  type Reviews,
} from '@portcullis/pdp';
import { newReview, REVIEW_CONTRACT_CAPS, reviewId, reviewStoreContract } from '@portcullis/pdp/review-contract';
import { createLogger, systemClock } from '@portcullis/runtime';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';

// The first run may have to obtain the server.
jest.setTimeout(60_000);

const log = createLogger({ component: 'test', level: 'silent' });
const WIDE: ReviewCaps = { maxOpen: 1_000, maxClosed: 10, webhooks: ['slack'] };
let server: RedisServer;
let opened: { stop(): Promise<void> }[] = [];
let prefixes = 0;

beforeAll(async () => {
  server = await startRedisServer();
});
afterEach(async () => {
  server.resume();
  for (const one of opened) await one.stop();
  opened = [];
});
afterAll(async () => {
  await server?.close();
});

/** Connected clients of one empty store. */
async function clients(count: number, caps: ReviewCaps): Promise<readonly ReviewStore[]> {
  prefixes += 1;
  const reach = { url: `redis://${server.host}:${server.port}`, prefix: `test:${prefixes}`, timeoutMs: 2_000, log };
  const stores = Array.from({ length: count }, () => createRedisReviews(reach, caps));
  opened.push(...stores);
  for (const store of stores) {
    await eventually('the store to be connected', async () => (await store.list(true)).length === 0);
  }
  return stores;
}

describe('reviews in Redis keep the contract, asked by three clients:', () => {
  // Time is the server's own, so it has to pass.
  test.each(reviewStoreContract)('$name', async ({ check }) => {
    const subject = { clients: await clients(3, REVIEW_CONTRACT_CAPS), pass: (ms: number) => delay(ms) };
    await expect(check(subject)).resolves.toBeUndefined();
  });
});

describe('decision points that share a Redis', () => {
  const recorded: string[] = [];
  const told: string[] = [];
  afterEach(() => {
    recorded.length = 0;
    told.length = 0;
  });

  function pdp(name: string, store: ReviewStore, handOver = (): Promise<void> => Promise.resolve()): Reviews {
    const deliver = async ({ id }: { readonly id: string }): Promise<'delivered'> => {
      told.push(id);
      return 'delivered';
    };
    const parts: ReviewParts = {
      store,
      handOver,
      record: async ({ event, decision_id: id }) => void (event === 'opened' && recorded.push(`${name} ${id}`)),
      webhooks: () => [{ name: 'slack', deliver }],
      pause: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
      observer: { review: () => undefined },
      clock: systemClock,
      log,
    };
    const reviews = createReviews(parts);
    opened.push(reviews);
    return reviews;
  }
  const asked = (number: number): Parameters<Reviews['accept']>[0] => {
    const { opened_at: _at, ...rest } = newReview(number);
    return rest;
  };
  const isDone = async (store: ReviewStore, count: number): Promise<boolean> => {
    const found = await store.list(true);
    return found.length === count && found.every(({ recorded: isRecorded, told: by }) => isRecorded && by.length === 1);
  };

  test('list and close each other’s, and each is recorded and told of once', async () => {
    const [one, two] = await clients(2, WIDE);
    if (one === undefined || two === undefined) throw new Error('no client');
    const [a, b] = [pdp('a', one), pdp('b', two)];
    const numbers = Array.from({ length: 60 }, (_, number) => number);
    expect(await Promise.all(numbers.map((number) => (number % 2 === 0 ? a : b).accept(asked(number))))).not.toContain(
      false,
    );
    expect(await b.list(false)).toHaveLength(60);
    expect((await b.close(reviewId(0), 'ops', 'fine')).closed?.by).toBe('ops');
    await expect(a.close(reviewId(0), 'ops', 'again')).rejects.toMatchObject({ code: 'ERR_REVIEW_CLOSED' });
    await eventually('all to be recorded and told of', () => isDone(one, 60));
    expect(recorded.map((line) => line.slice(2)).toSorted()).toEqual(numbers.map(reviewId));
    expect(told.toSorted()).toEqual(numbers.map(reviewId));
  });

  test('do what one that died had begun', async () => {
    const [dead, living] = await clients(2, WIDE);
    if (dead === undefined || living === undefined) throw new Error('no client');
    for (const number of [1, 2, 3]) await dead.keep(newReview(number));
    await dead.claim(RECORD_STEP, 300);
    const b = pdp('b', living);
    await eventually('another to have done it', async () => {
      await b.look();
      return isDone(living, 3);
    });
    expect(recorded.toSorted()).toEqual([1, 2, 3].map((number) => `b ${reviewId(number)}`));
  });

  test('lose none while Redis answers nobody', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'reviews-'));
    try {
      const [shared, other] = await clients(2, WIDE);
      if (shared === undefined || other === undefined) throw new Error('no client');
      const store = createSpooledReviews(shared, await openReviewJournal(join(folder, 'reviews')), {
        maxHeld: 10,
        keepTimeoutMs: 20,
        log,
      });
      const a = pdp('a', store, store.handOver);
      server.pause();
      const startedAt = systemClock.monotonic();
      expect(await a.accept(asked(1))).toBe(true);
      // Far below the time that the store itself is given.
      expect(systemClock.monotonic() - startedAt).toBeLessThan(1_000);
      server.resume();
      await eventually('the review to be with all', async () => {
        await a.look();
        return isDone(other, 1);
      });
      expect(recorded).toHaveLength(1);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
