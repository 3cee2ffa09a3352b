/**
 * Verifies a TUF repository with tuf-js, on a copy of the trusted metadata, and keeps of the copy only what does not
 * fall below the floors. Used by the PDP over its channel and by the conformance client over plain HTTP.
 */

import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { hashedTargetPath, MAX_METADATA_BYTES, openTrustedRoot } from '@portcullis/policy/trust';
import { type TargetFile, Updater } from 'tuf-js';
import { isUnfinished, writeDurably } from './durable-file.js';
import { belowFloors, type Floors, floorsOf, type MetadataBytes } from './floors.js';
import type { ObjectSource } from './object-source.js';
import { RefusedError, refusalOf } from './refusal.js';
import { keepRoots, walkRoots } from './root-chain.js';
import { type ChannelFetcher, createChannelFetcher, METADATA_BASE_URL, TARGET_BASE_URL } from './tuf-fetcher.js';

/** Where trusted metadata is kept and where new metadata comes from. */
export interface TrustClientOptions {
  /** Trusted metadata, one `<role>.json` per role; owned by this client. */
  readonly metadataDir: string;
  /** Every root that was accepted after the pinned one; owned by this client. */
  readonly rootsDir: string;
  /** Where copies are worked on; owned by this client. */
  readonly scratchDir: string;
  /** The exact bytes of the root that the operator pinned. */
  readonly pinnedRoot: Uint8Array;
  readonly source: ObjectSource;
}

/** A verified view of the repository. */
export interface TrustSession {
  /** The floors that this view sets. */
  readonly floors: Floors;
  /** Exact bytes of what was verified so far, by role; grows with `find`. */
  metadata(): Promise<MetadataBytes>;
  /** What the repository says about a target, or `undefined` when no trusted role lists it. */
  find(path: string): Promise<TargetFile | undefined>;
  /**
   * The verified bytes of a target, or `undefined` when no trusted role lists it.
   * @param file where to put the bytes as well; it holds them only if they verified.
   */
  read(path: string, options: { readonly maxBytes: number; readonly file?: string }): Promise<Uint8Array | undefined>;
}

/** See {@link withTrustSession}. */
export type TrustSessionBody<T> = (session: TrustSession) => Promise<T>;

/**
 * Brings the trusted metadata up to date and lends a view of it to `body`. What verified is kept on disk, fsync'd, also
 * when something after it failed; what falls below `floors` never is.
 * @throws RefusedError with the reason when anything does not verify or cannot be read.
 */
export async function withTrustSession<T>(
  options: TrustClientOptions,
  floors: Floors | undefined,
  signal: AbortSignal,
  body: TrustSessionBody<T>,
): Promise<T> {
  const work = join(options.scratchDir, `metadata-${randomUUID()}`);
  // At once, where one step need not wait for the other: on a busy machine each costs a wait.
  const [root] = await Promise.all([
    walkRoots(options.pinnedRoot, options.rootsDir),
    ...[options.metadataDir, work].map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })),
  ]);
  try {
    await Promise.all([writeFile(join(work, 'root.json'), root.bytes), copyMetadata(options.metadataDir, work)]);
    const fetcher = createChannelFetcher(options.source, work, signal);
    try {
      return await inSession(work, fetcher, floors, body);
    } catch (error) {
      throw refusalOf(error, fetcher.sourceFault);
    } finally {
      await keep(work, options, fetcher.roots, floors);
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function inSession<T>(
  work: string,
  fetcher: ChannelFetcher,
  floors: Floors | undefined,
  body: TrustSessionBody<T>,
): Promise<T> {
  const updater = new Updater({
    metadataDir: work,
    metadataBaseUrl: METADATA_BASE_URL,
    targetDir: work,
    targetBaseUrl: TARGET_BASE_URL,
    fetcher,
    config: {
      rootMaxLength: MAX_METADATA_BYTES.root,
      timestampMaxLength: MAX_METADATA_BYTES.timestamp,
      snapshotMaxLength: MAX_METADATA_BYTES.snapshot,
      targetsMaxLength: MAX_METADATA_BYTES.targets,
    },
  });
  await updater.refresh();
  const found = floorsOf(await readMetadata(work));
  if (!found.ok) throw new RefusedError('metadata', found.problems[0]?.message ?? 'metadata cannot be read');
  const rollback = floors === undefined ? undefined : belowFloors(found.value, floors);
  if (rollback !== undefined) throw new RefusedError('rollback', rollback);
  return body({
    floors: found.value,
    metadata: () => readMetadata(work),
    find: (path) => updater.getTargetInfo(path),
    read: async (path, { maxBytes, file }) => {
      const info = await updater.getTargetInfo(path);
      if (info === undefined) return undefined;
      if (info.length > maxBytes) {
        throw new RefusedError('oversized', `target ${path} has ${info.length} bytes, more than ${maxBytes}`);
      }
      return file === undefined ? readBytes(fetcher, info) : readFileOf(updater, info, file);
    },
  });
}

/** Without files, for each of which a busy machine lets one wait. */
async function readBytes(fetcher: ChannelFetcher, info: TargetFile): Promise<Uint8Array> {
  const { sha256 } = info.hashes;
  if (sha256 === undefined) throw new RefusedError('metadata', `target ${info.path} has no SHA-256`);
  const url = TARGET_BASE_URL + hashedTargetPath(info.path, sha256);
  const bytes = await fetcher.downloadBytes(url, info.length);
  await info.verify(Readable.from([bytes]));
  return bytes;
}

async function readFileOf(updater: Updater, info: TargetFile, file: string): Promise<Uint8Array> {
  // A file that already holds the bytes is as good as a download.
  if ((await updater.findCachedTarget(info, file)) === undefined) await updater.downloadTarget(info, file);
  return readFile(file);
}

async function metadataFiles(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith('.json') && !isUnfinished(name));
}

async function copyMetadata(from: string, to: string): Promise<void> {
  // The root is the one that was walked to.
  const names = (await metadataFiles(from)).filter((name) => name !== 'root.json');
  await Promise.all(names.map((name) => copyFile(join(from, name), join(to, name))));
}

async function readMetadata(folder: string): Promise<Map<string, Uint8Array>> {
  const names = await metadataFiles(folder);
  const read = async (name: string) => [name.slice(0, -'.json'.length), await readFile(join(folder, name))] as const;
  return new Map(await Promise.all(names.map(read)));
}

/** Moves what tuf-js verified into the trusted folders. Roots always; the rest only if the whole is not below the floors. */
async function keep(
  work: string,
  { metadataDir, rootsDir }: TrustClientOptions,
  roots: ReadonlyMap<number, Uint8Array>,
  floors: Floors | undefined,
): Promise<void> {
  const metadata = await readMetadata(work);
  const found = floorsOf(metadata);
  const rolledBack = floors !== undefined && found.ok && belowFloors(found.value, floors) !== undefined;
  const root = openTrustedRoot(metadata.get('root') ?? new Uint8Array());
  try {
    if (root.ok) await keepRoots(rootsDir, roots, root.value.signed.version);
    for (const [role, bytes] of metadata) {
      if (rolledBack && role !== 'root') continue;
      const path = join(metadataDir, `${role}.json`);
      const before = await readFile(path).catch(() => undefined);
      if (before?.equals(bytes) !== true) await writeDurably(path, bytes);
    }
  } catch (error) {
    throw new RefusedError('persist', 'verified metadata cannot be written', error);
  }
}
