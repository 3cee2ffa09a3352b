import { describe, expect, test } from '@jest/globals';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createLocalReviews } from './local-reviews.js';
import { newReview, REVIEW_CONTRACT_CAPS, reviewId, reviewStoreContract } from './review-store-contract.js';

describe('reviews of one PDP keep the contract:', () => {
  test.each(reviewStoreContract)('$name', async ({ check }) => {
    const clock = createFakeClock();
    const nowhere = {
      kept: [],
      keep: async () => undefined,
      compact: async () => undefined,
      close: async () => undefined,
    };
    const store = createLocalReviews(nowhere, REVIEW_CONTRACT_CAPS, clock);
    await expect(check({ clients: [store], pass: async (ms) => clock.advance(ms) })).resolves.toBeUndefined();
    await store.stop();
  });
});

test('what is written is kept, and closed, also when the journal cannot be shortened then', async () => {
  let compactions = 0;
  const compact = async (): Promise<void> => {
    compactions += 1;
    if (compactions < 3) throw new Error('EIO');
  };
  const journal = { kept: [], keep: async () => undefined, compact, close: async () => undefined };
  const store = createLocalReviews(journal, { maxOpen: 1, maxClosed: 0, webhooks: [] }, createFakeClock());
  const closing = { by: 'ops', at: '2026-11-22T12:30:00.000Z', note: '' };
  const counts: number[] = [];
  for (let number = 0; number < 4; number += 1) {
    expect(await store.keep(newReview(number))).toBe(true);
    counts.push(compactions);
    expect(await store.close(reviewId(number), closing)).toBe('closed');
    counts.push(compactions);
    await store.done('record', reviewId(number));
    expect(await store.list(true)).toEqual([]);
  }
  // Four lines are enough for one; each line after it tries again, until it is done.
  expect(counts).toEqual([0, 0, 1, 2, 3, 3, 4, 4]);
});
