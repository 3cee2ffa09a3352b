import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ReviewEntry } from '@portcullis/policy/evidence';
import { createLogger } from '@portcullis/runtime';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createLocalReviews } from './local-reviews.js';
import type { AskedReview } from './review.js';
import { openReviewJournal, type ReviewJournal } from './review-journal.js';
import { createReviews, type ReviewParts, type Reviews, type ReviewWebhook } from './reviews.js';

let folder: string;
let entries: ReviewEntry[];
let outcomes: string[];
const opened: Reviews[] = [];
const journals: ReviewJournal[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reviews-'));
  entries = [];
  outcomes = [];
});
afterEach(async () => {
  for (const reviews of opened.splice(0)) await reviews.stop();
  for (const journal of journals.splice(0)) await journal.close();
  await rm(folder, { recursive: true, force: true });
});

const path = (): string => join(folder, 'reviews');
const id = (number: number): string => `00000000-0000-4000-8000-00000000000${number}`;
const asked = (number: number): AskedReview => ({
  id: id(number),
  tenant: 'acme',
  agent: 'analyst',
  tool: 'pay',
  request_digest: 'ab'.repeat(32),
  asked: [{ policy: 'platform/s/look', reason: 'large amount' }],
});

interface Changes extends Partial<ReviewParts> {
  readonly journal?: ReviewJournal;
}

async function open({ journal, ...changes }: Changes = {}, webhooks: readonly ReviewWebhook[] = []): Promise<Reviews> {
  const kept = journal ?? (await openReviewJournal(path()));
  journals.push(kept);
  const clock = createFakeClock(Date.parse('2026-11-22T12:00:00Z'));
  const caps = { maxOpen: 3, maxClosed: 1, webhooks: webhooks.map(({ name }) => name) };
  const reviews = createReviews({
    store: createLocalReviews(kept, caps, clock),
    handOver: async () => undefined,
    record: async (entry) => void entries.push(entry),
    webhooks: () => webhooks,
    pause: async () => undefined,
    observer: { review: (outcome) => outcomes.push(outcome) },
    clock,
    log: createLogger({ component: 'test', level: 'fatal' }),
    ...changes,
  });
  opened.push(reviews);
  return reviews;
}

/** The work begins in a turn of its own. */
async function done(reviews: Reviews): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await reviews.idle();
}
const ids = async (reviews: Reviews, closed = false): Promise<readonly string[]> =>
  (await reviews.list(closed)).map((review) => review.id);
const events = (): readonly string[] => entries.map(({ event, webhook }) => [event, webhook].filter(Boolean).join(' '));

describe('a review', () => {
  test('is kept, recorded and told of, and is closed by somebody with a note', async () => {
    const told: string[] = [];
    const hook: ReviewWebhook = {
      name: 'slack',
      deliver: async (review) => {
        told.push(review.id);
        return 'delivered';
      },
    };
    const reviews = await open({}, [hook]);
    expect(await reviews.accept(asked(1))).toBe(true);
    await done(reviews);
    expect(told).toEqual([id(1)]);
    const closed = await reviews.close(id(1), 'ops', 'as agreed');
    expect(closed.closed).toEqual({ by: 'ops', at: '2026-11-22T12:00:00.000Z', note: 'as agreed' });
    expect([await ids(reviews), await ids(reviews, true)]).toEqual([[], [id(1)]]);
    expect(events()).toEqual(['opened', 'notified slack', 'closed']);
    expect(JSON.stringify(entries)).not.toContain('as agreed');
    await expect(reviews.close(id(1), 'ops', 'again')).rejects.toMatchObject({ code: 'ERR_REVIEW_CLOSED' });
    await expect(reviews.close(id(9), 'ops', 'x')).rejects.toMatchObject({ code: 'ERR_REVIEW_UNKNOWN' });
  });

  test('outlives the process at any moment, and what was left to do is done, once', async () => {
    const first = await open({ record: () => new Promise(() => undefined) });
    await first.accept(asked(1));
    await first.accept(asked(2));
    // The first is never stopped: a killed process says nothing.
    opened.length = 0;
    const second = await open();
    expect(await ids(second)).toEqual([id(2), id(1)]);
    await second.look();
    await second.idle();
    expect(entries.map(({ decision_id }) => decision_id)).toEqual([id(1), id(2)]);
    await second.stop();
    const third = await open();
    await third.look();
    await third.idle();
    expect(entries).toHaveLength(2);
  });

  test('that was being written when the power went was never accepted; a file that is damaged is not believed', async () => {
    await (await open()).accept(asked(1));
    const [line = ''] = (await readFile(path(), 'utf8')).split('\n');
    await appendFile(path(), line.slice(0, 40));
    expect(await ids(await open())).toEqual([id(1)]);
    await writeFile(path(), `{"id":1}\n${line}\n`);
    await expect(open()).rejects.toMatchObject({ code: 'ERR_REVIEW_STATE', kind: 'corrupt' });
  });

  test('is not accepted without room, nor when the disk does not take it', async () => {
    const reviews = await open();
    const found = await Promise.all([1, 2, 3, 4].map((number) => reviews.accept(asked(number))));
    expect(found).toEqual([true, true, true, false]);
    await done(reviews);
    await reviews.close(id(1), 'ops', 'done');
    expect(await reviews.accept(asked(5))).toBe(true);
    const journal = { kept: [], keep: () => Promise.reject(new Error('full')), compact: async () => undefined };
    const broken = await open({ journal: { ...journal, close: async () => undefined } });
    expect(await broken.accept(asked(6))).toBe(false);
    expect(await ids(broken)).toEqual([]);
  });

  test('is recorded as often as it takes, and a webhook that is dead holds nothing up', async () => {
    let failures = 3;
    const record = async (entry: ReviewEntry): Promise<void> => {
      failures -= 1;
      if (failures >= 0) throw new Error('the chain is full');
      entries.push(entry);
    };
    const reached = Promise.withResolvers<void>();
    const dead: ReviewWebhook = { name: 'dead', deliver: () => new Promise(() => undefined) };
    const refusing: ReviewWebhook = { name: 'refusing', deliver: async () => 'failed' };
    const observer = {
      review: (outcome: string) => {
        outcomes.push(outcome);
        if (outcomes.filter((one) => one === 'unnotified').length === 2) reached.resolve();
      },
    };
    const reviews = await open({ record, observer }, [dead, refusing]);
    await reviews.accept(asked(1));
    await reviews.accept(asked(2));
    await reached.promise;
    expect(events().toSorted()).toEqual(['opened', 'opened', 'unnotified refusing', 'unnotified refusing']);
    opened.length = 0;
  });

  test('of a decision that did not stand is closed by the PDP', async () => {
    const reviews = await open();
    await reviews.accept(asked(1));
    await reviews.withdraw(id(1));
    expect(await ids(reviews)).toEqual([]);
    expect((await reviews.list(true))[0]?.closed).toMatchObject({ by: 'pdp' });
  });

  test('does not make the journal grow for ever', async () => {
    const reviews = await open();
    for (let round = 0; round < 20; round += 1) {
      const number = 1 + (round % 9);
      await reviews.accept(asked(number));
      await done(reviews);
      await reviews.close(id(number), 'ops', 'done');
    }
    expect((await readFile(path(), 'utf8')).trim().split('\n').length).toBeLessThan(20);
    expect(await ids(reviews, true)).toHaveLength(1);
  });
});
