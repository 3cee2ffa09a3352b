/** The few things the repository asks of a file system, so that a test can let each of them fail. */

import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A file system. Paths are absolute. Only {@link writeAtomically} may write what readers can see. */
export interface Disk {
  /** The bytes of a file, or `undefined` when there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Names in a folder, sorted; none when there is no folder. */
  list(folder: string): Promise<readonly string[]>;
  makeFolder(folder: string): Promise<void>;
  /** Writes and flushes a file that nobody reads yet. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Flushes a folder, so that a rename in it survives a loss of power. */
  flushFolder(folder: string): Promise<void>;
  remove(path: string): Promise<void>;
}

/** What a file is called until it is whole. */
export const TEMPORARY = '.tmp';

/** Puts `bytes` at `path` so that a reader, or a crash at any moment, finds either the old file or all of the new one. */
export async function writeAtomically(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path);
  await disk.makeFolder(folder);
  await disk.write(path + TEMPORARY, bytes);
  await disk.rename(path + TEMPORARY, path);
  await disk.flushFolder(folder);
}

function absent(error: unknown): boolean {
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

async function flushed(
  path: string,
  flags: string,
  work: (file: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags, 0o640);
  try {
    await work(file);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The machine's file system. */
export const systemDisk: Disk = {
  async read(path) {
    try {
      return new Uint8Array(await readFile(path));
    } catch (error: unknown) {
      if (absent(error)) return undefined;
      throw error;
    }
  },
  async list(folder) {
    try {
      return (await readdir(folder)).toSorted();
    } catch (error: unknown) {
      if (absent(error)) return [];
      throw error;
    }
  },
  makeFolder: async (folder) => void (await mkdir(folder, { recursive: true, mode: 0o750 })),
  write: (path, bytes) => flushed(path, 'w', (file) => file.writeFile(bytes)),
  rename,
  flushFolder: (folder) => flushed(folder, 'r', async () => {}),
  remove: (path) => rm(path, { force: true }),
};
