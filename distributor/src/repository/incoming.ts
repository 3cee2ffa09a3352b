/** Bundles that were uploaded and that no signed metadata names yet. They are neither published nor trusted. */

import { join } from 'node:path';
import { hashesOf } from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';
import { type Disk, writeAtomically } from './disk.js';

/** The waiting room of uploads. */
export interface Incoming {
  /**
   * Keeps `bytes` under their digest. Uploading the same again changes nothing.
   * @throws PortcullisError `ERR_BUNDLE_DIGEST` when the bytes have another digest, `ERR_BUNDLE_WAITING` when too many wait.
   */
  put(sha256: string, bytes: Uint8Array): Promise<void>;
  get(sha256: string): Promise<Uint8Array | undefined>;
  /** Forgets a bundle that has been published. */
  remove(sha256: string): Promise<void>;
}

const SUFFIX = '.tar.gz';

/** Opens the waiting room under `dataDir`; at most `maxWaiting` bundles wait at a time. */
export function createIncoming(dataDir: string, disk: Disk, maxWaiting: number): Incoming {
  const folder = join(dataDir, 'incoming');
  const path = (sha256: string): string => join(folder, `${sha256}${SUFFIX}`);
  let tail: Promise<unknown> = Promise.resolve();

  const keep = async (sha256: string, bytes: Uint8Array): Promise<void> => {
    if ((await disk.read(path(sha256))) !== undefined) return;
    const waiting = (await disk.list(folder)).filter((name) => name.endsWith(SUFFIX));
    if (waiting.length >= maxWaiting) {
      throw new PortcullisError(
        'ERR_BUNDLE_WAITING',
        'conflict',
        `${waiting.length} bundles wait for a release already`,
        {
          details: { folder },
        },
      );
    }
    await writeAtomically(disk, path(sha256), bytes);
  };

  return {
    async put(sha256, bytes) {
      if (hashesOf(bytes).sha256 !== sha256) {
        throw new PortcullisError('ERR_BUNDLE_DIGEST', 'invalid', 'the bundle does not have the digest of its path');
      }
      // In turn: two uploads of one bundle would write the same unfinished file, and pull it away from each other.
      const kept = tail.then(() => keep(sha256, bytes));
      tail = kept.catch(() => undefined);
      return kept;
    },
    async get(sha256) {
      const bytes = await disk.read(path(sha256));
      // What lay on a disk may have rotted; the digest is what names it.
      return bytes !== undefined && hashesOf(bytes).sha256 === sha256 ? bytes : undefined;
    },
    remove: (sha256) => disk.remove(path(sha256)),
  };
}
