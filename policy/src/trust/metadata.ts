/** TUF metadata in and out. What is signed or read stays the bytes it was; nobody re-serialises it on the way. */

import { createHash } from 'node:crypto';
import { Metadata, MetadataKind, type Root, type Snapshot, type Targets, type Timestamp } from '@tufjs/models';
import type { Checked } from '../model/index.js';
import { encodeDocument, messageOf, refused } from './document.js';
import type { SigningKey } from './signing-key.js';

/** The TUF specification that is written. */
export const SPEC_VERSION = '1.0.31';

/** The same byte caps as tuf-js, checked before anything is parsed. */
export const MAX_METADATA_BYTES = {
  root: 512_000,
  timestamp: 16_384,
  snapshot: 2_000_000,
  targets: 5_000_000,
} as const satisfies Record<MetadataKind, number>;

/** Any signed role. */
export type AnyMetadata = Metadata<Root> | Metadata<Targets> | Metadata<Snapshot> | Metadata<Timestamp>;

/** Parsed targets metadata, top-level or delegated. */
export type TargetsMetadata = Metadata<Targets>;

/** Signed metadata as it must be stored and sent. */
export interface SignedFile {
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** JSON as the models read and write it. */
export type JsonObject = Parameters<typeof Metadata.fromJSON>[1];

/** Reads root metadata; problems have the code `ERR_TRUST_METADATA`. Verifies nothing. */
export function parseRoot(bytes: Uint8Array): Checked<Metadata<Root>> {
  return parse(MetadataKind.Root, bytes, (json) => Metadata.fromJSON(MetadataKind.Root, json));
}

/** Reads targets metadata, top-level or delegated; problems have the code `ERR_TRUST_METADATA`. Verifies nothing. */
export function parseTargets(bytes: Uint8Array): Checked<Metadata<Targets>> {
  return parse(MetadataKind.Targets, bytes, (json) => Metadata.fromJSON(MetadataKind.Targets, json));
}

/** Reads snapshot metadata; problems have the code `ERR_TRUST_METADATA`. Verifies nothing. */
export function parseSnapshot(bytes: Uint8Array): Checked<Metadata<Snapshot>> {
  return parse(MetadataKind.Snapshot, bytes, (json) => Metadata.fromJSON(MetadataKind.Snapshot, json));
}

/** Reads timestamp metadata; problems have the code `ERR_TRUST_METADATA`. Verifies nothing. */
export function parseTimestamp(bytes: Uint8Array): Checked<Metadata<Timestamp>> {
  return parse(MetadataKind.Timestamp, bytes, (json) => Metadata.fromJSON(MetadataKind.Timestamp, json));
}

function parse<T extends AnyMetadata>(
  kind: MetadataKind,
  bytes: Uint8Array,
  read: (json: JsonObject) => T,
): Checked<T> {
  const code = 'ERR_TRUST_METADATA';
  const limit = MAX_METADATA_BYTES[kind];
  if (bytes.byteLength > limit) return refused(code, `${kind} metadata has more than ${limit} bytes`);
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    if (typeof json !== 'object' || json === null || Array.isArray(json))
      return refused(code, 'metadata is not an object');
    const metadata = read(json as JsonObject);
    const { version } = metadata.signed;
    if (!Number.isSafeInteger(version) || version < 1)
      return refused(code, 'not a version: a positive integer is due', 'version');
    return { ok: true, value: metadata };
  } catch (error) {
    return refused(code, `not ${kind} metadata: ${messageOf(error)}`);
  }
}

/** The expiry `lifetimeMs` after `now` (epoch ms), in whole seconds as TUF writes it, rounded down. */
export function expiryAfter(now: number, lifetimeMs: number): string {
  return new Date(Math.floor((now + lifetimeMs) / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}

/** Adds the keys' signatures and encodes. Signatures already there stay, so that holders can sign one after the other. */
export function signedFile(metadata: AnyMetadata, keys: readonly SigningKey[]): SignedFile {
  for (const key of keys) metadata.sign((data) => key.sign(data));
  return { version: metadata.signed.version, bytes: encodeDocument(metadata.toJSON()) };
}

/** Lower-case hex digests as TUF lists them; SHA-256 first, because that one names the file. */
export function hashesOf(bytes: Uint8Array): { readonly sha256: string; readonly sha512: string } {
  return {
    sha256: createHash('sha256').update(bytes).digest('hex'),
    sha512: createHash('sha512').update(bytes).digest('hex'),
  };
}
