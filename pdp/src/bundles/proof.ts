/** Re-verifies what a restarted PDP finds on its own disk, without a network and without asking whether it has expired. */

import { createHash } from 'node:crypto';
import type { Checked } from '@portcullis/policy/model';
import {
  ABORT_PATH,
  abortsRole,
  BUNDLE_PATH,
  parseReleasePointer,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  RELEASE_PATH,
  type ReleasePointer,
  releasesRole,
  verifyRole,
} from '@portcullis/policy/trust';
import type { MetadataBytes } from './floors.js';
import type { TrustedRoot } from './root-chain.js';

/** A release with everything that proves it. */
export interface ReleaseProof {
  readonly env: string;
  readonly channel: string;
  /** `RELEASE_PATH` or `ABORT_PATH` of the channel. */
  readonly path: string;
  readonly pointerBytes: Uint8Array;
  /** By role; the root is not among them, it is walked to from the pinned one. */
  readonly metadata: MetadataBytes;
  readonly root: TrustedRoot;
}

/** The roles whose metadata proves a release. */
export function proofRoles(env: string, path: string): readonly string[] {
  const role = path.startsWith('aborts/') ? abortsRole(env) : releasesRole(env);
  return ['timestamp', 'snapshot', 'targets', role];
}

/**
 * The release pointer, if the whole chain holds: the trusted root signs timestamp, snapshot and targets; the timestamp names the
 * snapshot, the snapshot names targets and the releases role, which list the bundle and the pointer by hash.
 * Expiry is not asked here: how old a release may be when it is served is `freshness.ts`'s question.
 */
export function verifyProof(proof: ReleaseProof): Checked<ReleasePointer> {
  const { env, channel, path, metadata, root } = proof;
  const [role, roleFile] = delegateOf(env, channel, path);
  if (role === undefined || roleFile === undefined) return broken('the pointer is not that of the channel');
  const timestamp = parseTimestamp(bytesOf(metadata, 'timestamp'));
  if (!timestamp.ok) return timestamp;
  const snapshot = parseSnapshot(bytesOf(metadata, 'snapshot'));
  if (!snapshot.ok) return snapshot;
  const targets = parseTargets(bytesOf(metadata, 'targets'));
  if (!targets.ok) return targets;
  const releases = parseTargets(bytesOf(metadata, role));
  if (!releases.ok) return releases;

  const signatures = [
    verifyRole(root.metadata, 'timestamp', timestamp.value),
    verifyRole(root.metadata, 'snapshot', snapshot.value),
    verifyRole(root.metadata, 'targets', targets.value),
    verifyRole(targets.value, role, releases.value),
  ];
  for (const signature of signatures) if (!signature.ok) return signature;

  const listed: readonly [Meta | undefined, number, string][] = [
    [timestamp.value.signed.snapshotMeta, snapshot.value.signed.version, 'snapshot'],
    [snapshot.value.signed.meta['targets.json'], targets.value.signed.version, 'targets'],
    [snapshot.value.signed.meta[roleFile], releases.value.signed.version, role],
  ];
  for (const [meta, version, name] of listed) {
    if (meta === undefined || meta.version !== version) return broken(`${name} is not the version that is vouched for`);
    try {
      meta.verify(Buffer.from(bytesOf(metadata, name)));
    } catch {
      return broken(`${name} is not the file that is vouched for`);
    }
  }
  if (![...(targets.value.signed.delegations?.rolesForTarget(path) ?? [])].some((found) => found.role === role)) {
    return broken('the role may not sign for the channel');
  }
  if (!isFile(releases.value.signed.targets[path], proof.pointerBytes))
    return broken('the pointer is not the one that was signed');
  const pointer = parseReleasePointer(proof.pointerBytes);
  if (!pointer.ok) return pointer;
  if (pointer.value.env !== env || pointer.value.channel !== channel)
    return broken('the pointer is of another channel');
  const bundle = targets.value.signed.targets[BUNDLE_PATH(pointer.value.stable.sha256)];
  if (bundle?.hashes['sha256'] !== pointer.value.stable.sha256) return broken('the bundle is not listed');
  return pointer;
}

interface Meta {
  readonly version: number;
  verify(data: Buffer): void;
}

function delegateOf(env: string, channel: string, path: string): readonly [string?, string?] {
  if (path === RELEASE_PATH(env, channel)) return [releasesRole(env), `${releasesRole(env)}.json`];
  if (path === ABORT_PATH(env, channel)) return [abortsRole(env), `${abortsRole(env)}.json`];
  return [];
}

function isFile(
  listed: { readonly length: number; readonly hashes: Record<string, string> } | undefined,
  bytes: Uint8Array,
): boolean {
  return (
    listed !== undefined &&
    listed.length === bytes.byteLength &&
    listed.hashes['sha256'] === createHash('sha256').update(bytes).digest('hex')
  );
}

function bytesOf(metadata: MetadataBytes, role: string): Uint8Array {
  return metadata.get(role) ?? new Uint8Array();
}

function broken(message: string): {
  readonly ok: false;
  readonly problems: readonly [{ code: string; message: string; path: string }];
} {
  return { ok: false, problems: [{ code: 'ERR_BUNDLE_PROOF', message, path: '' }] };
}
