/** What people sign: root, the list of bundles, and releases. Each call makes version N+1 of the metadata it is given. */

import { Metadata, MetadataKind, TargetFile, Targets } from '@tufjs/models';
import type { Checked } from '../model/index.js';
import { problem, refused } from './document.js';
import {
  type AnyMetadata,
  expiryAfter,
  hashesOf,
  type JsonObject,
  parseRoot,
  parseTargets,
  type SignedFile,
  signedFile,
} from './metadata.js';
import { ABORT_PATH, BUNDLE_PATH, RELEASE_PATH } from './paths.js';
import { encodeReleasePointer, parseReleasePointer, type ReleasePointer } from './release-pointer.js';
import { checkAbortRelease } from './select-release.js';
import type { SigningKey } from './signing-key.js';
import { signersOf } from './verify.js';

interface OfflineSigning {
  /** Exact bytes of the version before. */
  readonly current: Uint8Array;
  /** May be fewer than the threshold: the others add theirs with {@link coSign}. */
  readonly keys: readonly SigningKey[];
  /** Epoch milliseconds. */
  readonly now: number;
  /** How long what is signed is valid, in milliseconds. */
  readonly lifetimeMs: number;
}

/** What a policy owner states about a bundle, beside its digests; kept under `custom.portcullis`. */
export interface BundleFacts {
  readonly format: 'portcullis.policy/1';
  readonly policy_version: string;
  readonly bundle_name?: string;
}

type CustomJson = NonNullable<ConstructorParameters<typeof TargetFile>[0]['unrecognizedFields']>[string];

/** A change to a list of targets: sets the path, or with `undefined` removes it. */
export type TargetChange = {
  readonly path: string;
  readonly bytes: Uint8Array | undefined;
  readonly custom?: CustomJson;
};

/** Signs the next version of targets or of a delegated role with the changes made. Delegations are kept. */
export function signTargets(
  options: OfflineSigning & { readonly changes: readonly TargetChange[] },
): Checked<SignedFile> {
  const current = parseTargets(options.current);
  if (!current.ok) return current;
  const { signed } = current.value;
  const targets = { ...signed.targets };
  for (const { path, bytes, custom } of options.changes) {
    if (bytes === undefined) delete targets[path];
    else {
      const unrecognizedFields = custom === undefined ? {} : { custom };
      targets[path] = new TargetFile({
        path,
        length: bytes.byteLength,
        hashes: { ...hashesOf(bytes) },
        unrecognizedFields,
      });
    }
  }
  const next = new Targets({
    version: signed.version + 1,
    specVersion: signed.specVersion,
    expires: expiryAfter(options.now, options.lifetimeMs),
    targets,
    ...(signed.delegations === undefined ? {} : { delegations: signed.delegations }),
    unrecognizedFields: signed.unrecognizedFields,
  });
  return { ok: true, value: signedFile(new Metadata(next), options.keys) };
}

/** Signs the next targets version with one more bundle, under `BUNDLE_PATH` of its digest. */
export function addBundleTarget(
  options: OfflineSigning & { readonly bundle: Uint8Array; readonly facts: BundleFacts },
): Checked<SignedFile & { readonly sha256: string }> {
  const { sha256 } = hashesOf(options.bundle);
  const change = { path: BUNDLE_PATH(sha256), bytes: options.bundle, custom: { portcullis: { ...options.facts } } };
  const signed = signTargets({ ...options, changes: [change] });
  return signed.ok ? { ok: true, value: { ...signed.value, sha256 } } : signed;
}

/** A signed pointer: the role's metadata and the pointer's own bytes, both to be published as they are. */
export interface SignedRelease extends SignedFile {
  readonly path: string;
  readonly pointer: Uint8Array;
}

/** Signs the next `releases-<env>` version with the channel's pointer. Refuses a pointer that its readers would refuse. */
export function signReleases(options: OfflineSigning & { readonly pointer: ReleasePointer }): Checked<SignedRelease> {
  return signPointer(options, RELEASE_PATH(options.pointer.env, options.pointer.channel));
}

/** Signs the next `aborts-<env>` version with an abort of `previous`. Refuses what {@link checkAbortRelease} refuses. */
export function signAborts(
  options: OfflineSigning & { readonly previous: ReleasePointer; readonly pointer: ReleasePointer },
): Checked<SignedRelease> {
  const allowed = checkAbortRelease(options.previous, options.pointer);
  return allowed.ok ? signPointer(options, ABORT_PATH(options.pointer.env, options.pointer.channel)) : allowed;
}

function signPointer(
  options: OfflineSigning & { readonly pointer: ReleasePointer },
  path: string,
): Checked<SignedRelease> {
  const pointer = encodeReleasePointer(options.pointer);
  const readable = parseReleasePointer(pointer);
  if (!readable.ok) return readable;
  const signed = signTargets({ ...options, changes: [{ path, bytes: pointer }] });
  return signed.ok ? { ok: true, value: { ...signed.value, path, pointer } } : signed;
}

/** Adds more holders' signatures to metadata of any role, without changing what was signed. */
export function coSign(metadata: AnyMetadata, keys: readonly SigningKey[]): SignedFile {
  return signedFile(metadata, keys);
}

/** A change of one top-level role's keys; the role's former keys are replaced. */
export interface RoleChange {
  readonly role: 'root' | 'targets' | 'snapshot' | 'timestamp';
  readonly keys: readonly SigningKey[];
  readonly threshold: number;
}

/**
 * Signs root N+1. `keys` must meet the threshold of the current root **and** that of the new one; otherwise refuses with
 * `ERR_TRUST_SIGNATURE`, because a root that only one side accepts strands every client.
 */
export function rotateRoot(options: OfflineSigning & { readonly changes: readonly RoleChange[] }): Checked<SignedFile> {
  const current = parseRoot(options.current);
  if (!current.ok) return current;
  const fields = current.value.signed.toJSON();
  const roles = { ...(fields['roles'] as JsonObject) };
  const keys = { ...(fields['keys'] as JsonObject) };
  for (const change of options.changes) {
    if (change.threshold < 1 || new Set(change.keys.map((key) => key.keyId)).size < change.threshold) {
      return refused(
        'ERR_TRUST_SIGNATURE',
        `${change.role} has too few keys for threshold ${change.threshold}`,
        change.role,
      );
    }
    roles[change.role] = { keyids: [...new Set(change.keys.map((key) => key.keyId))], threshold: change.threshold };
    for (const key of change.keys) keys[key.keyId] = key.publicKey.toJSON();
  }
  const used = new Set(Object.values(roles).flatMap((role) => (role as { keyids: string[] }).keyids));
  const signed = {
    ...fields,
    version: current.value.signed.version + 1,
    expires: expiryAfter(options.now, options.lifetimeMs),
    roles,
    keys: Object.fromEntries(Object.entries(keys).filter(([id]) => used.has(id))),
  };
  const next = Metadata.fromJSON(MetadataKind.Root, { signed, signatures: [] });
  const signersFor = (delegator: typeof next): readonly SigningKey[] => {
    const { keyIds } = signersOf(delegator, 'root');
    return options.keys.filter((key) => keyIds.includes(key.keyId));
  };
  // Keys of other roles may be among those given; their signatures would be bytes of the root that nobody ever checks.
  const file = signedFile(next, [...new Set([...signersFor(current.value), ...signersFor(next)])]);
  const problems = [current.value, next].flatMap((delegator) => {
    const { threshold } = signersOf(delegator, 'root');
    const count = signersFor(delegator).length;
    const side = delegator === next ? 'new' : 'current';
    return count >= threshold
      ? []
      : [problem('ERR_TRUST_SIGNATURE', `the ${side} root needs ${threshold} signatures, ${count} given`, 'root')];
  });
  return problems.length === 0 ? { ok: true, value: file } : { ok: false, problems };
}
