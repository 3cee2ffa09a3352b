/** The exact bytes of bundles on the PDP's own disk, by digest; what is read back is hashed again. */

import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isUnfinished, writeDurably } from './durable-file.js';

/** Bundles on disk. */
export interface BundleFiles {
  /** The bytes of that digest, or `undefined` when they are absent or not those any more. */
  read(sha256: string): Promise<Uint8Array | undefined>;
  /** Keeps the bytes; they have survived a power cut once this resolves. */
  write(sha256: string, bytes: Uint8Array): Promise<void>;
  /** Removes every bundle that is not in `keep`, and what a crash left behind. */
  prune(keep: ReadonlySet<string>): Promise<void>;
}

/** Lower-case hex SHA-256. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The bundles under `folder`. */
export function openBundleFiles(folder: string): BundleFiles {
  const pathOf = (sha256: string): string => join(folder, `${sha256}.tar.gz`);
  return {
    read: async (sha256) => {
      const bytes = await readFile(pathOf(sha256)).catch(() => undefined);
      return bytes !== undefined && sha256Of(bytes) === sha256 ? bytes : undefined;
    },
    write: (sha256, bytes) => writeDurably(pathOf(sha256), bytes),
    prune: async (keep) => {
      const names = await readdir(folder).catch(() => [] as string[]);
      for (const name of names) {
        const known = keep.has(name.replace(/\.tar\.gz$/, ''));
        if (!known || isUnfinished(name)) await rm(join(folder, name), { force: true });
      }
    },
  };
}
