/**
 * The lock is the operating system's, taken on a file through SQLite (Node has no other way to one): it ends with the
 * process however that ends, so there is no stale lock to tell from a live one, and no process id to be reused.
 */

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A file that is ours. It stays, empty, and means nothing by itself. */
export interface FileLock {
  /** Gives it up. */
  release(): void;
}

const SQLITE_BUSY = 5;

/**
 * Takes the lock; its folder is made if need be, for its owner and group.
 * @returns nothing when somebody else has it, in this process or another.
 * @throws whatever keeps the file from being made or locked.
 */
export function lockFile(file: string): FileLock | undefined {
  let held: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
    held = new DatabaseSync(file, { timeout: 0 });
    held.exec('BEGIN EXCLUSIVE');
  } catch (error: unknown) {
    held?.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  const lock = held;
  return {
    release: () => {
      if (lock.isOpen) lock.close();
    },
  };
}

function isBusy(error: unknown): boolean {
  return typeof error === 'object' && error !== null && Reflect.get(error, 'errcode') === SQLITE_BUSY;
}
