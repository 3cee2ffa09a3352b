import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { Review } from './review.js';
import { openReviewJournal } from './review-journal.js';
import { newReview, reviewId } from './review-store-contract.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-'));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

test('what is kept after a compaction was asked for, and before it is its turn, is not lost', async () => {
  const path = join(folder, 'reviews');
  const journal = await openReviewJournal(path);
  const memory = new Map<string, Review>();
  const keep = (number: number): Promise<void> => {
    const review = { ...newReview(number), recorded: false, told: [] };
    memory.set(review.id, review);
    return journal.keep(review);
  };
  // Nobody waits in between: the last one joins a write that is queued before the compaction.
  await Promise.all([keep(1), keep(2), journal.compact(() => [...memory.values()]), keep(3)]);
  await journal.close();
  const again = await openReviewJournal(path);
  await again.close();
  expect(again.kept.map(({ id }) => id)).toEqual([1, 2, 3].map(reviewId));
});

test('what a full disk has left of a review is not in the way of the next', async () => {
  const path = join(folder, 'reviews');
  const journal = await openReviewJournal(path);
  const keep = (number: number): Promise<void> => journal.keep({ ...newReview(number), recorded: false, told: [] });
  await keep(1);
  const probe = await open(path);
  const handles: FileHandle = Object.getPrototypeOf(probe);
  await probe.close();
  const full = jest.spyOn(handles, 'appendFile').mockImplementationOnce(async function (this: FileHandle, data) {
    await this.write(Buffer.from(data as Buffer).subarray(0, 20));
    throw new Error('ENOSPC');
  });
  await expect(keep(2)).rejects.toThrow('ENOSPC');
  full.mockRestore();
  await keep(3);
  await journal.close();
  const again = await openReviewJournal(path);
  await again.close();
  expect(again.kept.map(({ id }) => id)).toEqual([1, 3].map(reviewId));
});

test('what is kept after a compaction failed late is in the file that there is', async () => {
  const path = join(folder, 'reviews');
  const journal = await openReviewJournal(path);
  const kept = [1, 2, 3].map((number) => ({ ...newReview(number), recorded: false, told: [] }));
  const [first, second, third] = kept;
  if (first === undefined || second === undefined || third === undefined) throw new Error('too few');
  await journal.keep(first);
  const probe = await open(path);
  const handles: FileHandle = Object.getPrototypeOf(probe);
  await probe.close();
  // The file has its name by then; what fails is the folder.
  const sync = handles.sync;
  const failing = jest.spyOn(handles, 'sync').mockImplementationOnce(async function (this: FileHandle) {
    await sync.call(this);
  });
  failing.mockImplementationOnce(() => Promise.reject(new Error('EIO')));
  await expect(journal.compact(() => [first, second])).rejects.toThrow('EIO');
  failing.mockRestore();
  await journal.keep(third);
  await journal.close();
  const again = await openReviewJournal(path);
  await again.close();
  expect(again.kept.map(({ id }) => id)).toEqual([1, 2, 3].map(reviewId));
});
