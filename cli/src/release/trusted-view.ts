import type { Checked } from '@portcullis/policy/model';
import {
  ABORT_PATH,
  type AnyMetadata,
  abortsRole,
  hashesOf,
  isExpired,
  metadataKey,
  openTrustedRoot,
  parseReleasePointer,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  RELEASE_PATH,
  type ReleasePointer,
  releasesRole,
  selectRelease,
  targetKey,
  verifyNextRoot,
  verifyRole,
} from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';
import { problemFault } from '../faults.js';

/** As many as tuf-js follows. */
const MAX_ROOT_ROTATIONS = 256;

/** Reads an object of the channel by its key; `undefined` when there is none. */
export type ReadObject = (key: string) => Promise<Uint8Array | undefined>;

type Valid<F extends (...args: never[]) => Checked<unknown>> = Extract<ReturnType<F>, { ok: true }>['value'];
/** Verified root metadata. */
export type TrustedRoot = Valid<typeof openTrustedRoot>;
/** Verified targets metadata, top-level or delegated. */
export type TrustedTargets = Valid<typeof parseTargets>;

/** Verified metadata and the bytes that it was read from. */
export interface TrustedRole {
  readonly bytes: Uint8Array;
  readonly metadata: TrustedTargets;
}

/** The newest metadata of a channel's environment, every signature checked from the pinned root on. */
export interface TrustedView {
  readonly root: TrustedRoot;
  readonly targets: TrustedRole;
  readonly releases: TrustedRole;
  readonly aborts: TrustedRole;
}

function must<T>(what: string, checked: Checked<T>): T {
  if (checked.ok) return checked.value;
  throw problemFault('ERR_CLI_TRUST', `${what} cannot be trusted`, checked.problems);
}

function refuse(message: string): never {
  throw new PortcullisError('ERR_CLI_TRUST', 'corrupt', message);
}

async function readKey(read: ReadObject, key: string): Promise<Uint8Array> {
  return (await read(key)) ?? refuse(`the distributor has no ${key}`);
}

async function newestRoot(read: ReadObject, pinned: Uint8Array): Promise<TrustedRoot> {
  let root = must('--root', openTrustedRoot(pinned));
  for (let step = 0; step < MAX_ROOT_ROTATIONS; step += 1) {
    const version = root.signed.version + 1;
    const next = await read(metadataKey('root', version));
    if (next === undefined) return root;
    root = must(`root ${version}`, verifyNextRoot(root, next));
  }
  return refuse(`more than ${MAX_ROOT_ROTATIONS} new roots: pin a newer root.json with --root`);
}

function notExpired(what: string, metadata: AnyMetadata, now: number): void {
  if (isExpired(metadata, now)) refuse(`${what} has expired: is the distributor running, and is this clock right?`);
}

function sameVersion(what: string, found: number, due: number | undefined): void {
  if (found !== due) refuse(`${what} has version ${found}, but version ${due ?? 'none'} is current`);
}

/**
 * Reads and verifies what the next release will be built upon, as a TUF client does. Whoever signs a next version vouches
 * for all of it, so nothing that the distributor says is taken on faith. Expired targets and releases are accepted here:
 * signing them anew is how they stop being expired.
 * @throws PortcullisError `ERR_CLI_TRUST` when anything is missing, unsigned, mixed or (root, timestamp, snapshot) expired.
 */
export async function readTrustedView(
  read: ReadObject,
  options: { readonly rootBytes: Uint8Array; readonly env: string; readonly now: number },
): Promise<TrustedView> {
  const { now, env } = options;
  const root = await newestRoot(read, options.rootBytes);
  notExpired('root', root, now);

  const timestamp = must('timestamp', parseTimestamp(await readKey(read, metadataKey('timestamp', 0))));
  must('timestamp', verifyRole(root, 'timestamp', timestamp));
  notExpired('timestamp', timestamp, now);

  const snapshotVersion = timestamp.signed.snapshotMeta.version;
  const snapshot = must('snapshot', parseSnapshot(await readKey(read, metadataKey('snapshot', snapshotVersion))));
  must('snapshot', verifyRole(root, 'snapshot', snapshot));
  sameVersion('snapshot', snapshot.signed.version, snapshotVersion);
  notExpired('snapshot', snapshot, now);

  const current = async (role: string, delegator: TrustedRoot | TrustedTargets): Promise<TrustedRole> => {
    const due = snapshot.signed.meta[`${role}.json`]?.version;
    if (due === undefined)
      return refuse(`${role} does not exist: was the environment named in "portcullis trust init --env"?`);
    const bytes = await readKey(read, metadataKey(role, due));
    const metadata = must(role, parseTargets(bytes));
    must(role, verifyRole(delegator, role, metadata));
    sameVersion(role, metadata.signed.version, due);
    return { bytes, metadata };
  };
  const targets = await current('targets', root);
  const releases = await current(releasesRole(env), targets.metadata);
  return { root, targets, releases, aborts: await current(abortsRole(env), targets.metadata) };
}

async function readPointer(read: ReadObject, role: TrustedTargets, path: string): Promise<ReleasePointer | undefined> {
  const target = role.signed.targets[path];
  if (target === undefined) return undefined;
  const { sha256 } = target.hashes;
  if (sha256 === undefined) return refuse(`${path} has no SHA-256`);
  const bytes = await readKey(read, targetKey(path, sha256));
  if (hashesOf(bytes).sha256 !== sha256) return refuse(`${path} is not what was signed`);
  return must(path, parseReleasePointer(bytes));
}

/**
 * The pointer that the channel's PDPs run (an abort counts, where PDPs would let it), or `undefined` before its first
 * release.
 * @throws PortcullisError `ERR_CLI_TRUST` when the bytes are not the signed ones.
 */
export async function readCurrentPointer(
  read: ReadObject,
  view: TrustedView,
  options: { readonly env: string; readonly channel: string },
): Promise<ReleasePointer | undefined> {
  const { env, channel } = options;
  const release = await readPointer(read, view.releases.metadata, RELEASE_PATH(env, channel));
  if (release === undefined) return undefined;
  const abort = await readPointer(read, view.aborts.metadata, ABORT_PATH(env, channel));
  return must('the current release', selectRelease(release, abort, undefined));
}
