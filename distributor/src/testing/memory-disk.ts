/** A disk in memory that can lose power at any step. */

import type { Disk } from '../repository/disk.js';

/** A disk whose n-th change fails, and every one after it: the process is gone by then. */
export interface MemoryDisk extends Disk {
  readonly files: Map<string, Uint8Array>;
  /** How many changes have been asked for. */
  steps(): number;
  /** Lets the n-th change from now on (1 is the next) and all later ones fail; a write leaves half of its bytes. */
  failAfter(changes: number): void;
  /** Lets only one change fail, after it has taken effect, as a lost reply does. */
  failLate(changes: number): void;
  /** Power is back. */
  heal(): void;
}

/** Makes an empty disk. */
export function createMemoryDisk(files: Map<string, Uint8Array> = new Map()): MemoryDisk {
  let steps = 0;
  let failFrom = Number.POSITIVE_INFINITY;
  let failLateAt = Number.POSITIVE_INFINITY;

  const change = async (effect: () => void, torn: () => void = () => {}): Promise<void> => {
    steps += 1;
    if (steps >= failFrom) {
      torn();
      throw new Error('disk is gone');
    }
    effect();
    if (steps === failLateAt) throw new Error('disk did not answer');
  };

  return {
    files,
    steps: () => steps,
    failAfter: (changes) => {
      failFrom = steps + changes;
    },
    failLate: (changes) => {
      failLateAt = steps + changes;
    },
    heal: () => {
      failFrom = Number.POSITIVE_INFINITY;
      failLateAt = Number.POSITIVE_INFINITY;
    },
    read: async (path) => files.get(path)?.slice(),
    list: async (folder) => {
      const prefix = `${folder}/`;
      const names = [...files.keys()].filter((path) => path.startsWith(prefix));
      return [...new Set(names.map((path) => path.slice(prefix.length).split('/')[0] ?? ''))].toSorted();
    },
    makeFolder: () => change(() => {}),
    write: (path, bytes) =>
      change(
        () => void files.set(path, bytes.slice()),
        () => void files.set(path, bytes.slice(0, bytes.length >> 1)),
      ),
    rename: (from, to) =>
      change(() => {
        files.set(to, files.get(from) ?? new Uint8Array());
        files.delete(from);
      }),
    flushFolder: () => change(() => {}),
    remove: (path) => change(() => void files.delete(path)),
  };
}
