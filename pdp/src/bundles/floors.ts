/**
 * The versions below which nothing is accepted any more. tuf-js takes its rollback protection from its own metadata
 * files, and forgets it when one of them does not parse; these floors live in another file and do not forget.
 */

import { createHash } from 'node:crypto';
import type { Checked } from '@portcullis/policy/model';
import { parseRoot, parseSnapshot, parseTimestamp, signersOf } from '@portcullis/policy/trust';
import { z } from 'zod';

const version = z.int().min(1);

/** The shape of {@link Floors} on disk. */
export const floorsSchema = z
  .strictObject({
    root: version,
    timestamp: version,
    snapshot: version,
    /** Every role that the snapshot lists. */
    roles: z.record(z.string(), version),
    /** Who could sign timestamp and snapshot when these versions were seen. */
    timestampSigners: z.string(),
    snapshotSigners: z.string(),
  })
  .readonly();

/** Accepted versions, and the keys under which they were accepted. */
export type Floors = z.output<typeof floorsSchema>;

/** Exact bytes of verified metadata by role name. */
export type MetadataBytes = ReadonlyMap<string, Uint8Array>;

/** Reads the versions out of verified metadata. Problems have the code `ERR_TRUST_METADATA`. */
export function floorsOf(metadata: MetadataBytes): Checked<Floors> {
  const root = parseRoot(bytesOf(metadata, 'root'));
  if (!root.ok) return root;
  const timestamp = parseTimestamp(bytesOf(metadata, 'timestamp'));
  if (!timestamp.ok) return timestamp;
  const snapshot = parseSnapshot(bytesOf(metadata, 'snapshot'));
  if (!snapshot.ok) return snapshot;
  const roles = Object.entries(snapshot.value.signed.meta).map(([file, meta]) => [
    file.replace(/\.json$/, ''),
    meta.version,
  ]);
  return {
    ok: true,
    value: {
      root: root.value.signed.version,
      timestamp: timestamp.value.signed.version,
      snapshot: snapshot.value.signed.version,
      roles: Object.fromEntries(roles) as Record<string, number>,
      timestampSigners: signersDigest(root.value, 'timestamp'),
      snapshotSigners: signersDigest(root.value, 'snapshot'),
    },
  };
}

/**
 * Why `found` must not be accepted after `floors`, or `undefined`.
 *
 * A root that replaces the keys of timestamp or snapshot ends the floors of what those keys signed: that is how a
 * repository recovers from a stolen key that was used to run the versions up (TUF 5.3.11, fast-forward recovery).
 */
export function belowFloors(found: Floors, floors: Floors): string | undefined {
  if (found.root < floors.root) return below('root', found.root, floors.root);
  const sameTimestampKeys = found.timestampSigners === floors.timestampSigners;
  const sameSnapshotKeys = found.snapshotSigners === floors.snapshotSigners;
  if (sameTimestampKeys && found.timestamp < floors.timestamp) {
    return below('timestamp', found.timestamp, floors.timestamp);
  }
  if (sameTimestampKeys && sameSnapshotKeys && found.snapshot < floors.snapshot) {
    return below('snapshot', found.snapshot, floors.snapshot);
  }
  if (!sameSnapshotKeys) return undefined;
  for (const [role, floor] of Object.entries(floors.roles)) {
    const current = found.roles[role];
    if (current === undefined) return `the snapshot no longer lists ${role}`;
    if (current < floor) return below(role, current, floor);
  }
  return undefined;
}

function below(role: string, found: number, floor: number): string {
  return `${role} version ${found} is below the accepted version ${floor}`;
}

function signersDigest(root: Parameters<typeof signersOf>[0], role: string): string {
  const { keyIds, threshold } = signersOf(root, role);
  return createHash('sha256')
    .update(JSON.stringify([threshold, ...[...keyIds].sort()]))
    .digest('hex');
}

function bytesOf(metadata: MetadataBytes, role: string): Uint8Array {
  return metadata.get(role) ?? new Uint8Array();
}
