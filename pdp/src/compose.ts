/** The composition root: with `compose/` the only place that constructs across folders, in reading order. */

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createRequestParser, loadDecisionPackage, loadDecisionService } from '@portcullis/proto';
import {
  type Clock,
  composing,
  LOG_FIELD,
  type Opened,
  openTlsMaterial,
  type PortcullisError,
  processEnvironment,
  type Service,
  type ServiceContext,
  startAdminServer,
  systemClock,
} from '@portcullis/runtime';
import { type ChannelReader, fallbackReader } from '@portcullis/runtime/channel';
import { openTracer } from '@portcullis/runtime/tracing';
import { openApprovals } from './approvals/open-approvals.js';
import { createPastRecords } from './audit/past-records.js';
import { recordReleases } from './audit/record-releases.js';
import { createActiveReleases } from './bundles/active.js';
import { createBundleClient } from './bundles/bundle-client.js';
import { openBundleFiles } from './bundles/bundle-files.js';
import { createBundleTasks } from './bundles/bundle-tasks.js';
import { type BundleCompiler, createWorkerCompiler } from './bundles/compiler.js';
import { FRESHNESS_PROFILES, MAX_CACHE_TTL_SECONDS } from './bundles/freshness.js';
import { createNodeReports } from './bundles/node-reports.js';
import { createDecisionCache } from './cache/decision-cache.js';
import { openChannels, readPinnedRoot } from './compose/open-channels.js';
import { openConfiguredAudit, openConfiguredShipping } from './compose/open-evidence.js';
import { openGrpc } from './compose/open-grpc.js';
import { openHttps } from './compose/open-https.js';
import { rehearsePipeline } from './compose/rehearse-pipeline.js';
import { MAX_SOURCES, type PdpConfig } from './config.js';
import type { AgentStore } from './context/agent-store.js';
import { openContext } from './context/open-context.js';
import { openUserAuthority } from './context/users.js';
import { createEpochs, followCounter } from './epochs/epochs.js';
import { openKillFile } from './kill/kill-file.js';
import { createKillSource, requireKillList } from './kill/kill-source.js';
import { openKillSwitch } from './kill/kill-switch.js';
import { createPdpMetrics } from './metrics.js';
import { createIntentLog } from './notify/intent-log.js';
import { openNotifier } from './notify/open-notifier.js';
import { createDecide, type Decide, type DecideParts } from './pipeline/decide.js';
import { createQuotaLedger } from './quota/ledger.js';
import { openQuotaStore } from './quota/open.js';
import { openReviews } from './reviews/open-reviews.js';
import { openRisk } from './risk/open.js';
import { createCallerReader } from './server/peer.js';
import { readDeclaredTools } from './session/declared-tools.js';
import { openSessions } from './session/open.js';

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
  const approvals = await openApprovals(config.approvals, {
    dataDir: config.dataDir,
    tls,
    clock,
    observer: metrics,
    log,
    sink: audit,
    past,
  });
  opened(() => approvals.close());
  const reviews = await openReviews(config.reviews, config.approvals, {
    dataDir: config.dataDir,
    tls,
    record: audit === undefined ? undefined : (entry) => audit.append(entry),
    webhooks: approvals.reviewers,
    observer: metrics,
    clock,
    log,
  });
  opened(() => reviews.stop());
  const notifier = await openNotifier(config.approvals, {
    dataDir: config.dataDir,
    channels: approvals.channels,
    record: audit === undefined ? undefined : (entry) => audit.append(entry),
    observer: metrics,
    clock,
    log,
  });
  opened(() => notifier.stop());
  const intents = audit && createIntentLog((entry) => audit.append(entry), { clock, log });
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
    followers: [...risk.followers, notifier, ...(intents === undefined ? [] : [intents])],
    gateways: new Map(Object.entries(config.gateways).map(([name, tenants]) => [name, new Set(tenants)])),
    parseRequest: createRequestParser(),
    sink: audit,
    clock,
    observer: metrics,
    quotas,
    notices: notifier,
    reviews: { required: config.reviews.required, accept: reviews.accept, withdraw: reviews.withdraw },
    approvals: approvals.book,
    newDecisionId: randomUUID,
    engine: ENGINE,
    onDefect: (error: PortcullisError) => log.error({ [LOG_FIELD.error]: error }, 'Decision failed'),
  };
  const tracing = await openTracer(config.tracing, processEnvironment(), 'portcullis-pdp');
  if (tracing !== undefined) opened(() => tracing.close().catch(() => undefined));
  const tracer =
    tracing === undefined ? undefined : (await import('./tracing/decision-tracer.js')).createDecisionTracer(tracing);
  const decide = createDecide({ ...pipeline, tracer });

  await bundles.restore(context.signal);
  // What was stopped while this PDP was away, before it allows anything again.
  await killSource.lookOnce(AbortSignal.any([context.signal, AbortSignal.timeout(CATCH_UP_MS)]));
  health.check('release', () => {
    const current = active.current();
    return current.ok ? true : current.message;
  });

  const definitions = loadDecisionPackage();
  const service = loadDecisionService(definitions);
  await rehearsePipeline(pipeline, { service, clock });

  const callers = createCallerReader({ trustDomain: config.trustDomain, clock });
  const endpoint = await openGrpc(config, {
    definitions,
    service,
    decide,
    pipeline,
    releases: active,
    epochs,
    answers: approvals.answers,
    callers,
    results: sessions.results,
    sink: audit,
    tls,
    clock,
    metrics,
    log,
  });
  opened(() => endpoint.close());
  const http = await openHttps(config, {
    pipeline,
    decide,
    approvals,
    reviews,
    ledger,
    kills,
    trusted: () => bundles.trusted,
    callers,
    tls,
    clock,
    metrics,
    log,
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
      reviews.lookout,
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
      { name: 'close the notices', timeoutMs: DRAIN_STEP_MS, run: () => notifier.stop() },
      { name: 'record the intents', timeoutMs: DRAIN_STEP_MS, run: async () => intents?.idle() },
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
      { name: 'send traces', timeoutMs: DRAIN_STEP_MS, run: async () => tracing?.close().catch(() => undefined) },
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
