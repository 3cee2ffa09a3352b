/** The composition root: the only file that knows all parts. */

import type { AddressInfo } from 'node:net';
import {
  type Clock,
  composing,
  followTlsMaterial,
  httpsServerOptions,
  LOG_FIELD,
  type Opened,
  openTlsMaterial,
  PortcullisError,
  type Service,
  type ServiceContext,
  startAdminServer,
  systemClock,
  type TlsMaterial,
  verifyStatement,
} from '@portcullis/runtime';
import { createInProcessChannel, type InProcessChannel, openNatsChannel } from '@portcullis/runtime/channel';
import { identifyByCertificate } from './admin/access.js';
import { createAdminApp } from './admin/app.js';
import { createDelivery, type Transport } from './channel/delivery.js';
import type { DistributorConfig } from './config.js';
import { createEvidence } from './evidence/evidence.js';
import { createMemoryEvidenceStore } from './evidence/memory-store.js';
import { createReceiptSigner, evidenceTasks } from './evidence/receive-evidence.js';
import { createEvidenceReceiver } from './evidence/receiver.js';
import type { EvidenceStore } from './evidence/store.js';
import { createMetrics } from './metrics.js';
import { receiveTask } from './nodes/receive.js';
import { receiveKillsTask } from './nodes/receive-kills.js';
import { createNodeRegistry } from './nodes/registry.js';
import { inspectBundle } from './release/inspect-bundle.js';
import { loadOnlineKeys } from './release/online-keys.js';
import { createPublisher } from './release/publisher.js';
import { antiEntropyTask, renewalTask } from './release/renewal.js';
import { bootstrapPublication } from './repository/bootstrap.js';
import { systemDisk } from './repository/disk.js';
import { createIncoming } from './repository/incoming.js';
import { lockDirectory } from './repository/lock.js';
import { createRepository, type Repository } from './repository/repository.js';
import type { RepositoryState } from './repository/state.js';

async function openRepository(
  repository: Repository,
  config: DistributorConfig,
  keys: Awaited<ReturnType<typeof loadOnlineKeys>>,
  clock: Clock,
): Promise<RepositoryState> {
  const found = await repository.open();
  if (found !== undefined) return found;
  await repository.commit(
    await bootstrapPublication({
      trustDir: config.trustDir,
      disk: systemDisk,
      keys,
      now: clock.now(),
      snapshotLifetimeMs: config.snapshot.lifetimeMs,
      timestampLifetimeMs: config.timestamp.lifetimeMs,
    }),
  );
  const made = await repository.open();
  if (made === undefined) throw new PortcullisError('ERR_REPOSITORY_CORRUPT', 'corrupt', 'repository is gone');
  return made;
}

async function openNatsTransports(
  config: DistributorConfig,
  tls: TlsMaterial,
  context: ServiceContext,
  onConnected: () => void,
  opened: Opened,
): Promise<readonly Transport[]> {
  const nats = config.transports.filter((transport) => transport.type === 'nats');
  return Promise.all(
    nats.map(async ({ servers, credsFile, bucketPrefix, tls: isMutual }) => {
      const channel = await openNatsChannel({
        servers,
        bucketPrefix,
        role: 'writer',
        log: context.log,
        onConnected,
        ...(isMutual ? { tls } : {}),
        ...(credsFile === undefined ? {} : { credsFile }),
      });
      opened(() => channel.close());
      return channel;
    }),
  );
}

/** `host:port` as bound, the way URLs write it. */
function boundAddress(bound: AddressInfo | string | null, asked: DistributorConfig['listen']): string {
  const { address, port } =
    typeof bound === 'object' && bound !== null ? bound : { address: asked.host, port: asked.port };
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** What a test may put in the place of the real thing. */
export interface DistributorReplacements {
  readonly clock?: Clock;
  /** Instead of a channel of its own: releases are put there, and PDPs are served from there over HTTPS. */
  readonly channel?: InProcessChannel;
  /** Instead of a store in memory; `durable` when what it has survives this process. */
  readonly evidence?: { readonly store: EvidenceStore; readonly durable: boolean };
}

/** Of PDPs whose evidence is held in memory; each key of each node is one. */
const MAX_MEMORY_WRITERS = 10_000;

/** Evidence that goes with this process, and is said to. */
function inMemory({ evidence }: DistributorConfig): NonNullable<DistributorReplacements['evidence']> {
  const { maxMemoryRecords: maxRecords } = evidence;
  return { store: createMemoryEvidenceStore({ maxRecords, maxWriters: MAX_MEMORY_WRITERS }), durable: false };
}

/**
 * Opens everything and binds the ports.
 * @throws PortcullisError what kept the distributor from starting; nothing stays open then.
 */
export function composeDistributor(
  config: DistributorConfig,
  context: ServiceContext,
  replacements: DistributorReplacements = {},
): Promise<Service> {
  return composing((opened) => compose(config, context, replacements, opened));
}

async function compose(
  config: DistributorConfig,
  context: ServiceContext,
  replacements: DistributorReplacements,
  opened: Opened,
): Promise<Service> {
  const { clock = systemClock, channel = createInProcessChannel() } = replacements;
  const { log, health } = context;
  const metrics = createMetrics(context.registry);
  const lock = lockDirectory(config.dataDir);
  opened(() => lock.release());
  const repository = createRepository(config.dataDir, systemDisk);
  const loadKeys = () => loadOnlineKeys(config.keysDir, systemDisk);
  const keys = await loadKeys();
  const initial = await openRepository(repository, config, keys, clock);
  const incoming = createIncoming(config.dataDir, systemDisk, config.limits.maxWaitingBundles);
  const tls = await openTlsMaterial(config.tls, { log });
  opened(() => tls.close());

  let onConnected = (): void => undefined;
  const transports = [channel, ...(await openNatsTransports(config, tls, context, () => onConnected(), opened))];
  const delivery = createDelivery({ transports, repository, metrics, log, signal: context.signal });
  // A server that was away may have been wiped or set back: look at once, not at the next round.
  onConnected = () => void delivery.reconcile(false);
  const lifetimes = { snapshotMs: config.snapshot.lifetimeMs, timestampMs: config.timestamp.lifetimeMs };
  const publisher = createPublisher({
    repository,
    incoming,
    inspect: inspectBundle,
    loadKeys,
    keys,
    delivery,
    metrics,
    clock,
    lifetimes,
    initial,
  });
  health.check('repository', () => publisher.health());
  // What is on disk may have been signed long ago, or under an older root: begin with a fresh signature, or say why not.
  await publisher.renew().catch((error: unknown) => {
    if (PortcullisError.from(error).code !== 'ERR_TRUST_CLOCK') throw error;
    log.error({ [LOG_FIELD.error]: error }, 'Timestamp not signed');
  });

  const nodes = createNodeRegistry({ clock, ...config.nodes });
  const evidence = createEvidence(config, { clock, log, metrics });
  const stored =
    replacements.evidence ?? (evidence === undefined ? inMemory(config) : { store: evidence.store, durable: true });
  opened(() => stored.store.close());
  const takeEvidence = createEvidenceReceiver({
    ...stored,
    trustDomain: config.trustDomain,
    identify: (statement, signed) => verifyStatement(statement, signed, tls.current().ca, clock.now()),
    sign: createReceiptSigner(config.trustDomain, publisher.online),
    observer: metrics,
    clock,
    log,
  });
  const drain = new AbortController();
  const app = createAdminApp({
    ...(evidence === undefined ? {} : { audit: { ...evidence, config: config.evidence, clock, log } }),
    publisher,
    repository,
    incoming,
    nodes,
    channel,
    evidence: stored.store,
    signal: AbortSignal.any([context.signal, drain.signal]),
    watchMs: config.limits.watchMs,
    identify: identifyByCertificate(config.trustDomain, clock),
    tls: { ...httpsServerOptions(tls) },
    log,
  });
  opened(() => app.close());
  await app.listen({ host: config.listen.host, port: config.listen.port });
  const unfollow = followTlsMaterial(app.server as unknown as Parameters<typeof followTlsMaterial>[0], tls);
  context.announce('https', boundAddress(app.server.address(), config.listen));
  const admin = await startAdminServer({
    ...config.admin,
    registry: context.registry,
    health,
    onDrain: () => context.requestDrain(),
  });
  context.announce('admin', admin.address);

  return {
    tasks: [
      renewalTask(publisher, config.timestamp.refreshMs, log),
      antiEntropyTask(delivery, config.antiEntropy),
      ...transports.map((transport) => receiveTask(transport, { nodes, metrics, log })),
      ...transports.map((transport) => receiveKillsTask(transport, publisher, log)),
      ...evidenceTasks(transports, takeEvidence),
      ...(evidence === undefined ? [] : [evidence.task]),
    ],
    drain: [
      { name: 'answer long polls', timeoutMs: 1_000, run: async () => drain.abort() },
      { name: 'finish requests', timeoutMs: 10_000, run: () => app.close() },
      {
        name: 'close channels',
        timeoutMs: 5_000,
        run: async () => {
          unfollow();
          tls.close();
          await Promise.all(transports.map((transport) => transport.close()));
        },
      },
      { name: 'close the evidence store', timeoutMs: 5_000, run: () => stored.store.close() },
      { name: 'close admin port', timeoutMs: 1_000, run: () => admin.close() },
      { name: 'give up the data directory', timeoutMs: 100, run: async () => lock.release() },
    ],
  };
}
