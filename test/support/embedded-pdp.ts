/**
 * A whole PDP inside this process, over sources that the test makes up. One look asks one source after the other until
 * one of them changes something, so thousands of hostile sources are answered for within one look.
 */
import { join } from 'node:path';
import { compileBundleBytes, composePdp, type ObjectSource, pdpConfig } from '@portcullis/pdp';
import { type NodeStatus, parseNodeStatus } from '@portcullis/policy/trust';
import { createLogger, createServiceContext, type TlsFiles } from '@portcullis/runtime';
import type { ChannelReader } from '@portcullis/runtime/channel';
import type { z } from 'zod';
import { CHANNEL, ENV, TRUST_DOMAIN } from './stack.js';

/** What it is made of. */
export interface EmbeddedPdpOptions {
  /** Owned by this PDP alone. */
  readonly dataDir: string;
  readonly rootFile: string;
  readonly tls: TlsFiles;
  /** Asked in this order at every look. */
  readonly sources: readonly ObjectSource[];
  /** Which tenants a gateway may speak for. */
  readonly gateways?: Readonly<Record<string, readonly string[]>>;
  /** Its HTTPS endpoint, which it has only then. */
  readonly http?: Readonly<Record<string, unknown>>;
  /** How long a release is served without a sign of life; by default 10 minutes. */
  readonly freshness?: 'standard' | 'strict' | 'available';
  /** How long a decision may take, in milliseconds; by default 5 s. */
  readonly decisionDeadlineMs?: number;
  /** Whose word about users counts; nobody's by default. */
  readonly users?: z.input<typeof pdpConfig>['users'];
  /** Where facts come from; from the bundle alone by default. */
  readonly context?: z.input<typeof pdpConfig>['context'];
  /** Which gateways of other makers it answers; by default none. */
  readonly others?: Pick<z.input<typeof pdpConfig>, 'extAuthz' | 'extMcp'>;
  /** Where quotas are counted; by default in its memory. */
  readonly quota?: z.input<typeof pdpConfig>['quota'];
  /** How risk is assessed; by default as it comes. */
  readonly risk?: z.input<typeof pdpConfig>['risk'];
  /** What is kept of sessions; by default as it comes. */
  readonly sessions?: z.input<typeof pdpConfig>['sessions'];
}

/** The running PDP. */
export interface EmbeddedPdp {
  /** `host:port` of its gRPC endpoint. */
  readonly address: string;
  /** `host:port` of its HTTPS endpoint. */
  readonly httpAddress: string | undefined;
  /** Everything that it reported, oldest first. */
  readonly statuses: readonly NodeStatus[];
  /** Hints that something changed; there are no looks but the first one and those that are asked for. */
  look(): void;
  close(): Promise<void>;
}

/** Starts it; its first look is under way when this returns. */
export async function startEmbeddedPdp(options: EmbeddedPdpOptions): Promise<EmbeddedPdp> {
  const statuses: NodeStatus[] = [];
  const stop = new AbortController();
  let hint = Promise.withResolvers<void>();
  stop.signal.addEventListener('abort', () => hint.resolve());
  async function* hints(): AsyncGenerator<void> {
    while (!stop.signal.aborted) {
      await hint.promise;
      hint = Promise.withResolvers();
      yield;
    }
  }
  async function* silence(): AsyncGenerator<void> {}
  const channels = options.sources.map(
    (source, index): ChannelReader => ({
      transport: 'in-process',
      get: (key, reading) => source.get(key, reading),
      watch: () => (index === 0 ? hints() : silence()),
      send: async (_subject, message) => {
        const status = parseNodeStatus(message);
        if (status.ok) statuses.push(status.value);
      },
      close: async () => undefined,
    }),
  );
  const config = pdpConfig.parse({
    node: 'pdp-embedded',
    trustDomain: TRUST_DOMAIN,
    env: ENV,
    channel: CHANNEL,
    tls: options.tls,
    admin: {},
    log: {},
    dataDir: join(options.dataDir),
    bundles: {
      rootFile: options.rootFile,
      // Not used: the channels are given.
      sources: [{ type: 'http', url: 'https://127.0.0.1:1' }],
      pollMs: 60_000,
      ...(options.freshness === undefined ? {} : { freshness: options.freshness }),
    },
    gateways: options.gateways ?? {},
    ...(options.http === undefined ? {} : { http: options.http }),
    users: options.users,
    context: options.context,
    ...options.others,
    quota: options.quota,
    risk: options.risk,
    sessions: options.sessions,
    limits: { decisionDeadlineMs: options.decisionDeadlineMs ?? 5_000 },
  });
  const log = createLogger({ component: 'pdp', level: 'silent' });
  const service = await composePdp(config, createServiceContext({ name: 'pdp', log, signal: stop.signal }), {
    channels,
    compiler: { compile: (bytes) => compileBundleBytes(bytes), close: async () => undefined },
  });
  const running = Promise.all(service.tasks.map((task) => task.run(stop.signal)));
  return {
    address: service.address,
    httpAddress: service.httpAddress,
    statuses,
    look: () => hint.resolve(),
    async close() {
      for (const step of service.drain) await step.run();
      stop.abort();
      await running;
    },
  };
}
