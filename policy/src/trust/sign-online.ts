/** What the distributor signs: which versions belong together (snapshot), and that this is still so (timestamp). */

import { Metadata, MetaFile, Snapshot, Timestamp } from '@tufjs/models';
import type { Checked } from '../model/index.js';
import { refused } from './document.js';
import {
  expiryAfter,
  hashesOf,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  type SignedFile,
  SPEC_VERSION,
  signedFile,
} from './metadata.js';
import type { SigningKey } from './signing-key.js';

/** The field of the signed timestamp that says when it was signed; TUF allows fields that it does not know. */
const ISSUED_AT = 'x-portcullis-issued-at';

interface OnlineSigning {
  readonly keys: readonly SigningKey[];
  /** Epoch milliseconds. */
  readonly now: number;
  /** How long what is signed is valid, in milliseconds. */
  readonly lifetimeMs: number;
  /** The bytes of the version before; `undefined` signs version 1. */
  readonly previous: Uint8Array | undefined;
}

/** What {@link signSnapshot} is told. */
export interface SnapshotSigning extends OnlineSigning {
  /** Exact bytes of the current metadata of targets and of every delegated role, by file name without version. */
  readonly roles: ReadonlyMap<string, Uint8Array>;
}

/** What {@link signTimestamp} is told. */
export interface TimestampSigning extends OnlineSigning {
  /** Exact bytes of the current snapshot. */
  readonly snapshot: Uint8Array;
}

/** Signs the next snapshot. Refuses when a role would go missing or go back, because every client would refuse it too. */
export function signSnapshot(options: SnapshotSigning): Checked<SignedFile> {
  const meta: Record<string, MetaFile> = {};
  for (const [name, bytes] of options.roles) {
    const role = parseTargets(bytes);
    if (!role.ok) return role;
    meta[name] = new MetaFile({
      version: role.value.signed.version,
      length: bytes.byteLength,
      hashes: { sha256: hashesOf(bytes).sha256 },
    });
  }
  if (meta['targets.json'] === undefined) return refused('ERR_TRUST_SNAPSHOT', 'a snapshot needs targets.json');
  let version = 1;
  if (options.previous !== undefined) {
    const previous = parseSnapshot(options.previous);
    if (!previous.ok) return previous;
    version = previous.value.signed.version + 1;
    for (const [name, old] of Object.entries(previous.value.signed.meta)) {
      const found = meta[name]?.version ?? 0;
      if (found < old.version)
        return refused('ERR_TRUST_SNAPSHOT', `${name} would go from version ${old.version} to ${found}`, name);
    }
  }
  const expires = expiryAfter(options.now, options.lifetimeMs);
  return {
    ok: true,
    value: signedFile(new Metadata(new Snapshot({ version, specVersion: SPEC_VERSION, expires, meta })), options.keys),
  };
}

/**
 * Signs the next timestamp. Refuses with `ERR_TRUST_CLOCK` when `now` is before the moment at which the previous one was
 * signed: a clock that went back would renew what it cannot know to be current.
 */
export function signTimestamp(options: TimestampSigning): Checked<SignedFile> {
  const snapshot = parseSnapshot(options.snapshot);
  if (!snapshot.ok) return snapshot;
  let version = 1;
  if (options.previous !== undefined) {
    const previous = parseTimestamp(options.previous);
    if (!previous.ok) return previous;
    const issued = issuedAt(previous.value);
    if (issued !== undefined && options.now < issued) {
      return refused('ERR_TRUST_CLOCK', `the clock is ${issued - options.now} ms behind the last timestamp`);
    }
    if (snapshot.value.signed.version < previous.value.signed.snapshotMeta.version) {
      return refused('ERR_TRUST_SNAPSHOT', 'the snapshot is older than that of the last timestamp');
    }
    version = previous.value.signed.version + 1;
  }
  const timestamp = new Timestamp({
    version,
    specVersion: SPEC_VERSION,
    expires: expiryAfter(options.now, options.lifetimeMs),
    snapshotMeta: new MetaFile({
      version: snapshot.value.signed.version,
      length: options.snapshot.byteLength,
      hashes: { sha256: hashesOf(options.snapshot).sha256 },
    }),
    unrecognizedFields: { [ISSUED_AT]: new Date(options.now).toISOString() },
  });
  return { ok: true, value: signedFile(new Metadata(timestamp), options.keys) };
}

/** When the distributor signed a timestamp, epoch milliseconds; `undefined` when another signer left it out. */
export function issuedAt(timestamp: Metadata<Timestamp>): number | undefined {
  const text = timestamp.signed.unrecognizedFields[ISSUED_AT];
  const at = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}
