/** What every keeper of reviews promises, as checks that throw when one breaks it. */

import assert from 'node:assert/strict';
import type { NewReview, Review } from './review.js';
import { RECORD_STEP, type ReviewCaps, type ReviewStore, tellStep } from './review-store.js';

/** An empty store with {@link REVIEW_CONTRACT_CAPS}, and its time. */
export interface ReviewSubject {
  /** Clients of the same store; one may stand for all where there is only one process. */
  readonly clients: readonly ReviewStore[];
  /** Lets at least that many milliseconds pass. */
  pass(ms: number): Promise<void>;
}

/** One promise of the port. */
export interface ReviewContractCase {
  readonly name: string;
  readonly check: (subject: ReviewSubject) => Promise<void>;
}

/** Bounds of the stores of the contract. */
export const REVIEW_CONTRACT_CAPS: ReviewCaps = { maxOpen: 6, maxClosed: 2, webhooks: ['slack', 'pager'] };

const LONG_MS = 60_000;
const SHORT_MS = 300;
const CLOSING = { by: 'ops', at: '2026-11-22T12:30:00.000Z', note: 'as agreed' };

/** The id of the review of a number from 0 to 999. */
export function reviewId(number: number): string {
  return `00000000-0000-4000-8000-000000000${String(number).padStart(3, '0')}`;
}

/** A review; later numbers are newer. */
export function newReview(number: number): NewReview {
  return {
    id: reviewId(number),
    tenant: 'acme',
    agent: 'analyst',
    tool: 'pay',
    user: 'ünïcode',
    request_digest: 'ab'.repeat(32),
    asked: [{ policy: 'platform/s/look', reason: 'large "amount"' }],
    opened_at: new Date(Date.parse('2026-11-22T12:00:00Z') + number * 1_000).toISOString(),
  };
}

const at = ({ clients }: ReviewSubject, number: number): ReviewStore => {
  const client = clients[number % clients.length];
  assert.ok(client);
  return client;
};
const ids = (reviews: readonly Review[]): readonly string[] => reviews.map(({ id }) => id);

/** Records what waits for it, in turn. */
async function record(store: ReviewStore): Promise<void> {
  for (
    let one = await store.claim(RECORD_STEP, LONG_MS);
    one !== undefined;
    one = await store.claim(RECORD_STEP, LONG_MS)
  ) {
    await store.done(RECORD_STEP, one.id);
  }
}

/** The promises. */
export const reviewStoreContract: readonly ReviewContractCase[] = [
  {
    name: 'what one keeps, all have, the newest first; the same again changes nothing',
    check: async (subject) => {
      for (const number of [1, 2, 3]) assert.equal(await at(subject, number).keep(newReview(number)), true);
      assert.equal(await at(subject, 0).keep({ ...newReview(1), agent: 'other' }), true);
      for (const [number] of subject.clients.entries()) {
        assert.deepEqual(ids(await at(subject, number).list(false)), [3, 2, 1].map(reviewId));
      }
      assert.deepEqual(await at(subject, 1).find(reviewId(1)), { ...newReview(1), recorded: false, told: [] });
      assert.equal(await at(subject, 0).find(reviewId(9)), undefined);
    },
  },
  {
    name: 'there is room for so many, and those who come together do not share the last of it',
    check: async (subject) => {
      const kept = await Promise.all(
        Array.from({ length: 12 }, (_, number) => at(subject, number).keep(newReview(number))),
      );
      assert.equal(kept.filter((one) => one).length, REVIEW_CONTRACT_CAPS.maxOpen);
      assert.equal((await at(subject, 0).list(true)).length, REVIEW_CONTRACT_CAPS.maxOpen);
      await record(at(subject, 0));
      const [{ id } = newReview(0)] = await at(subject, 0).list(false);
      assert.equal(await at(subject, 1).keep(newReview(20)), false);
      assert.equal(await at(subject, 0).close(id, CLOSING), 'closed');
      assert.equal(await at(subject, 1).keep(newReview(20)), true);
    },
  },
  {
    name: 'it is closed once, by whoever is first, and then is in the list of closed ones only',
    check: async (subject) => {
      await at(subject, 0).keep(newReview(1));
      const results = await Promise.all(
        Array.from({ length: 6 }, (_, number) =>
          at(subject, number).close(reviewId(1), { ...CLOSING, by: `p${number}` }),
        ),
      );
      assert.deepEqual(results.toSorted(), ['already', 'already', 'already', 'already', 'already', 'closed']);
      assert.deepEqual(await at(subject, 1).list(false), []);
      const [closed] = await at(subject, 2).list(true);
      assert.equal(closed?.closed?.by, `p${results.indexOf('closed')}`);
      assert.equal(closed?.closed?.note, 'as agreed');
      assert.equal(await at(subject, 0).close(reviewId(7), CLOSING), 'unknown');
    },
  },
  {
    name: 'a step is given to one at a time, the oldest first',
    check: async (subject) => {
      for (const number of [1, 2, 3, 4, 5]) await at(subject, number).keep(newReview(number));
      const first = await at(subject, 0).claim(RECORD_STEP, LONG_MS);
      assert.equal(first?.id, reviewId(1));
      const others = await Promise.all(
        Array.from({ length: 8 }, (_, number) => at(subject, number).claim(RECORD_STEP, LONG_MS)),
      );
      assert.deepEqual(ids(others.flatMap((one) => one ?? [])).toSorted(), [2, 3, 4, 5].map(reviewId));
    },
  },
  {
    name: 'what somebody died of doing is given to another when the lease is over',
    check: async (subject) => {
      await at(subject, 0).keep(newReview(1));
      assert.equal((await at(subject, 0).claim(RECORD_STEP, SHORT_MS))?.id, reviewId(1));
      assert.equal(await at(subject, 1).claim(RECORD_STEP, SHORT_MS), undefined);
      await subject.pass(SHORT_MS);
      assert.equal((await at(subject, 1).claim(RECORD_STEP, LONG_MS))?.id, reviewId(1));
      await subject.pass(SHORT_MS);
      assert.equal(await at(subject, 2).claim(RECORD_STEP, SHORT_MS), undefined);
    },
  },
  {
    name: 'a lease is renewed, and given back',
    check: async (subject) => {
      await at(subject, 0).keep(newReview(1));
      await at(subject, 0).claim(RECORD_STEP, SHORT_MS);
      await at(subject, 0).lease(RECORD_STEP, reviewId(1), LONG_MS);
      await subject.pass(SHORT_MS);
      assert.equal(await at(subject, 1).claim(RECORD_STEP, LONG_MS), undefined);
      await at(subject, 0).lease(RECORD_STEP, reviewId(1), 0);
      assert.equal((await at(subject, 1).claim(RECORD_STEP, LONG_MS))?.id, reviewId(1));
      await at(subject, 0).lease(RECORD_STEP, reviewId(5), 0);
      assert.equal(await at(subject, 0).claim(RECORD_STEP, LONG_MS), undefined);
    },
  },
  {
    name: 'nobody is told before it is recorded; what is done is given to nobody',
    check: async (subject) => {
      await at(subject, 0).keep(newReview(1));
      assert.equal(await at(subject, 0).claim(tellStep('slack'), LONG_MS), undefined);
      await record(at(subject, 1));
      assert.equal((await at(subject, 2).claim(tellStep('slack'), SHORT_MS))?.recorded, true);
      await at(subject, 0).done(tellStep('slack'), reviewId(1));
      await at(subject, 0).done(RECORD_STEP, reviewId(1));
      await subject.pass(SHORT_MS);
      assert.equal(await at(subject, 1).claim(tellStep('slack'), LONG_MS), undefined);
      assert.deepEqual((await at(subject, 1).find(reviewId(1)))?.told, ['slack']);
      assert.equal((await at(subject, 1).claim(tellStep('pager'), LONG_MS))?.id, reviewId(1));
      await at(subject, 1).done(RECORD_STEP, reviewId(9));
    },
  },
  {
    name: 'it is closed and recorded at once, and neither is lost',
    check: async (subject) => {
      for (const number of [1, 2]) await at(subject, 0).keep(newReview(number));
      for (const number of [1, 2]) {
        const id = reviewId(number);
        await at(subject, 0).claim(RECORD_STEP, LONG_MS);
        await Promise.all([at(subject, 1).close(id, CLOSING), at(subject, 0).done(RECORD_STEP, id)]);
        const found = await at(subject, 2).find(id);
        assert.deepEqual([found?.recorded, found?.closed], [true, CLOSING]);
      }
    },
  },
  {
    name: 'closed ones are forgotten, the oldest first, and never before they are recorded',
    check: async (subject) => {
      for (const number of [1, 2, 3, 4]) {
        await at(subject, number).keep(newReview(number));
        assert.equal(await at(subject, 0).close(reviewId(number), CLOSING), 'closed');
      }
      assert.equal((await at(subject, 0).list(true)).length, 4);
      await record(at(subject, 1));
      assert.deepEqual(ids(await at(subject, 0).list(true)), [4, 3].map(reviewId));
      assert.equal((await at(subject, 0).claim(tellStep('pager'), LONG_MS))?.id, reviewId(3));
    },
  },
];
