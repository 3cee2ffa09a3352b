import { describe, expect, test } from '@jest/globals';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createLocalReviews } from './local-reviews.js';
import { REVIEW_CONTRACT_CAPS, reviewStoreContract } from './review-store-contract.js';

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
