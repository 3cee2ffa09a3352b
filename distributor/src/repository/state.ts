/** What the repository holds at one moment: one consistent set of metadata, every part of it verified. */

import type { Checked } from '@portcullis/policy/model';
import {
  ABORT_PATH,
  expiryOf,
  isSha256Hex,
  MAX_POINTER_BYTES,
  metadataFileName,
  openTrustedRoot,
  parseMetadataFileName,
  parseTargets,
  RELEASE_PATH,
  verifyNextRoot,
  verifyRole,
} from '@portcullis/policy/trust';
import type { Metadata, Root, Snapshot, Targets, Timestamp } from '@tufjs/models';

/** Parsed root metadata. */
export type RootMetadata = Metadata<Root>;
/** Parsed targets metadata, top-level or delegated. */
export type TargetsMetadata = Metadata<Targets>;
/** Parsed snapshot metadata. */
export type SnapshotMetadata = Metadata<Snapshot>;
/** Parsed timestamp metadata. */
export type TimestampMetadata = Metadata<Timestamp>;

/** Metadata with the exact bytes it was read from. */
export interface Held<M> {
  readonly bytes: Uint8Array;
  readonly metadata: M;
}

/** One consistent set. Immutable: a publication makes the next one. */
export interface RepositoryState {
  /** All roots from version 1 on, so that a client with an old pin can follow. Never empty. */
  readonly roots: readonly Held<RootMetadata>[];
  /** `targets` and every role it delegates to. */
  readonly roles: ReadonlyMap<string, Held<TargetsMetadata>>;
  readonly snapshot: Held<SnapshotMetadata>;
  readonly timestamp: Held<TimestampMetadata>;
}

/** A target that a delegated role names. */
export interface NamedTarget {
  readonly path: string;
  readonly sha256: string;
  readonly length: number;
}

/** The newest root. */
export function rootOf(state: Pick<RepositoryState, 'roots'>): RootMetadata {
  const newest = state.roots.at(-1);
  if (newest === undefined) throw new TypeError('a repository without a root');
  return newest.metadata;
}

/** The target called `path` in a role, or `undefined`. */
export function namedTarget(role: TargetsMetadata, path: string): NamedTarget | undefined {
  const found = Object.hasOwn(role.signed.targets, path) ? role.signed.targets[path] : undefined;
  const sha256 = found?.hashes['sha256'];
  if (found === undefined || sha256 === undefined || !isSha256Hex(sha256)) return undefined;
  return { path, sha256, length: found.length };
}

/** All release and abort pointers of all environments, by role. */
export function pointerTargets(state: RepositoryState): readonly NamedTarget[] {
  return [...state.roles]
    .filter(([role]) => role !== 'targets')
    .flatMap(([, { metadata }]) => Object.keys(metadata.signed.targets).map((path) => namedTarget(metadata, path)))
    .filter((target) => target !== undefined && target.length <= MAX_POINTER_BYTES) as readonly NamedTarget[];
}

/** The paths a channel's pointers have. */
export function pointerPaths(env: string, channel: string): { readonly release: string; readonly abort: string } {
  return { release: RELEASE_PATH(env, channel), abort: ABORT_PATH(env, channel) };
}

/** The names of the roles that targets delegates to. */
export function delegatedRoles(targets: TargetsMetadata): readonly string[] {
  return Object.keys(targets.signed.delegations?.roles ?? {});
}

/** Reads the chain of roots: the first trusted as it is, each next one signed by both. */
export function parseRoots(files: readonly Uint8Array[]): Checked<readonly Held<RootMetadata>[]> {
  const roots: Held<RootMetadata>[] = [];
  for (const bytes of files) {
    const before = roots.at(-1);
    const root = before === undefined ? openTrustedRoot(bytes) : verifyNextRoot(before.metadata, bytes);
    if (!root.ok) return root;
    roots.push({ bytes, metadata: root.value });
  }
  return { ok: true, value: roots };
}

/** Reads a role and verifies it against whoever delegates to it: root for `targets`, targets for the others. */
export function parseRole(
  role: string,
  bytes: Uint8Array,
  delegator: RootMetadata | TargetsMetadata,
): Checked<Held<TargetsMetadata>> {
  // Names become file names.
  if (parseMetadataFileName(metadataFileName(role, 1)) === undefined) {
    return { ok: false, problems: [{ code: 'ERR_RELEASE_ROLE', message: 'not the name of a role', path: role }] };
  }
  const metadata = parseTargets(bytes);
  if (!metadata.ok) return metadata;
  const verified = verifyRole(delegator, role, metadata.value);
  return verified.ok ? { ok: true, value: { bytes, metadata: metadata.value } } : verified;
}

/** When each role expires, epoch milliseconds. */
export function expiries(state: RepositoryState): ReadonlyMap<string, number> {
  return new Map([
    ['root', expiryOf(rootOf(state))],
    ...[...state.roles].map(([role, held]) => [role, expiryOf(held.metadata)] as const),
    ['snapshot', expiryOf(state.snapshot.metadata)],
    ['timestamp', expiryOf(state.timestamp.metadata)],
  ]);
}
