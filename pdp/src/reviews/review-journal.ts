/**
 * Reviews on the PDP's own disk. Each line is one review as it is now; the last line of a review counts. A line is handed to the
 * operating system before `keep` resolves: the end of this process loses nothing, a power cut may lose the last moments.
 */

import { type FileHandle, mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PortcullisError } from '@portcullis/runtime';
import { writeDurably } from '../bundles/durable-file.js';
import { type Review, reviewShape } from './review.js';

/** What keeps reviews. */
export interface ReviewJournal {
  /** As they were left; the oldest first. */
  readonly kept: readonly Review[];
  /** Writes are made one after the other, those that wait together. Rejects when it could not be written. */
  keep(review: Review): Promise<void>;
  /** Leaves only those that there are when it is its turn: what is kept in the meantime may be written before it. */
  compact(reviews: () => readonly Review[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the file, or makes it.
 * @throws PortcullisError `ERR_REVIEW_STATE`, kind `corrupt`, for a file that is damaged before its end. A torn last line was
 * never accepted.
 */
export async function openReviewJournal(path: string): Promise<ReviewJournal> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    if (typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 'ENOENT') return '';
    throw corrupt('the reviews cannot be read', cause);
  });
  const kept = readLines(text);
  // A torn end would make the next line unreadable.
  await leave(path, kept);
  let file: FileHandle | undefined;
  let size = 0;
  let isTorn = false;
  /** The file that has the name, whole up to its end. */
  const whole = async (): Promise<FileHandle> => {
    if (file === undefined) {
      ({ size } = await stat(path));
      file = await open(path, 'a', 0o600);
    }
    // What a failure has left of an earlier batch would make the next lines unreadable.
    if (isTorn) await file.truncate(size);
    isTorn = false;
    return file;
  };
  await whole();
  let tail: Promise<void> = Promise.resolve();
  let waiting: Review[] = [];
  let flushed: Promise<void> | undefined;

  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const result = tail.then(work);
    tail = result.catch(() => undefined);
    return result;
  };
  return {
    kept,
    keep: (review) => {
      waiting.push(review);
      flushed ??= inTurn(async () => {
        const batch = waiting;
        waiting = [];
        flushed = undefined;
        const lines = linesOf(batch);
        const end = await whole();
        isTorn = true;
        await end.appendFile(lines);
        isTorn = false;
        size += lines.length;
      });
      return flushed;
    },
    compact: (reviews) =>
      inTurn(async () => {
        const before = await whole();
        // Also when this fails, another file may have the name: what is written into one without a name is lost.
        file = undefined;
        try {
          await before.close();
          await leave(path, reviews());
        } finally {
          await whole();
        }
      }),
    close: () => inTurn(async () => file?.close()),
  };
}

/** Leaves only these in the file. */
function leave(path: string, reviews: readonly Review[]): Promise<void> {
  return writeDurably(path, linesOf(reviews));
}

function readLines(text: string): readonly Review[] {
  const lines = text.split('\n');
  // Whatever stands behind the last end of a line was torn.
  lines.pop();
  const shape = reviewShape();
  const reviews = new Map<string, Review>();
  for (const line of lines) {
    const review = shape.safeParse(parsed(line));
    if (!review.success) throw corrupt('the reviews are damaged', review.error);
    reviews.set(review.data.id, review.data);
  }
  return [...reviews.values()];
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function linesOf(reviews: readonly Review[]): Buffer {
  return Buffer.from(reviews.map((review) => `${JSON.stringify(review)}\n`).join(''));
}

function corrupt(message: string, cause: unknown): PortcullisError {
  return new PortcullisError('ERR_REVIEW_STATE', 'corrupt', message, { cause });
}
