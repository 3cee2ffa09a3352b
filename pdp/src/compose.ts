/** The composition root: the only file that constructs across folders, in reading order. */

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createRequestParser, loadDecisionPackage, loadDecisionService, parsePeerIdentity } from '@portcullis/proto';
import {
  type Clock,
  composing,
  grpcServerCredentials,
  LOG_FIELD,
  type Opened,
  openTlsMaterial,
  PortcullisError,
  type Service,
  type ServiceContext,
  signStatement,
  startAdminServer,
  systemClock,
  type TlsMaterial,
  undiciDispatcher,
} from '@portcullis/runtime';
import {
  type ChannelReader,
  createHttpChannelReader,
  fallbackReader,
  openNatsChannel,
} from '@portcullis/runtime/channel';
import { createCertifiedApprovers } from './approvals/approver-certificates.js';
import { createMemoryApprovalStore } from './approvals/memory.js';
import { openApprovals } from './approvals/open-approvals.js';
import { type Audit, openAudit } from './audit/open-audit.js';
import { createPastRecords } from './audit/past-records.js';
import { recordReleases } from './audit/record-releases.js';
import { openShipping, type Shipping } from './audit/shipping/open-shipping.js';
import { createActiveReleases } from './bundles/active.js';
import { createBundleClient } from './bundles/bundle-client.js';
import { openBundleFiles } from './bundles/bundle-files.js';
import { createBundleTasks } from './bundles/bundle-tasks.js';
import { type BundleCompiler, createWorkerCompiler } from './bundles/compiler.js';
import { FRESHNESS_PROFILES, MAX_CACHE_TTL_SECONDS } from './bundles/freshness.js';
import { createNodeReports } from './bundles/node-reports.js';
import { createReceiptKeys } from './bundles/receipt-keys.js';
import { createDecisionCache } from './cache/decision-cache.js';
import { MAX_SOURCES, type PdpConfig } from './config.js';
import type { AgentStore } from './context/agent-store.js';
import { openContext } from './context/open-context.js';
import { openUserAuthority } from './context/users.js';
import { createEpochs, followCounter } from './epochs/epochs.js';
import { gatewayServices } from './gateways/gateway-services.js';
import { type HttpEndpoint, openHttpEndpoint } from './http/endpoint.js';
import { openTokenKey } from './http/token-key.js';
import { openKillFile } from './kill/kill-file.js';
import { createKillSource, requireKillList } from './kill/kill-source.js';
import { openKillSwitch } from './kill/kill-switch.js';
import { createPdpMetrics, type PdpMetrics } from './metrics.js';
import { createDecide, type Decide, type DecideParts } from './pipeline/decide.js';
import { speaksFor } from './pipeline/normalize.js';
import { createQuotaLedger } from './quota/ledger.js';
import { createMemoryQuotaStore } from './quota/memory.js';
import { openQuotaStore } from './quota/open.js';
import { openReviewJournal } from './reviews/review-journal.js';
import { openReviews } from './reviews/reviews.js';
import { openRisk } from './risk/open.js';
import { createDryDecide } from './search/dry-decide.js';
import { createPageTokens } from './search/page-token.js';
import { createDecideStream } from './server/decide-stream.js';
import { createEvaluate, createEvaluateBatch } from './server/evaluate.js';
import { maxStreamAgeMs, openGrpcEndpoint } from './server/grpc-endpoint.js';
import { createHealthService } from './server/health-service.js';
import { createOpenStreams } from './server/open-streams.js';
import { createCallerReader } from './server/peer.js';
import { rehearse } from './server/rehearse.js';
import { createSettle } from './server/settle.js';
import { createWatch } from './server/watch.js';
import { readDeclaredTools } from './session/declared-tools.js';
import { openSessions } from './session/open.js';
import { createSealer } from './session/sealer.js';

/** What a test may put in the place of the real thing. */
export interface PdpReplacements {
  readonly clock?: Clock;
  /** Instead of the configured sources. */
  readonly channels?: readonly ChannelReader[];
  /** Instead of a compiler in a worker thread. */
  readonly compiler?: BundleCompiler;
}

/** A composed PDP. */
export interface PdpService extends Service {
  /** `host:port` of the gRPC endpoint. */
  readonly address: string;
  /** `host:port` of the HTTPS endpoint, when there is one. */
  readonly httpAddress: string | undefined;
  /** `host:port` of the admin endpoint. */
  readonly adminAddress: string;
  /** The pipeline itself, without gRPC around it. */
  readonly decide: Decide;
  /** Where to say how far agents are trusted, when `context.agents` names a place. */
  readonly agents: AgentStore | undefined;
}

const NOTHING_STOPPED = { stops: () => undefined };
const ENGINE = 'portcullis/1';
const DRAIN_CALLS_MS = 5_000;
const DRAIN_STEP_MS = 2_000;
const SHIP_THE_REST_MS = 1_500;
/** Sources that do not answer hold up a start for so long. */
const CATCH_UP_MS = 1_500;
/** Somebody waits in front of a terminal. */
const PREVIEW_LOOK_MS = 3_000;

/**
 * Builds a PDP and binds its ports; nothing is decided but denials until its tasks run and a release is in force.
 * @throws PortcullisError when something that cannot be done without is missing: certificates, pinned root, ports, or a
 * trusted state that can be believed. Nothing stays open then.
 */
export function composePdp(
  config: PdpConfig,
  context: ServiceContext,
  replacements: PdpReplacements = {},
): Promise<PdpService> {
  return composing((opened) => compose(config, context, replacements, opened));
}

async function compose(
  config: PdpConfig,
  context: ServiceContext,
  replacements: PdpReplacements,
  opened: Opened,
): Promise<PdpService> {
  const { log, health } = context;
  const clock = replacements.clock ?? systemClock;
  const metrics = createPdpMetrics(context.registry);

  const tls = await openTlsMaterial(config.tls, { log });
  opened(() => tls.close());
  const channels = replacements.channels ?? (await openChannels(config, tls, context, opened));
  const channel = fallbackReader(channels);

  const active = createActiveReleases(clock, FRESHNESS_PROFILES[config.bundles.freshness]);
  let httpsUrl = (): string | undefined => undefined;
  const reports = createNodeReports({
    channel,
    node: config.node,
    env: config.env,
    releaseChannel: config.channel,
    state: active.state,
    clock,
    more: () => {
      const https = httpsUrl();
      return { kill_seq: kills.state().seq, ...(https === undefined ? {} : { https }) };
    },
  });
  const compiler =
    replacements.compiler ??
    createWorkerCompiler({ timeoutMs: config.bundles.compileTimeoutMs, maxHeapMb: config.bundles.compileHeapMb });
  opened(() => compiler.close());
  const pinnedRoot = await readPinnedRoot(config.bundles.rootFile);
  const bundles = createBundleClient({
    env: config.env,
    channel: config.channel,
    dataDir: config.dataDir,
    pinnedRoot,
    sources: channels,
    active,
    files: openBundleFiles(join(config.dataDir, 'bundles')),
    compiler,
    reports,
    observer: metrics,
    clock,
    log,
    maxBundleBytes: config.bundles.maxBundleBytes,
    syncTimeoutMs: config.bundles.syncTimeoutMs,
    beforeRelease: (...seen) => requireKillList(config.env, kills)(...seen),
  });
  metrics.followRelease({ channel: config.channel, state: active.state, ageSeconds: () => active.ageSeconds() });

  const audit = await openConfiguredAudit(config, { clock, log, metrics });
  opened(() => audit?.close());
  const shipping =
    audit && (await openConfiguredShipping(config, audit, { channels, pinnedRoot, tls, clock, log, metrics }));
  if (audit !== undefined) {
    const { env, channel: releaseChannel } = config;
    recordReleases({ releases: active, append: audit.append, env, channel: releaseChannel, clock, log });
  }
  const kills = await openKillSwitch({
    env: config.env,
    file: openKillFile(join(config.dataDir, 'kill-lists'), config.env),
    trusted: () => bundles.trusted,
    record: audit?.append,
    observer: metrics,
    clock,
    log,
  });
  const epochs = createEpochs(active);
  followCounter(epochs, 'kill', kills.epoch);
  metrics.followKills({ seq: () => kills.state().seq, inForce: () => kills.state().kills.length });
  const killSource = createKillSource({
    env: config.env,
    kills,
    // Each is looked at by itself, all the time.
    sources: channels.slice(0, MAX_SOURCES),
    pollMs: config.kill.pollMs,
    log,
  });
  const ledger = createQuotaLedger({
    store: openQuotaStore(config.quota, { tls, clock, observer: metrics, log }),
    observer: metrics,
    clock,
    log,
  });
  const quotas = ledger.store;
  opened(() => quotas.close());
  const users = await openUserAuthority(config.users, { clock, log });
  opened(() => users.close());
  const deadlineMs = config.limits.decisionDeadlineMs;
  const facts = await openContext(config.context, { tls, clock, log, deadlineMs });
  opened(() => facts.close());
  if (facts.agents !== undefined) followCounter(epochs, 'trust', facts.agents);
  const sessions = await openSessions(config.sessions, {
    tls,
    clock,
    observer: metrics,
    log,
    annotationsOf: await readDeclaredTools(config.sessions.toolsFile),
    maxMessageBytes: config.limits.maxMessageBytes,
    riskLooksBack: config.risk.enabled,
    onLabelEpoch: (epoch) => epochs.reach('labels', epoch),
  });
  opened(() => sessions.close());
  const past = audit && createPastRecords({ folder: audit.chain.folder, clock, maxMs: PREVIEW_LOOK_MS });
  const approvals = await openApprovals(config.approvals, { tls, clock, observer: metrics, log, sink: audit, past });
  opened(() => approvals.close());
  const reviews = openReviews({
    ...config.reviews,
    journal: await openReviewJournal(join(config.dataDir, 'reviews')),
    record: audit === undefined ? undefined : (entry) => audit.append(entry),
    webhooks: approvals.reviewers,
    pause: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
    observer: metrics,
    clock,
    log,
  });
  opened(() => reviews.stop());
  const risk = openRisk(config.risk, {
    tls,
    clock,
    observer: metrics,
    log,
    unnamedHaveNone: config.sessions.unnamed === 'deny',
  });
  opened(() => risk.close());
  const judges: Pick<DecideParts, 'sources' | 'assessor'> = {
    sources: [...facts.sources, sessions.source],
    assessor: risk.assessor,
  };
  const cache = config.cache.enabled
    ? createDecisionCache({
        limits: config.cache,
        maxTtlSeconds: MAX_CACHE_TTL_SECONDS[config.bundles.freshness],
        epochs,
        sources: judges.sources,
        assessesRisk: judges.assessor !== undefined,
        clock,
        observer: metrics,
      })
    : undefined;
  if (cache !== undefined) metrics.followCache(() => cache.entries);
  const pipeline = {
    snapshots: active,
    users,
    recorder: sessions.recorder,
    kills,
    ...judges,
    memory: cache,
    followers: risk.followers,
    gateways: new Map(Object.entries(config.gateways).map(([name, tenants]) => [name, new Set(tenants)])),
    parseRequest: createRequestParser(),
    sink: audit,
    clock,
    observer: metrics,
    quotas,
    reviews: { required: config.reviews.required, accept: reviews.accept, withdraw: reviews.withdraw },
    approvals: approvals.book,
    newDecisionId: randomUUID,
    engine: ENGINE,
    onDefect: (error: PortcullisError) => log.error({ [LOG_FIELD.error]: error }, 'Decision failed'),
  };
  const decide = createDecide(pipeline);

  await bundles.restore(context.signal);
  // What was stopped while this PDP was away, before it allows anything again.
  await killSource.lookOnce(AbortSignal.any([context.signal, AbortSignal.timeout(CATCH_UP_MS)]));
  health.check('release', () => {
    const current = active.current();
    return current.ok ? true : current.message;
  });

  const silent = {
    stageTook: () => undefined,
    sourceAnswered: () => undefined,
    decided: () => undefined,
    reserved: () => undefined,
    held: () => undefined,
  };
  const nobody = { perAgent: 1, perTenant: 1, grantsPerTenant: 1, keepMs: 1 };
  const unasked = {
    ...approvals.book,
    store: createMemoryApprovalStore({ clock, caps: nobody }),
    tell: () => undefined,
    record: async () => undefined,
  };
  const unused = createMemoryQuotaStore({ clock, leaseMs: 1, maxAccounts: 1_000, maxReservations: 1_000 });
  const definitions = loadDecisionPackage();
  const service = loadDecisionService(definitions);
  await rehearse({
    // Sources would be asked by somebody whom there is not.
    decide: createDecide({
      ...pipeline,
      kills: NOTHING_STOPPED,
      memory: undefined,
      sources: [],
      sink: undefined,
      recorder: undefined,
      observer: silent,
      quotas: unused,
      approvals: unasked,
      followers: [],
    }),
    service,
    clock,
  });

  const streams = createOpenStreams(maxStreamAgeMs(config.limits.maxConnectionAgeMs));
  const callers = createCallerReader({ trustDomain: config.trustDomain, clock });
  const evaluate = { decide, epochs, callers, clock, deadlineMs: config.limits.decisionDeadlineMs, log };
  const endpoint = await openGrpcEndpoint({
    definitions,
    ...config.listen,
    credentials: grpcServerCredentials(tls),
    limits: config.limits,
    health: createHealthService(active),
    streams,
    more: gatewayServices(config, { ...evaluate, observer: metrics }),
    handlers: {
      Evaluate: createEvaluate(evaluate),
      EvaluateBatch: createEvaluateBatch(evaluate),
      Decide: createDecideStream({
        ...evaluate,
        streams,
        observer: metrics,
        encode: service.Decide.responseSerialize,
        maxInFlight: config.limits.maxInFlightPerStream,
      }),
      Watch: createWatch({ callers, releases: active, epochs, streams, observer: metrics, log }),
      Settle: createSettle({
        callers,
        observer: metrics,
        quotas,
        prices: () => {
          const current = active.current();
          return current.ok ? current.snapshot.engine.registry.prices : undefined;
        },
        clock,
        results: sessions.results,
        gateways: pipeline.gateways,
        sink: audit,
        mayReport: (caller, tenant, agent) => speaksFor(caller, tenant, agent, pipeline.gateways),
        log,
        maxRemembered: config.limits.maxSettlementsRemembered,
      }),
    },
  });
  opened(() => endpoint.close());
  const tokenKey = await openTokenKey(config.http?.tokenKeyFile);
  const http: HttpEndpoint | undefined =
    config.http === undefined
      ? undefined
      : await openHttpEndpoint({
          ...pipeline,
          approvals:
            approvals.approvers === undefined && config.approvals.certificates.length === 0
              ? undefined
              : {
                  desk: approvals.desk,
                  approvers: approvals.approvers,
                  certified: createCertifiedApprovers({
                    configured: config.approvals.certificates,
                    trustDomain: config.trustDomain,
                    clock,
                  }),
                  waiting: approvals.book.store,
                  reveal: approvals.reveal,
                },
          search: config.http.search.enabled
            ? {
                ...config.http.search,
                snapshots: active,
                dryDecide: createDryDecide(pipeline),
                tokens: createPageTokens(
                  createSealer(tokenKey, 'portcullis search pages'),
                  clock,
                  config.http.search.tokenSeconds,
                ),
              }
            : undefined,
          accessRequests: config.http.accessRequests
            ? { sealer: createSealer(tokenKey, 'portcullis access requests'), waiting: approvals.book.store }
            : undefined,
          config: config.http,
          material: tls,
          trustDomain: config.trustDomain,
          certificates: callers,
          decide,
          deadlineMs: config.limits.decisionDeadlineMs,
          observer: metrics,
          log,
          kill: { kills, env: config.env, trusted: () => bundles.trusted },
          reviews,
          usage: { usage: ledger.usage, shared: config.quota.store.type === 'redis' },
        });
  opened(() => http?.close());
  if (http !== undefined) httpsUrl = () => http.url;
  const admin = await startAdminServer({
    ...config.admin,
    registry: context.registry,
    health,
    onDrain: context.requestDrain,
  });
  context.announce('grpc', endpoint.address);
  if (http !== undefined) context.announce('https', http.address);
  context.announce('admin', admin.address);

  return {
    address: endpoint.address,
    httpAddress: http?.address,
    adminAddress: admin.address,
    decide,
    agents: facts.agents,
    tasks: [
      ...(shipping === undefined ? [] : [shipping.task]),
      approvals.escalation,
      ...killSource.tasks,
      ...createBundleTasks({
        client: bundles,
        channel,
        reports,
        active,
        pollMs: config.bundles.pollMs,
        random: Math.random,
        onHint: killSource.hint,
      }),
    ],
    drain: [
      {
        name: 'finish calls',
        timeoutMs: DRAIN_CALLS_MS,
        run: async () => void (await Promise.all([endpoint.drain(), http?.drain()])),
      },
      { name: 'close the HTTPS port', timeoutMs: DRAIN_STEP_MS, run: async () => http?.close() },
      {
        name: 'close the gRPC port',
        timeoutMs: DRAIN_STEP_MS,
        run: async () => endpoint.close(),
      },
      { name: 'ship the audit chain', timeoutMs: DRAIN_STEP_MS, run: async () => shipping?.close(SHIP_THE_REST_MS) },
      { name: 'close the reviews', timeoutMs: DRAIN_STEP_MS, run: () => reviews.stop() },
      { name: 'close the audit chain', timeoutMs: DRAIN_STEP_MS, run: async () => audit?.close() },
      {
        name: 'close the sources of context',
        timeoutMs: DRAIN_STEP_MS,
        run: async () => {
          users.close();
          facts.close();
        },
      },
      { name: 'close the approvals', timeoutMs: DRAIN_STEP_MS, run: () => approvals.close() },
      { name: 'close the quota store', timeoutMs: DRAIN_STEP_MS, run: () => quotas.close() },
      { name: 'close the session store', timeoutMs: DRAIN_STEP_MS, run: () => sessions.close() },
      { name: 'close the risk stage', timeoutMs: DRAIN_STEP_MS, run: () => risk.close() },
      { name: 'stop the compiler', timeoutMs: DRAIN_STEP_MS, run: () => compiler.close() },
      { name: 'close the channel', timeoutMs: DRAIN_STEP_MS, run: () => channel.close() },
      {
        name: 'close the admin port',
        timeoutMs: DRAIN_STEP_MS,
        run: async () => {
          tls.close();
          await admin.close();
        },
      },
    ],
  };
}

async function openConfiguredAudit(
  { audit, dataDir, node, trustDomain }: PdpConfig,
  { clock, log, metrics }: { readonly clock: Clock; readonly log: ServiceContext['log']; readonly metrics: PdpMetrics },
): Promise<Audit | undefined> {
  const { mode } = audit;
  if (mode === 'off') {
    log.warn('Decisions are not recorded: audit.mode is off');
    return undefined;
  }
  const owner = `${trustDomain}/pdp/${node}`;
  return openAudit({ config: { ...audit, mode }, dataDir, owner, clock, log, observer: metrics });
}

async function openConfiguredShipping(
  { audit: { ship, keep }, dataDir, trustDomain }: PdpConfig,
  { chain }: Audit,
  parts: {
    readonly channels: readonly ChannelReader[];
    readonly pinnedRoot: Uint8Array;
    readonly tls: TlsMaterial;
    readonly clock: Clock;
    readonly log: ServiceContext['log'];
    readonly metrics: PdpMetrics;
  },
): Promise<Shipping | undefined> {
  const senders = parts.channels.flatMap(({ sender }) => (sender === undefined ? [] : [sender]));
  if (!ship.enabled || senders.length === 0) {
    parts.log.warn('Evidence stays on this machine: it is not shipped');
    return undefined;
  }
  const { pinnedRoot, tls, clock, log, metrics } = parts;
  const shipping = await openShipping({
    config: ship,
    keep,
    chain,
    senders,
    receiptKeys: createReceiptKeys({ pinnedRoot, rootsDir: join(dataDir, 'roots'), trustDomain, clock }),
    sign: (statement) => signStatement(tls.current(), statement),
    observer: metrics,
    clock,
    log,
    random: Math.random,
  });
  metrics.followShipping(shipping.lag);
  return shipping;
}

async function readPinnedRoot(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new PortcullisError('ERR_BUNDLE_ROOT', 'invalid', 'the pinned root cannot be read', { cause: error });
  }
}

async function openChannels(
  config: PdpConfig,
  tls: TlsMaterial,
  context: ServiceContext,
  opened: Opened,
): Promise<readonly ChannelReader[]> {
  const acceptServer = (id: string): boolean => parsePeerIdentity(id, config.trustDomain)?.kind === 'distributor';
  return Promise.all(
    config.bundles.sources.map(async (source): Promise<ChannelReader> => {
      const channel = await openChannel(source);
      opened(() => channel.close());
      return channel;
    }),
  );

  async function openChannel(source: PdpConfig['bundles']['sources'][number]): Promise<ChannelReader> {
    switch (source.type) {
      case 'http':
        return createHttpChannelReader({
          baseUrl: source.url,
          dispatcher: undiciDispatcher(tls, { acceptServer }),
          ownsDispatcher: true,
        });
      case 'nats':
        return openNatsChannel({
          servers: source.servers,
          ...(source.tls ? { tls } : {}),
          ...(source.credsFile === undefined ? {} : { credsFile: source.credsFile }),
          bucketPrefix: source.bucketPrefix,
          log: context.log,
          role: 'reader',
        });
    }
  }
}
