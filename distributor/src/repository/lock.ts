/**
 * One distributor per data directory. Two would sign over each other's metadata, and PDPs that saw one would refuse the
 * other as a rollback.
 *
 * The lock is the operating system's, taken on a file through SQLite (Node has no other way to one): it ends with the
 * process however that ends, so there is no stale lock to tell from a live one, and no process id to be reused.
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PortcullisError } from '@portcullis/runtime';

/** A data directory that is ours. */
export interface DirectoryLock {
  /** Gives it up. */
  release(): void;
}

/** The file that is locked; it stays, empty, and means nothing by itself. */
export const LOCK_FILE = 'distributor.lock';

const SQLITE_BUSY = 5;

/**
 * Takes the directory, which is made if need be.
 * @throws PortcullisError `ERR_REPOSITORY_LOCKED` when another distributor has it; `ERR_REPOSITORY_WRITE` when the file
 * cannot be made or locked.
 */
export function lockDirectory(dataDir: string): DirectoryLock {
  const file = join(dataDir, LOCK_FILE);
  let held: DatabaseSync | undefined;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o750 });
    held = new DatabaseSync(file, { timeout: 0 });
    held.exec('BEGIN EXCLUSIVE');
  } catch (error: unknown) {
    held?.close();
    if (isBusy(error)) {
      throw new PortcullisError(
        'ERR_REPOSITORY_LOCKED',
        'conflict',
        'another distributor works on this data directory; stop it, or give this one a dataDir of its own',
        { details: { dataDir }, cause: error },
      );
    }
    throw new PortcullisError('ERR_REPOSITORY_WRITE', 'unavailable', 'the data directory cannot be locked', {
      details: { file },
      cause: error,
    });
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
