/**
 * From the channel to the release in force (contracts §10): verify, compile aside, persist, report `staged`, swap one
 * pointer, report `loaded`. Whatever goes wrong, the release in force stays as it is, and status and metrics say why.
 */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { linkBundleInSlices, loadModuleEngines, outlineOf } from '@portcullis/policy';
import { FIELD } from '@portcullis/policy/model';
import {
  ABORT_PATH,
  BUNDLE_PATH,
  isReleaseCurrent,
  issuedAt,
  MAX_POINTER_BYTES,
  parseReleasePointer,
  parseTargets,
  parseTimestamp,
  RELEASE_PATH,
  type ReleasePointer,
  sameDocument,
  selectRelease,
  type TargetsMetadata,
  unmetWish,
} from '@portcullis/policy/trust';
import { type Clock, LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import type { Snapshot } from '../pipeline/ports.js';
import type { ActiveReleases } from './active.js';
import { type BundleFiles, sha256Of } from './bundle-files.js';
import type { BundleCompiler } from './compiler.js';
import type { Floors, MetadataBytes } from './floors.js';
import { CLOCK_TOLERANCE_MS, type SignOfLife } from './freshness.js';
import type { NodeReports } from './node-reports.js';
import type { ObjectSource } from './object-source.js';
import { proofRoles, verifyProof } from './proof.js';
import { readAhead } from './read-ahead.js';
import { asFault, type RefusalReason, RefusedError, refusalOf } from './refusal.js';
import { walkRoots } from './root-chain.js';
import { type TrustSession, withTrustSession } from './trust-client.js';
import { readTrustedState, type TrustedState, writeTrustedState } from './trusted-state.js';
import { warmUp } from './warm-up.js';

/** Verified targets metadata. */
export interface TrustedTargets {
  readonly bytes: Uint8Array;
  readonly metadata: TargetsMetadata;
}

/** Sees what a source shows before a release of it is taken. @throws RefusedError when nothing of it may be taken. */
export type BeforeRelease = (metadata: MetadataBytes, source: ObjectSource, signal: AbortSignal) => Promise<void>;

/** What became of one look at the channel. */
export type SyncOutcome = 'activated' | 'unchanged' | 'refused';

/** Who counts what happens to releases. */
export interface BundleObserver {
  activation(outcome: 'activated' | 'refused' | 'restored'): void;
  verifyFailed(reason: RefusalReason): void;
}

/** What the client is made of. */
export interface BundleClientOptions {
  readonly env: string;
  readonly channel: string;
  /** Owned by this client alone. */
  readonly dataDir: string;
  readonly pinnedRoot: Uint8Array;
  /** In order of preference; where one is silent, behind or wrong, the next is asked. */
  readonly sources: readonly ObjectSource[];
  readonly active: ActiveReleases;
  readonly files: BundleFiles;
  readonly compiler: BundleCompiler;
  readonly reports: NodeReports;
  readonly observer: BundleObserver;
  readonly clock: Clock;
  readonly log: Logger;
  /** No bundle is larger, in bytes. */
  readonly maxBundleBytes: number;
  /** One source is given this long per look. */
  readonly syncTimeoutMs: number;
  readonly beforeRelease: BeforeRelease;
}

/** Keeps the release in force up to date. Calls of `sync` must not overlap. */
export interface BundleClient {
  /**
   * Puts the last good release in force again, from this node's own disk.
   * @throws PortcullisError kind `corrupt` when what was accepted before cannot be told any more: starting would forget
   * it; kind `invalid` when the pinned root is not usable.
   */
  restore(signal: AbortSignal): Promise<void>;
  /** Looks at the channel once. Never rejects. */
  sync(signal: AbortSignal): Promise<SyncOutcome>;
  /** Why the newest look at the channel did not end well; `undefined` when it did. */
  readonly trouble: string | undefined;
  /** The newest targets metadata that was verified; `undefined` before any was. */
  readonly trusted: TrustedTargets | undefined;
}

interface Selected {
  readonly pointer: ReleasePointer;
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Builds the client; does nothing until `restore`. */
export function createBundleClient(options: BundleClientOptions): BundleClient {
  const { env, channel, active, clock, observer, reports, log } = options;
  const statePath = join(options.dataDir, 'trusted-state');
  const trust = {
    metadataDir: join(options.dataDir, 'metadata'),
    rootsDir: join(options.dataDir, 'roots'),
    scratchDir: join(options.dataDir, 'scratch'),
    pinnedRoot: options.pinnedRoot,
  };
  const wanted = {
    env,
    channel,
    holds: async (sha256: string) => (await options.files.read(sha256)) !== undefined,
    maxBundleBytes: options.maxBundleBytes,
  };
  let state: TrustedState | undefined;
  /** The last release that was put in force, also when its bundle was lost since. */
  let accepted: ReleasePointer | undefined;
  let trouble: string | undefined;
  let lookedAt: ReleasePointer | undefined;
  let trusted: TrustedTargets | undefined;

  const trustIn = (metadata: MetadataBytes): void => {
    const bytes = metadata.get('targets') ?? new Uint8Array();
    const targets = parseTargets(bytes);
    if (targets.ok) trusted = { bytes, metadata: targets.value };
  };

  const compile = async (pointer: ReleasePointer, bytes: Uint8Array, signal: AbortSignal): Promise<Snapshot> => {
    const compiled = await options.compiler.compile(bytes, signal);
    if (!compiled.ok) throw new RefusedError('compile', compiled.problems[0]?.message ?? 'the bundle does not compile');
    const modules = await loadModuleEngines(outlineOf(compiled.value));
    if (!modules.ok) throw new RefusedError('compile', modules.problems[0]?.message ?? 'a module cannot be loaded');
    const engine = await linkBundleInSlices(compiled.value, modules.value, turn);
    await warmUp(engine);
    if (engine.policyVersion !== pointer.stable.policy_version) {
      throw new RefusedError('release', 'the bundle is of another policy version than the release says');
    }
    return {
      engine,
      releaseSeq: pointer.seq,
      bundleDigest: pointer.stable.sha256,
      policyVersion: engine.policyVersion,
    };
  };

  const save = async (floors: Floors, next: TrustedState['accepted'], trustedAt: number): Promise<void> => {
    const kept = next ?? state?.accepted;
    const saved = { env, channel, floors, trusted_at: trustedAt, ...(kept === undefined ? {} : { accepted: kept }) };
    try {
      await writeTrustedState(statePath, saved);
    } catch (error) {
      throw new RefusedError('persist', 'the trusted state cannot be written', error);
    }
    state = { format: 'portcullis.trusted/1', ...saved };
    active.noteTrustedTime(trustedAt);
  };

  const select = async (session: TrustSession): Promise<Selected> => {
    const release = await readPointer(session, RELEASE_PATH(env, channel));
    const abort = await readPointer(session, ABORT_PATH(env, channel)).catch((error: unknown) => {
      // An abort that cannot be read is as if absent: its key must not be able to stop releases (ADR-0002).
      log.warn({ [LOG_FIELD.error]: error }, 'Abort pointer ignored');
      return undefined;
    });
    const chosen = selectRelease(release?.pointer, abort?.pointer, accepted);
    if (!chosen.ok) throw new RefusedError('release', chosen.problems[0]?.message ?? 'no release can be selected');
    const found = [release, abort].find((candidate) => candidate?.pointer === chosen.value);
    if (found === undefined) throw new RefusedError('internal', 'the selected release is neither of the two pointers');
    if (found.pointer.env !== env || found.pointer.channel !== channel) {
      throw new RefusedError('release', 'the release is of another environment or channel');
    }
    return found;
  };

  const fetchBundle = async (session: TrustSession, { pointer }: Selected): Promise<Uint8Array> => {
    const { sha256 } = pointer.stable;
    const path = BUNDLE_PATH(sha256);
    const info = await session.find(path);
    if (info === undefined) throw new RefusedError('missing', 'no trusted role lists the bundle of the release');
    const onDisk = await options.files.read(sha256);
    if (onDisk !== undefined && onDisk.byteLength === info.length) return onDisk;
    const bytes = await session.read(path, { maxBytes: options.maxBundleBytes });
    if (bytes === undefined || sha256Of(bytes) !== sha256) {
      throw new RefusedError('digest', 'the bundle is not the one that the release names');
    }
    return bytes;
  };

  const update = async (session: TrustSession, source: ObjectSource, signal: AbortSignal): Promise<SyncOutcome> => {
    const seen = await session.metadata();
    trustIn(seen);
    await options.beforeRelease(seen, source, signal);
    const selected = await select(session);
    const { pointer } = selected;
    lookedAt = pointer;
    const metadata = await session.metadata();
    const { sign, trustedAt } = signOfLife(metadata, clock.now());
    if (!isReleaseCurrent(pointer, clock.now())) throw new RefusedError('expired', 'the release is past its not_after');

    const current = active.release;
    const unchanged = current !== undefined && sameDocument(current.pointer, pointer);
    // The same timestamp seen again must not lengthen anything.
    const kept = unchanged && current.sign.expiresAt === sign.expiresAt ? current.sign : sign;
    const acceptance = {
      ...proofOf(env, selected, metadata),
      expires_at: kept.expiresAt,
      accepted_at: kept.acceptedAt,
    };
    if (unchanged) {
      if (!sameDocument(session.floors, state?.floors)) await save(session.floors, acceptance, trustedAt);
      active.renew(kept);
      return 'unchanged';
    }

    const wish = unmetWish(pointer);
    if (wish !== undefined) throw new RefusedError('release', `the release asks for what no PDP does yet: ${wish}`);
    const bytes = await fetchBundle(session, selected);
    const written = options.files.write(pointer.stable.sha256, bytes).catch((error: unknown) => {
      throw new RefusedError('persist', 'the bundle cannot be written', error);
    });
    // Of one that does not compile nobody asks whether it was written; it goes with the next that does.
    written.catch(() => undefined);
    const snapshot = await compile(pointer, bytes, signal);
    await written;
    const about = { seq: pointer.seq, bundleDigest: pointer.stable.sha256 };
    reports.staged(about);
    // On disk before it is in force: a crash in between repeats the release, it never forgets it.
    await save(session.floors, acceptance, trustedAt);
    accepted = pointer;
    active.swap({ pointer, snapshot, sign: kept });
    reports.loaded(about);
    await options.files.prune(new Set([pointer.stable.sha256, current?.pointer.stable.sha256 ?? '']));
    return 'activated';
  };

  /** Asks every source until one activates a release or shows a newer sign of life; a source that is merely behind hides nothing. */
  const askSources = async (signal: AbortSignal): Promise<SyncOutcome> => {
    const before = active.release?.sign;
    let refusal: RefusedError | undefined;
    let answered = false;
    for (const source of options.sources) {
      signal.throwIfAborted();
      const over = new AbortController();
      try {
        const bounded = AbortSignal.any([signal, over.signal, AbortSignal.timeout(options.syncTimeoutMs)]);
        const ahead = readAhead(source, { ...wanted, floors: state?.floors, signal: bounded });
        const outcome = await withTrustSession({ ...trust, source: ahead }, state?.floors, bounded, (session) =>
          update(session, source, bounded),
        );
        if (outcome === 'activated' || active.release?.sign !== before) return outcome;
        answered = true;
      } catch (error) {
        refusal = worse(refusal, refusalOf(error));
      } finally {
        over.abort();
      }
    }
    if (refusal === undefined) return 'unchanged';
    if (!answered) throw refusal;
    observer.verifyFailed(refusal.reason);
    return 'unchanged';
  };

  const sync = async (signal: AbortSignal): Promise<SyncOutcome> => {
    lookedAt = undefined;
    try {
      if (active.clockWentBack()) throw new RefusedError('clock', 'the clock is behind the last trusted time');
      const outcome = await askSources(signal);
      if (outcome === 'activated') {
        observer.activation('activated');
        log.info(releaseFields(active.release?.pointer), 'Release activated');
      }
      trouble = undefined;
      return outcome;
    } catch (error) {
      if (!signal.aborted) refuse(refusalOf(error));
      return 'refused';
    }
  };

  const refuse = (refusal: RefusedError): void => {
    observer.verifyFailed(refusal.reason);
    const text = `${refusal.reason}: ${refusal.message}`;
    // Said once, not at every poll; the heartbeat repeats it.
    if (text === trouble) return;
    trouble = text;
    observer.activation('refused');
    log.warn(
      { ...releaseFields(lookedAt), [LOG_FIELD.reason]: refusal.reason, [LOG_FIELD.error]: asFault(refusal) },
      'Release not taken',
    );
    reports.refused(
      lookedAt === undefined ? undefined : { seq: lookedAt.seq, bundleDigest: lookedAt.stable.sha256 },
      text,
    );
  };

  const restore = async (signal: AbortSignal): Promise<void> => {
    // What a crash left half done.
    await rm(trust.scratchDir, { recursive: true, force: true });
    // A pinned root that is not usable can never become so: better not to start.
    await walkRoots(trust.pinnedRoot, trust.rootsDir);
    state = await readTrustedState(statePath, { env, channel });
    if (state === undefined) return;
    active.noteTrustedTime(state.trusted_at);
    const before = state.accepted;
    if (before === undefined) return;
    const pointerBytes = Buffer.from(before.pointer, 'base64');
    const pointer = parseReleasePointer(pointerBytes);
    if (!pointer.ok) throw new PortcullisError('ERR_BUNDLE_STATE', 'corrupt', 'the accepted release cannot be read');
    // Also when nothing below can be proven or served: the sequence must not go back.
    accepted = pointer.value;
    try {
      const metadata = new Map(Object.entries(before.proof).map(([role, text]) => [role, Buffer.from(text, 'base64')]));
      const root = await walkRoots(trust.pinnedRoot, trust.rootsDir);
      const proven = verifyProof({ env, channel, path: before.path, pointerBytes, metadata, root });
      if (!proven.ok) throw new RefusedError('metadata', proven.problems[0]?.message ?? 'the release is not proven');
      trustIn(metadata);
      const bytes = await options.files.read(pointer.value.stable.sha256);
      if (bytes === undefined) throw new RefusedError('digest', 'the last good bundle is not on disk any more');
      const snapshot = await compile(pointer.value, bytes, signal);
      active.swap({
        pointer: pointer.value,
        snapshot,
        sign: { expiresAt: before.expires_at, acceptedAt: before.accepted_at },
      });
      observer.activation('restored');
      log.info(releaseFields(pointer.value), 'Release restored');
    } catch (error) {
      // The floors and the accepted sequence hold; the channel may still have the bundle.
      const refusal = refusalOf(error);
      observer.verifyFailed(refusal.reason);
      log.error({ [LOG_FIELD.reason]: refusal.reason, [LOG_FIELD.error]: refusal }, 'Last good release not restored');
    }
  };

  return {
    restore,
    sync,
    get trouble() {
      return trouble;
    },
    get trusted() {
      return trusted;
    },
  };
}

/** Of two sources that failed, what a tampering one shows is said rather than that the other is unreachable. */
function worse(before: RefusedError | undefined, after: RefusedError): RefusedError {
  return before === undefined || before.reason === 'unavailable' ? after : before;
}

function releaseFields(pointer: ReleasePointer | undefined): Record<string, unknown> {
  if (pointer === undefined) return {};
  return { [FIELD.releaseSeq]: pointer.seq, [FIELD.bundleDigest]: pointer.stable.sha256 };
}

async function readPointer(session: TrustSession, path: string): Promise<Selected | undefined> {
  const bytes = await session.read(path, { maxBytes: MAX_POINTER_BYTES });
  if (bytes === undefined) return undefined;
  const pointer = parseReleasePointer(bytes);
  if (!pointer.ok)
    throw new RefusedError('release', pointer.problems[0]?.message ?? 'the release pointer cannot be read');
  return { pointer: pointer.value, path, bytes };
}

function proofOf(
  env: string,
  selected: Selected,
  metadata: MetadataBytes,
): Pick<NonNullable<TrustedState['accepted']>, 'path' | 'pointer' | 'proof'> {
  const proof = proofRoles(env, selected.path).map((role) => [role, encode(metadata.get(role))] as const);
  return { path: selected.path, pointer: encode(selected.bytes), proof: Object.fromEntries(proof) };
}

function encode(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('base64');
}

/** The newest timestamp against our own clock, which tests own; tuf-js has asked the system's. */
function signOfLife(metadata: MetadataBytes, now: number): { readonly sign: SignOfLife; readonly trustedAt: number } {
  const timestamp = parseTimestamp(metadata.get('timestamp') ?? new Uint8Array());
  if (!timestamp.ok)
    throw new RefusedError('metadata', timestamp.problems[0]?.message ?? 'the timestamp cannot be read');
  const expiresAt = Date.parse(timestamp.value.signed.expires);
  if (!(now < expiresAt)) throw new RefusedError('expired', 'the timestamp has expired');
  const signedAt = issuedAt(timestamp.value) ?? now;
  if (now < signedAt - CLOCK_TOLERANCE_MS) throw new RefusedError('clock', 'the clock is behind the newest timestamp');
  return { sign: { expiresAt, acceptedAt: now }, trustedAt: Math.max(now, signedAt) };
}
