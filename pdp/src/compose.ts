/** The composition root: with `compose/` the only place that constructs across folders, in reading order. */

import { loadDecisionPackage, loadDecisionService } from '@portcullis/proto';
import {
  type Clock,
  composing,
  type Opened,
  openTlsMaterial,
  processEnvironment,
  type Service,
  type ServiceContext,
  startAdminServer,
  systemClock,
} from '@portcullis/runtime';
import { type ChannelReader, fallbackReader } from '@portcullis/runtime/channel';
import { openTracer } from '@portcullis/runtime/tracing';
import { type BundleCompiler, createWorkerCompiler } from './bundles/compiler.js';
import { lockDataDir } from './compose/lock-data-dir.js';
import { openChannels, readPinnedRoot } from './compose/open-channels.js';
import { openConfiguredAudit, openConfiguredShipping } from './compose/open-evidence.js';
import { openGrpc } from './compose/open-grpc.js';
import { openHttps } from './compose/open-https.js';
import { openReleases } from './compose/open-releases.js';
import { openStages } from './compose/open-stages.js';
import { rehearsePipeline } from './compose/rehearse-pipeline.js';
import type { PdpConfig } from './config.js';
import type { AgentStore } from './context/agent-store.js';
import { createPdpMetrics } from './metrics.js';
import { createDecide, type Decide } from './pipeline/decide.js';
import { createCallerReader } from './server/peer.js';

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

const DRAIN_CALLS_MS = 5_000;
const DRAIN_STEP_MS = 2_000;
const SHIP_THE_REST_MS = 1_500;
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

  let httpsUrl = (): string | undefined => undefined;
  const compiler =
    replacements.compiler ??
    createWorkerCompiler({ timeoutMs: config.bundles.compileTimeoutMs, maxHeapMb: config.bundles.compileHeapMb });
  opened(() => compiler.close());
  const pinnedRoot = await readPinnedRoot(config.bundles.rootFile);
  const lock = lockDataDir(config.dataDir);
  opened(() => lock.release());
  const audit = await openConfiguredAudit(config, { clock, log, metrics });
  opened(() => audit?.close());
  const shipping =
    audit && (await openConfiguredShipping(config, audit, { channels, pinnedRoot, tls, clock, log, metrics }));
  const releases = await openReleases(config, {
    channels,
    channel,
    pinnedRoot,
    compiler,
    audit,
    httpsUrl: () => httpsUrl(),
    clock,
    metrics,
    log,
  });
  const { active, epochs, kills, trusted } = releases;
  const stages = await openStages(config, { releases, audit, tls, clock, metrics, log }, opened);
  const { pipeline, ledger, users, facts, sessions, approvals, reviews, notifier, intents, risk } = stages;
  const tracing = await openTracer(config.tracing, processEnvironment(), 'portcullis-pdp');
  if (tracing !== undefined) opened(() => tracing.close().catch(() => undefined));
  const tracer =
    tracing === undefined ? undefined : (await import('./tracing/decision-tracer.js')).createDecisionTracer(tracing);
  const decide = createDecide({ ...pipeline, tracer });

  await releases.catchUp(context.signal);
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
    trusted,
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
      ...releases.tasks,
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
      { name: 'close the quota store', timeoutMs: DRAIN_STEP_MS, run: () => ledger.store.close() },
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
      { name: 'give up the data directory', timeoutMs: DRAIN_STEP_MS, run: async () => lock.release() },
    ],
  };
}
