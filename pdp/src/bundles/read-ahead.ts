/**
 * Asks a source ahead: what an object names is fetched while the object itself is still being verified, and all that is named
 * together at once. A look then takes as long as its longest chain of questions. Nothing is believed here: what whoever asks
 * gets is what the source gave, and is for them to verify.
 */

import {
  ABORT_PATH,
  abortsRole,
  BUNDLE_PATH,
  isSha256Hex,
  MAX_METADATA_BYTES,
  MAX_POINTER_BYTES,
  metadataKey,
  parseReleasePointer,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  RELEASE_PATH,
  releasesRole,
  targetKey,
} from '@portcullis/policy/trust';
import type { Floors } from './floors.js';
import type { ObjectSource } from './object-source.js';

/** What a look at a channel is likely to lead to. */
export interface ReadAheadOptions {
  readonly env: string;
  readonly channel: string;
  /** Versions that are here already; nothing of those is asked for. */
  readonly floors: Floors | undefined;
  /** Whether a bundle is here already. */
  readonly holds: (sha256: string) => Promise<boolean>;
  readonly maxBundleBytes: number;
  /** Ends every question. */
  readonly signal: AbortSignal;
}

/** Begins at once. Asks for each object once, at most for a snapshot, three roles, two pointers and their bundles. */
export function readAhead(source: ObjectSource, options: ReadAheadOptions): ObjectSource {
  const { env, channel, floors, signal } = options;
  const asked = new Map<string, Promise<Uint8Array | undefined>>();
  /** Asked for, here or by whoever reads. */
  const seen = new Set<string>();
  const pointers = new Map([
    [releasesRole(env), RELEASE_PATH(env, channel)],
    [abortsRole(env), ABORT_PATH(env, channel)],
  ]);

  const ask = (key: string, maxBytes: number, follow: (bytes: Uint8Array) => void = () => undefined): void => {
    if (seen.has(key) || signal.aborted) return;
    seen.add(key);
    const answer = source.get(key, { maxBytes, signal });
    asked.set(key, answer);
    answer.then(
      (bytes) => (bytes === undefined || bytes.byteLength > maxBytes ? undefined : follow(bytes)),
      // Whoever asks for it is told.
      () => undefined,
    );
  };
  const onTimestamp = (bytes: Uint8Array): void => {
    const timestamp = parseTimestamp(bytes);
    if (!timestamp.ok) return;
    const { version } = timestamp.value.signed.snapshotMeta;
    if (version !== floors?.snapshot) ask(metadataKey('snapshot', version), MAX_METADATA_BYTES.snapshot, onSnapshot);
  };
  const onSnapshot = (bytes: Uint8Array): void => {
    const snapshot = parseSnapshot(bytes);
    if (!snapshot.ok) return;
    for (const role of ['targets', ...pointers.keys()]) {
      const version = snapshot.value.signed.meta[`${role}.json`]?.version;
      if (version === undefined || version === floors?.roles[role]) continue;
      ask(metadataKey(role, version), MAX_METADATA_BYTES.targets, (found) => onRole(pointers.get(role), found));
    }
  };
  const onRole = (path: string | undefined, bytes: Uint8Array): void => {
    const role = path === undefined ? undefined : parseTargets(bytes);
    if (path === undefined || role?.ok !== true) return;
    const sha256 = role.value.signed.targets[path]?.hashes['sha256'];
    if (sha256 !== undefined && isSha256Hex(sha256)) ask(targetKey(path, sha256), MAX_POINTER_BYTES, onPointer);
  };
  const onPointer = (bytes: Uint8Array): void => {
    const pointer = parseReleasePointer(bytes);
    if (!pointer.ok) return;
    const { sha256 } = pointer.value.stable;
    void options.holds(sha256).then((isHere) => {
      if (!isHere) ask(targetKey(BUNDLE_PATH(sha256), sha256), options.maxBundleBytes);
    });
  };

  ask(metadataKey('timestamp', 0), MAX_METADATA_BYTES.timestamp, onTimestamp);
  return {
    get: (key, reading) => {
      seen.add(key);
      const ahead = asked.get(key);
      // Given out once: what is asked for again has changed, or is too large to be kept.
      asked.delete(key);
      return ahead ?? source.get(key, reading);
    },
  };
}
