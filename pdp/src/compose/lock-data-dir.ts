/**
 * One PDP per data directory. A second one would write into the audit chain of the first, which then records nothing more and
 * denies everything, even if the second ends at once because the port is taken.
 */

import { join } from 'node:path';
import { PortcullisError } from '@portcullis/runtime';
import { type FileLock, lockFile } from '@portcullis/runtime/file-lock';

/** The file that is locked. */
const LOCK_FILE = 'pdp.lock';

/**
 * Takes the directory, which is made if need be. Before anything in it is opened.
 * @throws PortcullisError `ERR_PDP_DATA_DIR` when another PDP has it, or the file cannot be made or locked.
 */
export function lockDataDir(dataDir: string): FileLock {
  const file = join(dataDir, LOCK_FILE);
  let lock: FileLock | undefined;
  try {
    lock = lockFile(file);
  } catch (cause: unknown) {
    const message = 'the data directory cannot be locked: expected a folder that this user may write to';
    throw new PortcullisError('ERR_PDP_DATA_DIR', 'unavailable', message, { details: { file }, cause });
  }
  if (lock !== undefined) return lock;
  const message = 'another PDP works on this data directory; stop it, or give this one a dataDir of its own';
  throw new PortcullisError('ERR_PDP_DATA_DIR', 'conflict', message, { details: { dataDir } });
}
