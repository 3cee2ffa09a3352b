import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLogger, PortcullisError } from '@portcullis/runtime';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createLocalReviews } from './local-reviews.js';
import { openReviewJournal, type ReviewJournal } from './review-journal.js';
import type { ReviewStore } from './review-store.js';
import { newReview, REVIEW_CONTRACT_CAPS, reviewId } from './review-store-contract.js';
import { createSpooledReviews, type SpooledReviews } from './spooled-reviews.js';

const log = createLogger({ component: 'test', level: 'fatal' });
const CLOSING = { by: 'pdp', at: '2026-11-22T12:30:00.000Z', note: 'withdrawn' };
let folder: string;
let journals: ReviewJournal[];
let isAway: boolean;
/** Resolves when the shared store begins to answer again; it answers at once without. */
let hangs: Promise<void> | undefined;
let attempts: number;
let shared: ReviewStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spool-'));
  journals = [];
  isAway = false;
  hangs = undefined;
  attempts = 0;
  const nowhere = {
    kept: [],
    keep: async () => undefined,
    compact: async () => undefined,
    close: async () => undefined,
  };
  shared = createLocalReviews(nowhere, REVIEW_CONTRACT_CAPS, createFakeClock());
});
afterEach(async () => {
  for (const journal of journals) await journal.close();
  await rm(folder, { recursive: true, force: true });
});

/** The shared store, which may be away, or hang. */
function reached<A extends readonly unknown[], T>(operation: (...args: A) => Promise<T>): (...args: A) => Promise<T> {
  return async (...args) => {
    attempts += 1;
    if (isAway) throw new PortcullisError('ERR_REVIEW_STORE', 'unavailable', 'away');
    await hangs;
    return operation(...args);
  };
}

async function open(maxHeld = 10): Promise<SpooledReviews> {
  const journal = await openReviewJournal(join(folder, 'reviews'));
  journals.push(journal);
  const store = { ...shared, keep: reached(shared.keep), close: reached(shared.close), list: reached(shared.list) };
  return createSpooledReviews(store, journal, { maxHeld, keepTimeoutMs: 20, log });
}
const listed = async (): Promise<readonly string[]> => (await shared.list(true)).map(({ id }) => id);

describe('while the shared store is away', () => {
  test('what is kept waits on the disk, outlives the process, and is handed over once', async () => {
    isAway = true;
    const first = await open();
    expect(await first.keep(newReview(1))).toBe(true);
    expect(await first.keep(newReview(2))).toBe(true);
    await first.handOver();
    // Never stopped: a killed process says nothing.
    isAway = false;
    const second = await open();
    await second.handOver();
    expect(await listed()).toEqual([2, 1].map(reviewId));
    await second.handOver();
    await (await open()).handOver();
    expect(await listed()).toHaveLength(2);
  });

  test('what is withdrawn is not handed over', async () => {
    isAway = true;
    const spool = await open();
    const kept = spool.keep(newReview(1));
    expect(await spool.close(reviewId(1), CLOSING)).toBe('closed');
    expect(await kept).toBe(true);
    isAway = false;
    await spool.handOver();
    await (await open()).handOver();
    expect(await listed()).toEqual([]);
  });

  test('there is room for so many, and the others are not kept', async () => {
    isAway = true;
    const spool = await open(1);
    expect([await spool.keep(newReview(1)), await spool.keep(newReview(2))]).toEqual([true, false]);
    await expect(spool.list(true)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(spool.close(reviewId(2), CLOSING)).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

describe('while the shared store hangs', () => {
  let answers: () => void;
  beforeEach(() => {
    hangs = new Promise((resolve) => {
      answers = resolve;
    });
  });

  test('what is kept waits on the disk and is handed over, and is one review', async () => {
    const spool = await open();
    expect(await spool.keep(newReview(1))).toBe(true);
    answers();
    await spool.handOver();
    expect(await listed()).toEqual([reviewId(1)]);
  });

  test('what it took late waits no longer, on the disk either', async () => {
    const spool = await open(1);
    expect(await spool.keep(newReview(1))).toBe(true);
    answers();
    hangs = new Promise(() => undefined);
    expect(await spool.keep(newReview(2))).toBe(true);
    hangs = undefined;
    await spool.handOver();
    expect(await listed()).toEqual([2, 1].map(reviewId));
    const asked = attempts;
    await (await open()).handOver();
    expect(attempts).toBe(asked);
  });

  test('what is withdrawn is closed, whenever the store took it', async () => {
    const spool = await open();
    expect(await spool.keep(newReview(1))).toBe(true);
    hangs = undefined;
    const closing = spool.close(reviewId(1), CLOSING);
    // Whoever did not wait would be through with it by now.
    await new Promise((resolve) => setImmediate(resolve));
    answers();
    expect(await closing).toBe('closed');
    await spool.handOver();
    expect(await shared.list(false)).toEqual([]);
  });
});

test('what is withdrawn while reviews are handed over does not come after its withdrawal', async () => {
  isAway = true;
  const spool = await open();
  await spool.keep(newReview(1));
  isAway = false;
  let answers: () => void = () => undefined;
  hangs = new Promise((resolve) => {
    answers = resolve;
  });
  const closing = spool.close(reviewId(1), CLOSING);
  while (attempts < 2) await new Promise((resolve) => setImmediate(resolve));
  const handing = spool.handOver();
  answers();
  expect(await closing).toBe('closed');
  await handing;
  await (await open()).handOver();
  expect(await shared.list(false)).toEqual([]);
});

test('what is withdrawn and is still on the disk is taken from it later', async () => {
  isAway = true;
  const journal = await openReviewJournal(join(folder, 'reviews'));
  journals.push(journal);
  let isFull = true;
  const compact: ReviewJournal['compact'] = (reviews) => {
    return isFull ? Promise.reject(new Error('EIO')) : journal.compact(reviews);
  };
  const store = { ...shared, keep: reached(shared.keep), close: reached(shared.close) };
  const spool = createSpooledReviews(store, { ...journal, compact }, { maxHeld: 10, keepTimeoutMs: 20, log });
  await spool.keep(newReview(1));
  await expect(spool.close(reviewId(1), CLOSING)).rejects.toThrow('EIO');
  isFull = false;
  isAway = false;
  await spool.handOver();
  await (await open()).handOver();
  expect(await listed()).toEqual([]);
});

test('what does not fit into the shared store goes on waiting', async () => {
  isAway = true;
  const spool = await open();
  for (const number of [9, 10]) await spool.keep(newReview(number));
  isAway = false;
  for (let number = 0; number < REVIEW_CONTRACT_CAPS.maxOpen; number += 1) await spool.keep(newReview(number));
  expect(await spool.keep(newReview(8))).toBe(false);
  const asked = attempts;
  await spool.handOver();
  expect(attempts - asked).toBe(1);
  expect(await listed()).not.toContain(reviewId(9));
  await shared.done('record', reviewId(0));
  await shared.close(reviewId(0), CLOSING);
  await spool.handOver();
  expect(await listed()).toContain(reviewId(9));
});
