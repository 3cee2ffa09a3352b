/** The one writer of the repository: releases, root rotations and the timestamp, one after the other. */

import type { Checked } from '@portcullis/policy/model';
import {
  expiryOf,
  isExpired,
  killsRole,
  parseSnapshot,
  parseTimestamp,
  type SignedFile,
  signSnapshot,
  signTimestamp,
  verifyNextRoot,
  verifyRole,
} from '@portcullis/policy/trust';
import { type Clock, PortcullisError } from '@portcullis/runtime';
import type { Delivery } from '../channel/delivery.js';
import type { DistributorMetrics } from '../metrics.js';
import type { Incoming } from '../repository/incoming.js';
import type { Publication, Repository } from '../repository/repository.js';
import {
  expiries,
  type Held,
  type RepositoryState,
  type RootMetadata,
  rootOf,
  type TargetsMetadata,
} from '../repository/state.js';
import { acceptBundles, type InspectBundle } from './accept-bundles.js';
import { acceptKillList } from './accept-kill-list.js';
import { acceptPointer } from './accept-pointer.js';
import { acceptRoles } from './accept-roles.js';
import { readPointers } from './channel-pointers.js';
import { ONLINE_ROLES, type OnlineKeys } from './online-keys.js';
import { type Published, type ReleaseUpload, refusal } from './upload.js';

/** How long what the distributor signs is valid, in milliseconds. */
export interface Lifetimes {
  readonly snapshotMs: number;
  readonly timestampMs: number;
}

/** Changes the repository; calls queue up, so that each begins with the result of the one before. */
export interface Publisher {
  /** The newest committed state. */
  state(): RepositoryState;
  /** The keys that sign now, and the root that admits them. */
  online(): { readonly keys: OnlineKeys; readonly root: RootMetadata };
  /** `true`, or why nothing can be published now. */
  health(): true | string;
  /**
   * Checks an upload as a client would, signs a snapshot and a timestamp over it, commits and delivers it. An upload that
   * is byte-equal to what is current changes nothing and is answered alike.
   * @throws PortcullisError `ERR_RELEASE_REFUSED` or `ERR_RELEASE_CONFLICT` with every problem; kind `unavailable` when the
   * disk failed, after which the same upload may be sent again.
   */
  publish(upload: ReleaseUpload): Promise<Published>;
  /**
   * Takes root N+1. The keys folder must hold the online keys that it admits; the keys of before stay until it is taken.
   * @throws PortcullisError `ERR_RELEASE_REFUSED`, `ERR_TRUST_KEY`.
   */
  rotate(root: Uint8Array): Promise<{ readonly root_version: number }>;
  /**
   * Takes a kill list with a higher `seq`, signs a snapshot over it and delivers it. The very bytes that are current change
   * nothing.
   * @throws PortcullisError `ERR_KILL_REFUSED` (`invalid`), `ERR_KILL_SEQ` (`conflict`), or kind `unavailable`.
   */
  kill(env: string, list: Uint8Array): Promise<{ readonly seq: number }>;
  /**
   * Signs a new timestamp, and a new snapshot when that is past half of its life.
   * @throws PortcullisError `ERR_TRUST_CLOCK` when our clock is behind the last timestamp.
   */
  renew(): Promise<void>;
}

/** What {@link createPublisher} is told. */
export interface PublisherOptions {
  readonly repository: Repository;
  readonly incoming: Incoming;
  readonly inspect: InspectBundle;
  /** Reads the keys folder; anew for every root. */
  readonly loadKeys: () => Promise<OnlineKeys>;
  readonly keys: OnlineKeys;
  readonly delivery: Delivery;
  readonly metrics: DistributorMetrics;
  readonly clock: Clock;
  readonly lifetimes: Lifetimes;
  /** What {@link Repository.open} found, or what bootstrapping made. */
  readonly initial: RepositoryState;
}

interface Changes {
  readonly targets: Publication['targets'];
  readonly roles: ReadonlyMap<string, Held<TargetsMetadata>>;
  readonly root: Held<RootMetadata> | undefined;
}

const NOTHING: Changes = { targets: [], roles: new Map(), root: undefined };

function must<T>(checked: Checked<T>): T {
  if (checked.ok) return checked.value;
  const [problem] = checked.problems;
  const code = problem?.code ?? 'ERR_INTERNAL';
  const kind = code === 'ERR_TRUST_CLOCK' ? 'unavailable' : 'internal';
  throw new PortcullisError(code, kind, problem?.message ?? 'not signed', { details: { problems: checked.problems } });
}

const toFile = (held: Held<{ signed: { version: number } }>): SignedFile => ({
  version: held.metadata.signed.version,
  bytes: held.bytes,
});

/** Makes the publisher. Nothing else may write the repository while it lives. */
export function createPublisher(options: PublisherOptions): Publisher {
  const { repository, incoming, clock, lifetimes, metrics } = options;
  let keys = options.keys;
  let state = options.initial;
  let isUncertain = false;
  let tail: Promise<unknown> = Promise.resolve();

  /** After a failed write the disk decides what is current: a retry on top of a guess could sign one version twice. */
  const settle = async (): Promise<void> => {
    if (!isUncertain) return;
    const found = await repository.open();
    if (found === undefined) throw new PortcullisError('ERR_REPOSITORY_CORRUPT', 'corrupt', 'repository is gone');
    state = found;
    isUncertain = false;
  };

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = tail.then(settle).then(work);
    tail = result.catch(() => undefined);
    return result;
  };

  const snapshotIsDue = (root: RootMetadata, now: number): boolean =>
    !verifyRole(root, 'snapshot', state.snapshot.metadata).ok ||
    expiryOf(state.snapshot.metadata) - now < lifetimes.snapshotMs / 2;

  const commit = async (changes: Changes, hint: boolean): Promise<void> => {
    const now = clock.now();
    const root = changes.root?.metadata ?? rootOf(state);
    const roles = new Map([...state.roles, ...changes.roles]);
    const isNew = changes.roles.size > 0 || changes.root !== undefined || snapshotIsDue(root, now);
    const snapshot = isNew
      ? must(
          signSnapshot({
            roles: new Map([...roles].map(([role, held]) => [`${role}.json`, held.bytes])),
            keys: keys('snapshot', root),
            now,
            lifetimeMs: lifetimes.snapshotMs,
            previous: state.snapshot.bytes,
          }),
        )
      : undefined;
    const snapshotBytes = snapshot?.bytes ?? state.snapshot.bytes;
    const timestamp = must(
      signTimestamp({
        snapshot: snapshotBytes,
        keys: keys('timestamp', root),
        now,
        lifetimeMs: lifetimes.timestampMs,
        previous: state.timestamp.bytes,
      }),
    );
    const next: RepositoryState = {
      roots: changes.root === undefined ? state.roots : [...state.roots, changes.root],
      roles,
      snapshot: { bytes: snapshotBytes, metadata: must(parseSnapshot(snapshotBytes)) },
      timestamp: { bytes: timestamp.bytes, metadata: must(parseTimestamp(timestamp.bytes)) },
    };
    isUncertain = true;
    try {
      await repository.commit({
        targets: changes.targets,
        roots: changes.root === undefined ? [] : [toFile(changes.root)],
        roles: new Map([...changes.roles].map(([role, held]) => [role, toFile(held)])),
        snapshot,
        timestamp,
      });
    } catch (error: unknown) {
      throw new PortcullisError('ERR_REPOSITORY_WRITE', 'unavailable', 'the repository could not be written', {
        cause: error,
      });
    }
    isUncertain = false;
    state = next;
    metrics.expiries(expiries(state));
    await options.delivery.deliver(state, hint);
  };

  const release = async (upload: ReleaseUpload): Promise<Published> => {
    const now = clock.now();
    const before = state.roles.get('targets')?.metadata;
    const roles = acceptRoles(upload, state, now);
    const after = roles.effective.get('targets')?.metadata;
    if (roles.problems.length > 0 || before === undefined || after === undefined) throw refusal(roles.problems);
    const current = await readPointers(repository, state, upload.env, upload.channel);
    const bundles = await acceptBundles(before, after, { incoming, repository, inspect: options.inspect });
    const pointer = acceptPointer({ upload, state, roles, current, now });
    const problems = [...bundles.problems, ...pointer.problems];
    if (problems.length > 0) throw refusal(problems);
    if (roles.changed.size > 0) {
      await commit({ targets: [...bundles.files, ...pointer.files], roles: roles.changed, root: undefined }, true);
      for (const { sha256 } of bundles.files) await incoming.remove(sha256).catch(() => undefined);
    }
    metrics.released(roles.changed.size > 0 ? 'published' : 'unchanged');
    const pointers = await readPointers(repository, state, upload.env, upload.channel);
    return {
      seq: pointers.current?.seq ?? 0,
      snapshot_version: state.snapshot.metadata.signed.version,
      timestamp_version: state.timestamp.metadata.signed.version,
    };
  };

  const rotate = async (bytes: Uint8Array): Promise<{ readonly root_version: number }> => {
    const trusted = rootOf(state);
    const newest = state.roots.at(-1);
    if (newest !== undefined && Buffer.compare(newest.bytes, bytes) === 0)
      return { root_version: trusted.signed.version };
    const next = verifyNextRoot(trusted, bytes);
    if (!next.ok) throw refusal(next.problems);
    const root = next.value;
    const targets = state.roles.get('targets')?.metadata;
    const signed = targets === undefined ? undefined : verifyRole(root, 'targets', targets);
    if (signed?.ok !== true) {
      throw refusal(
        signed?.problems ?? [{ code: 'ERR_TRUST_SIGNATURE', message: 'targets is missing', path: 'targets' }],
      );
    }
    if (!root.signed.consistentSnapshot || isExpired(root, clock.now())) {
      throw refusal([
        { code: 'ERR_RELEASE_EXPIRED', message: 'the root has expired, or has no consistent snapshots', path: 'root' },
      ]);
    }
    const [before, loaded] = [keys, await options.loadKeys()];
    for (const role of ONLINE_ROLES) loaded(role, root);
    // The disk may keep either root, and whichever it is must go on being signed for.
    keys = (role, of) => (of.signed.version < root.signed.version ? before : loaded)(role, of);
    await commit({ ...NOTHING, root: { bytes, metadata: root } }, true);
    keys = loaded;
    return { root_version: root.signed.version };
  };

  const kill = async (env: string, bytes: Uint8Array): Promise<{ readonly seq: number }> => {
    const role = acceptKillList(env, bytes, state);
    if (role !== undefined) await commit({ ...NOTHING, roles: new Map([[killsRole(env), role]]) }, true);
    return { seq: state.roles.get(killsRole(env))?.metadata.signed.version ?? 0 };
  };

  const counted = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error: unknown) {
      const { kind } = PortcullisError.from(error);
      metrics.released(kind === 'invalid' ? 'refused' : kind === 'conflict' ? 'conflict' : 'failed');
      throw error;
    }
  };

  return {
    state: () => state,
    online: () => ({ keys, root: rootOf(state) }),
    health: () => {
      if (isUncertain) return 'the last write failed';
      return isExpired(state.timestamp.metadata, clock.now()) ? 'the timestamp has expired' : true;
    },
    publish: (upload) => counted(inTurn(() => release(upload))),
    rotate: (root) => inTurn(() => rotate(root)),
    kill: (env, list) => inTurn(() => kill(env, list)),
    renew: async () => {
      try {
        await inTurn(() => commit(NOTHING, false));
        metrics.signedTimestamp(true);
      } catch (error: unknown) {
        metrics.signedTimestamp(false);
        throw error;
      }
    },
  };
}
