/** A distributor without a process around it: fresh trust, a disk in memory, a clock that stands still. */

import type { Checked } from '@portcullis/policy/model';
import {
  BUNDLE_PATH,
  type CreateTrustOptions,
  createTrust,
  hashesOf,
  type KeyRole,
  type Kill,
  openSigningKey,
  RELEASE_TYPE,
  type ReleasePointer,
  type SigningKey,
  signAborts,
  signKillList,
  signReleases,
  signTargets,
  type TargetChange,
  type Trust,
} from '@portcullis/policy/trust';
import { type Clock, createLogger, createServiceContext, type Logger } from '@portcullis/runtime';
import { createInProcessChannel, type InProcessChannel } from '@portcullis/runtime/channel';
import { createDelivery, type Delivery, type Transport } from '../channel/delivery.js';
import { createMetrics, type DistributorMetrics } from '../metrics.js';
import { createNodeRegistry, type NodeRegistry } from '../nodes/registry.js';
import type { InspectBundle } from '../release/accept-bundles.js';
import { loadOnlineKeys } from '../release/online-keys.js';
import { createPublisher, type Publisher } from '../release/publisher.js';
import type { ReleaseUpload } from '../release/upload.js';
import { bootstrapPublication } from '../repository/bootstrap.js';
import { createIncoming, type Incoming } from '../repository/incoming.js';
import { createRepository, type Repository } from '../repository/repository.js';
import { createMemoryDisk, type MemoryDisk } from './memory-disk.js';

/** Where the world's folders are. */
export const DATA_DIR = '/data';
const DAY = 86_400_000;

/** A clock that tests move. */
export interface TestClock extends Clock {
  set(now: number): void;
}

/** Everything a test may want to touch. */
export interface World {
  readonly clock: TestClock;
  readonly log: Logger;
  readonly disk: MemoryDisk;
  readonly trust: Trust;
  readonly repository: Repository;
  readonly incoming: Incoming;
  readonly channel: InProcessChannel;
  readonly delivery: Delivery;
  readonly publisher: Publisher;
  readonly nodes: NodeRegistry;
  readonly metrics: DistributorMetrics;
}

/** The value, or a failed test. */
export function unwrap<T>(checked: Checked<T>): T {
  if (checked.ok) return checked.value;
  throw new Error(JSON.stringify(checked.problems));
}

/** Compiles bundles that consist of `policy <version>`; everything else is broken. */
export const inspectText: InspectBundle = async (bytes) => {
  const version = /^policy (\S+)$/.exec(new TextDecoder().decode(bytes))?.[1];
  if (version !== undefined) return { ok: true, value: { policyVersion: version } };
  return { ok: false, problems: [{ code: 'ERR_BUNDLE_BROKEN', message: 'does not compile', path: '' }] };
};

/** A bundle that {@link inspectText} accepts. */
export function textBundle(version: string): Uint8Array {
  return new TextEncoder().encode(`policy ${version}`);
}

/** Makes a clock. */
export function createTestClock(start: number): TestClock {
  let now = start;
  return {
    now: () => now,
    monotonic: () => now,
    set: (value) => {
      now = value;
    },
  };
}

/** What {@link createWorld} may be told. */
export interface WorldOptions {
  readonly trust?: Partial<CreateTrustOptions>;
  readonly transports?: readonly Transport[];
  readonly now?: number;
}

/** Makes a world whose repository holds version 1 of everything and no release. */
export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const now = options.now ?? Date.now();
  const disk = createMemoryDisk();
  const trust = unwrap(createTrust({ profile: 'dev', env: 'dev', now, ...options.trust }));
  for (const [name, bytes] of trust.files) disk.files.set(`/trust/${name}`, bytes);
  for (const { role, holder, pem } of trust.keys) {
    disk.files.set(`/keys/${holder}/${role}.pem`, new TextEncoder().encode(pem));
  }
  return openWorld({
    disk,
    trust,
    clock: createTestClock(now),
    ...(options.transports === undefined ? {} : { transports: options.transports }),
  });
}

/** Starts a distributor on what is there: a first start, or one after a crash. */
export async function openWorld(
  on: Pick<World, 'disk' | 'trust' | 'clock'> & { readonly transports?: readonly Transport[] },
): Promise<World> {
  const { disk, clock } = on;
  const log = createLogger({ component: 'test', level: 'silent' });
  const metrics = createMetrics(createServiceContext({ name: 'distributor', log }).registry);
  const lifetimes = { snapshotMs: 7 * DAY, timestampMs: 60_000 };
  const loadKeys = () => loadOnlineKeys('/keys/distributor', disk);
  const keys = await loadKeys();
  const repository = createRepository(DATA_DIR, disk);
  let initial = await repository.open();
  if (initial === undefined) {
    await repository.commit(
      await bootstrapPublication({
        trustDir: '/trust',
        disk,
        keys,
        now: clock.now(),
        snapshotLifetimeMs: lifetimes.snapshotMs,
        timestampLifetimeMs: lifetimes.timestampMs,
      }),
    );
    initial = await repository.open();
  }
  if (initial === undefined) throw new Error('nothing was bootstrapped');
  const incoming = createIncoming(DATA_DIR, disk, 64);
  const channel = createInProcessChannel();
  const delivery = createDelivery({
    transports: [channel, ...(on.transports ?? [])],
    repository,
    metrics,
    log,
    signal: new AbortController().signal,
    patienceMs: 200,
  });
  const publisher = createPublisher({
    repository,
    incoming,
    inspect: inspectText,
    loadKeys,
    keys,
    delivery,
    metrics,
    clock,
    lifetimes,
    initial,
  });
  await publisher.renew();
  const nodes = createNodeRegistry({ clock, lostAfterMs: 30_000, forgetAfterMs: DAY });
  return { ...on, log, metrics, repository, incoming, channel, delivery, publisher, nodes };
}

/** The private keys of a role. */
export function keysOf(trust: Trust, role: KeyRole): readonly SigningKey[] {
  return trust.keys.filter((key) => key.role === role).map((key) => unwrap(openSigningKey(key.pem)));
}

/** The next kill list of `dev`, signed; uploads nothing. */
export function draftKillList(world: World, seq: number, kills: readonly Kill[], role: KeyRole = 'kills'): Uint8Array {
  const keys = keysOf(world.trust, role);
  return unwrap(signKillList({ env: 'dev', seq, kills, keys, now: world.clock.now(), lifetimeMs: DAY })).bytes;
}

/** What a drafted release differs in from the plain one. */
export interface Draft {
  readonly version?: string;
  readonly bundle?: Uint8Array;
  readonly pointer?: Partial<ReleasePointer>;
  readonly targetKeys?: readonly SigningKey[];
  readonly releaseKeys?: readonly SigningKey[];
  readonly targetChanges?: readonly TargetChange[];
  /** Leaves targets as they are: the bundle is known already. */
  readonly keepTargets?: boolean;
}

/** Signs the next release on top of the world's state; uploads nothing. */
export function draftRelease(
  world: World,
  seq: number,
  draft: Draft = {},
): { readonly upload: ReleaseUpload; readonly pointer: ReleasePointer; readonly sha256: string } {
  const { trust, publisher, clock } = world;
  const now = clock.now();
  const version = draft.version ?? `1.0.${seq}`;
  const bundle = draft.bundle ?? textBundle(version);
  const { sha256 } = hashesOf(bundle);
  const current = (role: string): Uint8Array => publisher.state().roles.get(role)?.bytes ?? new Uint8Array();
  const pointer: ReleasePointer = {
    _type: RELEASE_TYPE,
    env: 'dev',
    channel: 'default',
    seq,
    issued_at: new Date(now).toISOString(),
    not_after: new Date(now + DAY).toISOString(),
    stable: { target: BUNDLE_PATH(sha256), sha256, policy_version: version },
    candidate: null,
    rollout: null,
    activation: { min_acks: 0 },
    actor: 'alice',
    ...draft.pointer,
  };
  const custom = { portcullis: { format: 'portcullis.policy/1', policy_version: version } };
  const changes = draft.targetChanges ?? [{ path: BUNDLE_PATH(sha256), bytes: bundle, custom }];
  const signing = { now, lifetimeMs: DAY };
  const roles = new Map<string, Uint8Array>();
  if (draft.keepTargets !== true) {
    const keys = draft.targetKeys ?? keysOf(trust, 'targets');
    roles.set('targets', unwrap(signTargets({ ...signing, current: current('targets'), keys, changes })).bytes);
  }
  const keys = draft.releaseKeys ?? keysOf(trust, 'releases');
  const releases = unwrap(signReleases({ ...signing, current: current('releases-dev'), keys, pointer }));
  roles.set('releases-dev', releases.bytes);
  return { upload: { env: 'dev', channel: 'default', roles, pointer: releases.pointer }, pointer, sha256 };
}

/** Signs an abort of `previous`; uploads nothing. */
export function draftAbort(
  world: World,
  previous: ReleasePointer,
  change: Partial<ReleasePointer> = {},
): ReleaseUpload {
  const pointer: ReleasePointer = {
    ...previous,
    seq: previous.seq + 1,
    candidate: null,
    rollout: null,
    actor: 'guard',
    ...change,
  };
  const abort = unwrap(
    signAborts({
      current: world.publisher.state().roles.get('aborts-dev')?.bytes ?? new Uint8Array(),
      keys: keysOf(world.trust, 'aborts'),
      now: world.clock.now(),
      lifetimeMs: DAY,
      previous,
      pointer,
    }),
  );
  return {
    env: pointer.env,
    channel: pointer.channel,
    roles: new Map([['aborts-dev', abort.bytes]]),
    pointer: abort.pointer,
  };
}

/** Signs, uploads and publishes a release. */
export async function publishRelease(world: World, seq: number, draft: Draft = {}): Promise<ReleasePointer> {
  const { upload, pointer, sha256 } = draftRelease(world, seq, draft);
  await world.incoming.put(sha256, draft.bundle ?? textBundle(draft.version ?? `1.0.${seq}`));
  await world.publisher.publish(upload);
  return pointer;
}
