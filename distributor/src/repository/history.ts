/** The pointers that a channel has had. They stay as targets named by their digest; nothing points at them any more. */

import { join } from 'node:path';
import { hashesOf, parseReleasePointer, type ReleasePointer } from '@portcullis/policy/trust';
import type { Disk } from './disk.js';

/** A pointer file found on disk. */
export interface PastPointer {
  readonly file: string;
  readonly pointer: ReleasePointer;
}

const HASHED = /^([0-9a-f]{64})\.([a-z0-9-]+)\.json$/;

async function readFolder(disk: Disk, folder: string): Promise<readonly PastPointer[]> {
  const found: PastPointer[] = [];
  for (const name of await disk.list(folder)) {
    const digest = HASHED.exec(name)?.[1];
    const file = join(folder, name);
    const bytes = digest === undefined ? undefined : await disk.read(file);
    if (bytes === undefined || hashesOf(bytes).sha256 !== digest) continue;
    const pointer = parseReleasePointer(bytes);
    if (pointer.ok) found.push({ file, pointer: pointer.value });
  }
  return found;
}

/** A channel's pointers up to `seq`, newest first, aborts included. */
export async function readHistory(
  disk: Disk,
  dataDir: string,
  of: { readonly env: string; readonly channel: string; readonly seq: number },
): Promise<readonly ReleasePointer[]> {
  const folders = ['releases', 'aborts'].map((kind) => join(dataDir, 'targets', kind, of.env));
  const found = (await Promise.all(folders.map((folder) => readFolder(disk, folder)))).flat();
  return found
    .map(({ pointer }) => pointer)
    .filter((pointer) => pointer.env === of.env && pointer.channel === of.channel && pointer.seq <= of.seq)
    .toSorted((a, b) => b.seq - a.seq);
}

/**
 * Removes pointers that a publication wrote and then did not commit: those that are newer than `highest` says of their
 * channel. Left there, they would later look like releases that have been.
 */
export async function removeUncommitted(
  disk: Disk,
  dataDir: string,
  highest: (env: string, channel: string) => Promise<number>,
): Promise<void> {
  for (const kind of ['releases', 'aborts']) {
    for (const env of await disk.list(join(dataDir, 'targets', kind))) {
      for (const { file, pointer } of await readFolder(disk, join(dataDir, 'targets', kind, env))) {
        if (pointer.seq > (await highest(pointer.env, pointer.channel))) await disk.remove(file);
      }
    }
  }
}
