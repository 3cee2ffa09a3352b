import type { BuiltBundle } from '@portcullis/policy/bundle';
import {
  addBundleTarget,
  BUNDLE_PATH,
  DEFAULT_EXPIRIES,
  isExpired,
  parseTargets,
  RELEASE_TYPE,
  type ReleasedBundle,
  type ReleasePointer,
  releasesRole,
  type SigningKey,
  signReleases,
  signTargets,
} from '@portcullis/policy/trust';
import { problemFault } from '../faults.js';
import { countSignatures, keysFor, type SignatureCount } from './signatures.js';
import type { TrustedTargets, TrustedView } from './trusted-view.js';

/** The next version of what a release changes, with the signatures that it has so far. */
export interface ReleaseDraft {
  readonly env: string;
  readonly channel: string;
  readonly pointer: ReleasePointer;
  /** The exact bytes that were signed. */
  readonly pointerBytes: Uint8Array;
  readonly releases: Uint8Array;
  /** The next targets version, when the bundle is not in the current one or that has expired. */
  readonly targets: Uint8Array | undefined;
  /** The bundle's bytes, when `targets` names it for the first time. */
  readonly bundle: Uint8Array | undefined;
}

/** What the next pointer says beside what follows from the current state. */
export interface PointerWishes {
  readonly env: string;
  readonly channel: string;
  readonly reason?: string;
  readonly actor: string;
  /** How long PDPs may enforce it, in milliseconds. */
  readonly validForMs?: number;
  readonly rollbackOf?: number;
}

/** The pointer after `current` (or the first one) that makes `stable` the channel's bundle. */
export function nextPointer(
  current: ReleasePointer | undefined,
  stable: ReleasedBundle,
  wishes: PointerWishes,
  now: number,
): ReleasePointer {
  return {
    _type: RELEASE_TYPE,
    env: wishes.env,
    channel: wishes.channel,
    seq: (current?.seq ?? 0) + 1,
    issued_at: new Date(now).toISOString(),
    not_after: new Date(now + (wishes.validForMs ?? DEFAULT_EXPIRIES.releases)).toISOString(),
    stable,
    candidate: null,
    rollout: null,
    activation: { min_acks: 0 },
    ...(wishes.rollbackOf === undefined ? {} : { rollback_of: wishes.rollbackOf }),
    ...(wishes.reason === undefined ? {} : { reason: wishes.reason }),
    actor: wishes.actor,
  };
}

/** A bundle as a pointer names it. */
export function releasedBundle(sha256: string, policyVersion: string): ReleasedBundle {
  return { target: BUNDLE_PATH(sha256), sha256, policy_version: policyVersion };
}

function isTarget(view: TrustedView, bundle: BuiltBundle): boolean {
  return view.targets.metadata.signed.targets[BUNDLE_PATH(bundle.sha256)] !== undefined;
}

function nextTargets(
  view: TrustedView,
  bundle: BuiltBundle | undefined,
  keys: readonly SigningKey[],
  now: number,
): Uint8Array | undefined {
  const { bytes: current, metadata } = view.targets;
  const signing = { current, keys: keysFor(view.root, 'targets', keys), now, lifetimeMs: DEFAULT_EXPIRIES.targets };
  const isNew = bundle !== undefined && !isTarget(view, bundle);
  if (!isNew && !isExpired(metadata, now)) return undefined;
  const signed = !isNew
    ? signTargets({ ...signing, changes: [] })
    : addBundleTarget({
        ...signing,
        bundle: bundle.bytes,
        facts: { format: 'portcullis.policy/1', policy_version: bundle.policyVersion },
      });
  if (!signed.ok) throw problemFault('ERR_CLI_SIGN', 'the next targets version was not signed', signed.problems);
  return signed.value.bytes;
}

/**
 * Signs, with those of `keys` that may, everything that a release changes. Having too few keys is not a failure: see
 * {@link missingSignatures}.
 * @throws PortcullisError `ERR_CLI_SIGN` when the pointer would not be readable.
 */
export function draftRelease(
  view: TrustedView,
  pointer: ReleasePointer,
  options: { readonly bundle: BuiltBundle | undefined; readonly keys: readonly SigningKey[]; readonly now: number },
): ReleaseDraft {
  const { keys, now, bundle } = options;
  const role = releasesRole(pointer.env);
  const signed = signReleases({
    current: view.releases.bytes,
    keys: keysFor(view.targets.metadata, role, keys),
    now,
    lifetimeMs: DEFAULT_EXPIRIES.releases,
    pointer,
  });
  if (!signed.ok) throw problemFault('ERR_CLI_SIGN', 'the release was not signed', signed.problems);
  return {
    env: pointer.env,
    channel: pointer.channel,
    pointer,
    pointerBytes: signed.value.pointer,
    releases: signed.value.bytes,
    targets: nextTargets(view, bundle, keys, now),
    bundle: bundle === undefined || isTarget(view, bundle) ? undefined : bundle.bytes,
  };
}

function readTargets(what: string, bytes: Uint8Array): TrustedTargets {
  const parsed = parseTargets(bytes);
  if (!parsed.ok) throw problemFault('ERR_CLI_DRAFT', `${what} is not metadata`, parsed.problems);
  return parsed.value;
}

/** How far each role that a draft changes is from its threshold. */
export function signatureCounts(view: TrustedView, draft: ReleaseDraft): readonly SignatureCount[] {
  const role = releasesRole(draft.env);
  const releases = countSignatures(view.targets.metadata, role, readTargets(role, draft.releases));
  if (draft.targets === undefined) return [releases];
  return [countSignatures(view.root, 'targets', readTargets('targets', draft.targets)), releases];
}

/** The counts that are below their threshold; empty when the draft can be released. */
export function missingSignatures(view: TrustedView, draft: ReleaseDraft): readonly SignatureCount[] {
  return signatureCounts(view, draft).filter((count) => !count.complete);
}
