/** Where things live: target paths, role names and channel keys of contracts §10. Spelled here and nowhere else. */

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const SHA256_HEX = /^[0-9a-f]{64}$/;
const VERSIONED = /^([1-9][0-9]{0,15})\.([a-z][a-z0-9-]*)\.json$/;

/** The top-level roles of TUF. */
export const TOP_LEVEL_ROLES = ['root', 'targets', 'snapshot', 'timestamp'] as const;
/** A top-level role of TUF. */
export type TopLevelRole = (typeof TOP_LEVEL_ROLES)[number];

/** Environments and channels are 1 to 63 lower-case letters, digits and inner hyphens, so that they are safe in a path. */
export function isReleaseName(name: string): boolean {
  return NAME.test(name);
}

/** Lower-case hex of 32 bytes. */
export function isSha256Hex(text: string): boolean {
  return SHA256_HEX.test(text);
}

/** The delegated role that signs releases of `env`. */
export function releasesRole(env: string): string {
  return `releases-${env}`;
}

/** The delegated role of the automatic rollback key; see {@link checkAbortRelease} for what little it may say. */
export function abortsRole(env: string): string {
  return `aborts-${env}`;
}

/** The delegated role that signs the kill list of `env`; what it signs is in its metadata, it has no targets. */
export function killsRole(env: string): string {
  return `kills-${env}`;
}

/** The target path of a channel's release pointer. */
export function RELEASE_PATH(env: string, channel: string): string {
  return `releases/${env}/${channel}.json`;
}

/** The target path of a channel's abort pointer. */
export function ABORT_PATH(env: string, channel: string): string {
  return `aborts/${env}/${channel}.json`;
}

/** The target path of a bundle; `sha256` is the lower-case hex digest of its exact bytes. */
export function BUNDLE_PATH(sha256: string): string {
  return `bundles/${sha256}.tar.gz`;
}

/** The file name of one version of a role's metadata (consistent snapshots); `timestamp` has no version in its name. */
export function metadataFileName(role: string, version: number): string {
  return role === 'timestamp' ? 'timestamp.json' : `${version}.${role}.json`;
}

/** The inverse of {@link metadataFileName}, or `undefined` for any other name. `timestamp.json` has version 0. */
export function parseMetadataFileName(name: string): { readonly role: string; readonly version: number } | undefined {
  if (name === 'timestamp.json') return { role: 'timestamp', version: 0 };
  const match = VERSIONED.exec(name);
  const [, version, role] = match ?? [];
  if (version === undefined || role === undefined || role === 'timestamp') return undefined;
  return Number.isSafeInteger(Number(version)) ? { role, version: Number(version) } : undefined;
}

/** The channel key of one version of a role's metadata. */
export function metadataKey(role: string, version: number): string {
  return `metadata/${metadataFileName(role, version)}`;
}

/** The path of a target under `targets/` with consistent snapshots: the file name is prefixed with its SHA-256. */
export function hashedTargetPath(path: string, sha256: string): string {
  const slash = path.lastIndexOf('/') + 1;
  return `${path.slice(0, slash)}${sha256}.${path.slice(slash)}`;
}

/** The channel key of a target. */
export function targetKey(path: string, sha256: string): string {
  return `targets/${hashedTargetPath(path, sha256)}`;
}
