/**
 * One distributor per data directory. Two would sign over each other's metadata, and PDPs that saw one would refuse the
 * other as a rollback.
 */

import { join } from 'node:path';
import { PortcullisError } from '@portcullis/runtime';
import { type FileLock, lockFile } from '@portcullis/runtime/file-lock';

/** The file that is locked. */
export const LOCK_FILE = 'distributor.lock';

/**
 * Takes the directory, which is made if need be.
 * @throws PortcullisError `ERR_REPOSITORY_LOCKED` when another distributor has it; `ERR_REPOSITORY_WRITE` when the file
 * cannot be made or locked.
 */
export function lockDirectory(dataDir: string): FileLock {
  const file = join(dataDir, LOCK_FILE);
  let lock: FileLock | undefined;
  try {
    lock = lockFile(file);
  } catch (cause: unknown) {
    throw new PortcullisError('ERR_REPOSITORY_WRITE', 'unavailable', 'the data directory cannot be locked', {
      details: { file },
      cause,
    });
  }
  if (lock !== undefined) return lock;
  throw new PortcullisError(
    'ERR_REPOSITORY_LOCKED',
    'conflict',
    'another distributor works on this data directory; stop it, or give this one a dataDir of its own',
    { details: { dataDir } },
  );
}
