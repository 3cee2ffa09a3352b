/** Files that are either the old bytes or the new ones, whatever is pulled when. */

import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Starts the name of every unfinished file; left-overs of a crash carry it. */
const UNFINISHED = '.unfinished-';

/** Whether `name` is a file that a crash left half written. */
export function isUnfinished(name: string): boolean {
  return name.startsWith(UNFINISHED);
}

/** Replaces `path` with `bytes` so that the change survives a power cut once this resolves: temporary file, fsync, rename, fsync of the folder. */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = join(folder, `${UNFINISHED}${basename(path)}-${randomUUID()}`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
