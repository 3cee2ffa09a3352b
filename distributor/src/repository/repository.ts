/**
 * The TUF repository on disk: `metadata/` and `targets/` under the data directory, in the layout of a consistent
 * snapshot. A state becomes current by the last write, that of `timestamp.json`; whatever lies there beyond it is the
 * rest of a publication that did not happen and is removed at the next start.
 */

import { join } from 'node:path';
import type { Checked } from '@portcullis/policy/model';
import {
  abortsRole,
  hashedTargetPath,
  metadataFileName,
  parseMetadataFileName,
  parseReleasePointer,
  parseSnapshot,
  parseTimestamp,
  type ReleasePointer,
  releasesRole,
  type SignedFile,
} from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';
import { type Disk, TEMPORARY, writeAtomically } from './disk.js';
import { readHistory, removeUncommitted } from './history.js';
import {
  type Held,
  namedTarget,
  parseRole,
  parseRoots,
  pointerPaths,
  type RepositoryState,
  rootOf,
  type TargetsMetadata,
} from './state.js';

/** A target's bytes and where they go. */
export interface TargetFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/** What one publication writes. Everything in it has been verified. */
export interface Publication {
  readonly targets: readonly TargetFile[];
  readonly roots: readonly SignedFile[];
  readonly roles: ReadonlyMap<string, SignedFile>;
  readonly snapshot: SignedFile | undefined;
  readonly timestamp: SignedFile;
}

/** The files of a repository. One writer per data directory; calls must not overlap. */
export interface Repository {
  /**
   * The state that `timestamp.json` names, or `undefined` when there has never been one. Removes what is beyond it.
   * @throws PortcullisError `ERR_REPOSITORY_CORRUPT` when files of that state are missing or do not verify.
   */
  open(): Promise<RepositoryState | undefined>;
  /** Writes a publication in the order targets, roots, roles, snapshot, timestamp; throws where the disk does. */
  commit(publication: Publication): Promise<void>;
  /** A target's bytes, or `undefined`. */
  readTarget(path: string, sha256: string): Promise<Uint8Array | undefined>;
  /** A channel's pointers up to `seq`, newest first, aborts included. */
  history(of: {
    readonly env: string;
    readonly channel: string;
    readonly seq: number;
  }): Promise<readonly ReleasePointer[]>;
  /** A metadata file's bytes by its exact name, or `undefined`. */
  readMetadata(fileName: string): Promise<Uint8Array | undefined>;
}

function corrupt(what: string, problems?: unknown): never {
  throw new PortcullisError('ERR_REPOSITORY_CORRUPT', 'corrupt', `repository is damaged: ${what}`, {
    details: { problems },
  });
}

function must<T>(what: string, checked: Checked<T>): T {
  return checked.ok ? checked.value : corrupt(what, checked.problems);
}

/** Opens the repository under `dataDir`; reads nothing yet. */
export function createRepository(dataDir: string, disk: Disk): Repository {
  const metadataFolder = join(dataDir, 'metadata');
  const metadataPath = (name: string): string => join(metadataFolder, name);
  const targetPath = (path: string, sha256: string): string => join(dataDir, 'targets', hashedTargetPath(path, sha256));

  const required = async (role: string, version: number): Promise<Uint8Array> => {
    const name = metadataFileName(role, version);
    return (await disk.read(metadataPath(name))) ?? corrupt(`${name} is missing`);
  };

  const readRoots = async (names: readonly string[]): Promise<readonly Uint8Array[]> => {
    const versions = names.flatMap((name) => {
      const file = parseMetadataFileName(name);
      return file?.role === 'root' ? [file.version] : [];
    });
    return Promise.all(versions.toSorted((a, b) => a - b).map((version) => required('root', version)));
  };

  const load = async (timestampBytes: Uint8Array, names: readonly string[]): Promise<RepositoryState> => {
    const roots = must('root', parseRoots(await readRoots(names)));
    if (roots.length === 0) return corrupt('there is no root');
    const timestamp = { bytes: timestampBytes, metadata: must('timestamp', parseTimestamp(timestampBytes)) };
    const { snapshotMeta } = timestamp.metadata.signed;
    const snapshotBytes = await required('snapshot', snapshotMeta.version);
    const snapshot = { bytes: snapshotBytes, metadata: must('snapshot', parseSnapshot(snapshotBytes)) };
    if (!matches(snapshotMeta, snapshotBytes)) return corrupt('snapshot is not the one that timestamp names');

    const { meta } = snapshot.metadata.signed;
    const roles = new Map<string, Held<TargetsMetadata>>();
    // Targets come first: they say who may sign the others.
    for (const name of Object.keys(meta).toSorted(
      (a, b) => Number(b === 'targets.json') - Number(a === 'targets.json'),
    )) {
      const role = name.slice(0, -'.json'.length);
      const delegator = role === 'targets' ? rootOf({ roots }) : roles.get('targets')?.metadata;
      const file = meta[name];
      if (delegator === undefined || file === undefined) return corrupt('snapshot does not name targets');
      const bytes = await required(role, file.version);
      if (!matches(file, bytes)) return corrupt(`${role} is not the one that snapshot names`);
      roles.set(role, must(role, parseRole(role, bytes, delegator)));
    }
    return { roots, roles, snapshot, timestamp };
  };

  const removeBeyond = async (state: RepositoryState | undefined, names: readonly string[]): Promise<void> => {
    const current = new Map<string, number>();
    if (state !== undefined) {
      current.set('root', rootOf(state).signed.version).set('snapshot', state.snapshot.metadata.signed.version);
      for (const [role, held] of state.roles) current.set(role, held.metadata.signed.version);
    }
    for (const name of names) {
      const file = parseMetadataFileName(name);
      const isTemporary = name.endsWith(TEMPORARY);
      const isBeyond = file !== undefined && file.role !== 'timestamp' && file.version > (current.get(file.role) ?? 0);
      if (isTemporary || isBeyond) await disk.remove(metadataPath(name));
    }
  };

  const highestSeq = async (state: RepositoryState | undefined, env: string, channel: string): Promise<number> => {
    const paths = pointerPaths(env, channel);
    let highest = 0;
    for (const [role, path] of [
      [releasesRole(env), paths.release],
      [abortsRole(env), paths.abort],
    ] as const) {
      const held = state?.roles.get(role);
      const target = held === undefined ? undefined : namedTarget(held.metadata, path);
      const bytes = target === undefined ? undefined : await disk.read(targetPath(path, target.sha256));
      const pointer = bytes === undefined ? undefined : parseReleasePointer(bytes);
      if (pointer?.ok === true) highest = Math.max(highest, pointer.value.seq);
    }
    return highest;
  };

  return {
    async open() {
      const names = await disk.list(metadataFolder);
      const timestamp = await disk.read(metadataPath('timestamp.json'));
      const state = timestamp === undefined ? undefined : await load(timestamp, names);
      await removeBeyond(state, names);
      await removeUncommitted(disk, dataDir, (env, channel) => highestSeq(state, env, channel));
      return state;
    },
    async commit(publication) {
      const write = (role: string, file: SignedFile): Promise<void> =>
        writeAtomically(disk, metadataPath(metadataFileName(role, file.version)), file.bytes);
      for (const target of publication.targets) {
        await writeAtomically(disk, targetPath(target.path, target.sha256), target.bytes);
      }
      for (const root of publication.roots) await write('root', root);
      for (const [role, file] of publication.roles) await write(role, file);
      if (publication.snapshot !== undefined) await write('snapshot', publication.snapshot);
      await write('timestamp', publication.timestamp);
    },
    readTarget: (path, sha256) => disk.read(targetPath(path, sha256)),
    history: (of) => readHistory(disk, dataDir, of),
    readMetadata: async (fileName) =>
      parseMetadataFileName(fileName) === undefined ? undefined : disk.read(metadataPath(fileName)),
  };
}

function matches(file: { verify(data: Buffer): void }, bytes: Uint8Array): boolean {
  try {
    file.verify(Buffer.from(bytes));
    return true;
  } catch {
    return false;
  }
}
