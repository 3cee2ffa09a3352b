/** The gRPC port: the decision service, and those of gateways of other makers. */

import type { loadDecisionPackage, loadDecisionService } from '@portcullis/proto';
import { type Clock, grpcServerCredentials, type Logger, type TlsMaterial } from '@portcullis/runtime';
import type { ActiveReleases } from '../bundles/active.js';
import type { PdpConfig } from '../config.js';
import type { EpochSource } from '../epochs/epochs.js';
import { gatewayServices } from '../gateways/gateway-services.js';
import type { PdpMetrics } from '../metrics.js';
import type { Decide, DecideParts } from '../pipeline/decide.js';
import { speaksFor } from '../pipeline/normalize.js';
import { createDecideStream } from '../server/decide-stream.js';
import { createEvaluate, createEvaluateBatch } from '../server/evaluate.js';
import { type GrpcEndpoint, maxStreamAgeMs, openGrpcEndpoint } from '../server/grpc-endpoint.js';
import { createHealthService } from '../server/health-service.js';
import { createOpenStreams } from '../server/open-streams.js';
import type { CallerReader } from '../server/peer.js';
import { createSettle, type SettleParts } from '../server/settle.js';
import { createWatch, type WatchParts } from '../server/watch.js';

/** What is asked over gRPC. */
export interface GrpcParts {
  readonly definitions: ReturnType<typeof loadDecisionPackage>;
  readonly service: ReturnType<typeof loadDecisionService>;
  readonly decide: Decide;
  readonly pipeline: DecideParts;
  readonly releases: ActiveReleases;
  readonly epochs: EpochSource;
  readonly callers: CallerReader;
  readonly results: SettleParts['results'];
  readonly sink: SettleParts['sink'];
  readonly answers: WatchParts['answers'];
  readonly tls: TlsMaterial;
  readonly clock: Clock;
  readonly metrics: PdpMetrics;
  readonly log: Logger;
}

/**
 * Opens it.
 * @throws PortcullisError when its address cannot be bound.
 */
export async function openGrpc(config: PdpConfig, parts: GrpcParts): Promise<GrpcEndpoint> {
  const { definitions, service, decide, pipeline, releases, epochs, callers, tls, clock, metrics, log } = parts;
  const { limits } = config;
  const { gateways } = pipeline;
  const streams = createOpenStreams(maxStreamAgeMs(limits.maxConnectionAgeMs));
  const evaluate = { decide, epochs, callers, clock, deadlineMs: limits.decisionDeadlineMs, log };
  return openGrpcEndpoint({
    definitions,
    ...config.listen,
    credentials: grpcServerCredentials(tls),
    limits,
    health: createHealthService(releases),
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
        maxInFlight: limits.maxInFlightPerStream,
      }),
      Watch: createWatch({ callers, releases, epochs, answers: parts.answers, streams, observer: metrics, log }),
      Settle: createSettle({
        callers,
        observer: metrics,
        quotas: pipeline.quotas,
        prices: () => {
          const current = releases.current();
          return current.ok ? current.snapshot.engine.registry.prices : undefined;
        },
        clock,
        results: parts.results,
        gateways,
        sink: parts.sink,
        mayReport: (caller, tenant, agent) => speaksFor(caller, tenant, agent, gateways),
        log,
        maxRemembered: limits.maxSettlementsRemembered,
      }),
    },
  });
}
