/** The gRPC port: options against abuse, the services on it, and its orderly end. */

import {
  type ChannelOptions,
  Server,
  type ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { type loadDecisionPackage, loadDecisionService, type Wire } from '@portcullis/proto';
import { PortcullisError } from '@portcullis/runtime';
import type { DecideStream } from './decide-stream.js';
import type { HealthService } from './health-service.js';
import type { OpenStreams } from './open-streams.js';

/** Caps of one endpoint; see `config.ts` for what each means. */
export interface EndpointLimits {
  readonly maxMessageBytes: number;
  readonly maxConcurrentStreams: number;
  readonly maxSessionMemoryMb: number;
  readonly maxConnectionAgeMs: number;
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}

/** A service beside the decision service. Reflection does not tell of it. */
export interface AddedService {
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

/** What is served, where, to whom. */
export interface EndpointOptions {
  /** What `loadDecisionPackage` returned. */
  readonly definitions: ReturnType<typeof loadDecisionPackage>;
  readonly host: string;
  readonly port: number;
  readonly credentials: ServerCredentials;
  readonly limits: EndpointLimits;
  readonly handlers: Pick<Wire.DecisionServiceHandlers, 'Evaluate' | 'EvaluateBatch' | 'Settle' | 'Watch'> & {
    readonly Decide: DecideStream;
  };
  /** Services of other protocols on the same port. */
  readonly more?: readonly AddedService[];
  readonly health: HealthService;
  readonly streams: OpenStreams;
}

/** A bound endpoint. */
export interface GrpcEndpoint {
  /** `host:port` as bound. */
  readonly address: string;
  /** NOT_SERVING, no new streams; open ones answer what is in flight and end. Resolves when all calls have ended. */
  drain(): Promise<void>;
  /** Ends everything at once. */
  close(): void;
}

/** grpc-js gives each connection an age that differs by up to a tenth either way. */
const AGE_JITTER = 1.1;
const LEAVE_MARGIN_MS = 1_000;

/**
 * How long a stream may live: just longer than its connection is asked to stay, so that a stream which ends by age is
 * opened again on a new connection and not on the one about to go.
 */
export function maxStreamAgeMs(maxConnectionAgeMs: number): number {
  return Math.ceil(maxConnectionAgeMs * AGE_JITTER) + LEAVE_MARGIN_MS;
}

/**
 * Binds the port.
 * @throws PortcullisError kind `unavailable` when the port cannot be bound.
 */
export async function openGrpcEndpoint(options: EndpointOptions): Promise<GrpcEndpoint> {
  const server = new Server(channelOptions(options.limits));
  const service = loadDecisionService(options.definitions);
  server.addService(
    { ...service, Decide: { ...service.Decide, responseSerialize: (encoded: Buffer) => encoded } },
    { ...options.handlers },
  );
  for (const { definition, handlers } of options.more ?? []) server.addService(definition, handlers);
  options.health.addToServer(server);
  new ReflectionService(options.definitions).addToServer(server);
  const port = await bind(server, options);
  return {
    address: options.host.includes(':') ? `[${options.host}]:${port}` : `${options.host}:${port}`,
    drain: () => {
      options.health.drain();
      options.streams.leaveAll();
      return new Promise<void>((resolve) => {
        server.tryShutdown(() => resolve());
      });
    },
    close: () => server.forceShutdown(),
  };
}

function bind(server: Server, { host, port, credentials }: EndpointOptions): Promise<number> {
  const target = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(target, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else
        reject(new PortcullisError('ERR_PDP_LISTEN', 'unavailable', 'the gRPC port cannot be bound', { cause: error }));
    });
  });
}

function channelOptions(limits: EndpointLimits): ChannelOptions {
  return {
    'grpc.max_receive_message_length': limits.maxMessageBytes,
    'grpc.max_concurrent_streams': limits.maxConcurrentStreams,
    'grpc-node.max_session_memory': limits.maxSessionMemoryMb,
    'grpc.max_connection_age_ms': limits.maxConnectionAgeMs,
    // Long enough for every stream to end by itself (see `maxStreamAgeMs`); what has not by then never will.
    'grpc.max_connection_age_grace_ms': maxStreamAgeMs(limits.maxConnectionAgeMs) + LEAVE_MARGIN_MS,
    'grpc.keepalive_time_ms': limits.keepaliveMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    'grpc.keepalive_permit_without_calls': 1,
  };
}
