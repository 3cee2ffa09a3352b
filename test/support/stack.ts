/**
 * A whole Portcullis on loopback, in real processes with real mutual TLS: what the demo shows and the integration tests
 * torment. Everything lives below one temporary folder.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type DecisionRecord, decisionsIn } from './audit-segments.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import { entryOf, runService, type ServiceProcess, writeConfig } from './service-process.js';
import { CHANNEL, createStackFiles, ENV, type StackFiles, TRUST_DOMAIN } from './stack-files.js';
import { openReleases, type StackReleases } from './stack-releases.js';
import { createSidecars, type StackSidecars } from './stack-sidecars.js';

export { AGENT, CHANNEL, ENV, TRUST_DOMAIN } from './stack-files.js';
export type { Published } from './stack-releases.js';
export type { SidecarOptions, SidecarProcess } from './stack-sidecars.js';

/** A PDP of the stack. */
export interface PdpProcess extends ServiceProcess {
  /** What sidecars dial: the PDP itself. */
  readonly endpoint: string;
  /** Folder of its audit chain. */
  readonly auditDir: string;
}

/** Where a stack's parts differ from the defaults. */
export interface StackOptions {
  /** 1 by default. */
  readonly pdps?: number;
  /** `http` by default; with a `nats://` URL releases travel over NATS (and HTTP stays the second source unless `natsOnly`). */
  readonly natsUrl?: string;
  readonly natsOnly?: boolean;
  readonly pollMs?: number;
  readonly freshness?: 'standard' | 'strict' | 'available';
  readonly timestamp?: { readonly lifetimeMs: number; readonly refreshMs: number };
  /** Where PDP `index` reads its releases from, if not from the distributor itself. */
  readonly releaseUrl?: (index: number, distributorUrl: string, stack: StackFiles) => Promise<string>;
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error';
  /** Merged over the distributor's configuration. */
  readonly distributor?: Readonly<Record<string, unknown>>;
  /** Merged over every PDP's configuration. */
  readonly pdp?: Readonly<Record<string, unknown>>;
  /** What PDP `index` reads its releases with: changes to the defaults, which it is shown. */
  readonly bundles?: (index: number, bundles: BundlesConfig) => Partial<BundlesConfig>;
}

/** The part of a PDP's configuration that says where releases come from. */
export interface BundlesConfig {
  readonly rootFile: string;
  readonly sources: readonly { readonly type: string; readonly [key: string]: unknown }[];
  readonly pollMs: number;
  readonly freshness: 'standard' | 'strict' | 'available';
  readonly [key: string]: unknown;
}

/** The running system. */
export interface Stack extends StackFiles, StackSidecars, StackReleases {
  readonly distributor: ServiceProcess & { readonly url: string };
  readonly pdps: readonly PdpProcess[];
  /** Waits until every PDP of the stack that runs has loaded `seq`. */
  loaded(seq: number, timeoutMs?: number): Promise<void>;
  /** Every decision that any PDP has logged. */
  decisions(): readonly DecisionRecord[];
  close(): Promise<void>;
}

/** Starts a distributor and PDPs. Sidecars are started from the result. What had started when one does not is ended. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const services: ServiceProcess[] = [];
  try {
    return await startInto(services, options);
  } catch (error: unknown) {
    // Left alone they would keep the test's process from ending.
    await Promise.all(services.map((service) => service.kill()));
    throw error;
  }
}

async function startInto(services: ServiceProcess[], options: StackOptions): Promise<Stack> {
  const files = await createStackFiles(options.pdps ?? 1);
  const { folder, trust } = files;
  const log = { level: options.logLevel ?? 'info' };
  const nats = options.natsUrl === undefined ? [] : [{ type: 'nats', servers: [options.natsUrl], tls: false }];

  const distributorPort = await freePort();
  const distributorUrl = `https://127.0.0.1:${distributorPort}`;
  const distributor = await runService({
    name: 'distributor',
    entry: entryOf('distributor'),
    configFile: writeConfig(join(folder, 'distributor.json'), {
      trustDomain: TRUST_DOMAIN,
      listen: { host: '127.0.0.1', port: distributorPort },
      tls: files.tls({ kind: 'distributor', name: 'distributor' }),
      log,
      dataDir: join(folder, 'distributor'),
      trustDir: trust.metadataDirectory,
      keysDir: trust.distributorKeys,
      transports: [{ type: 'http' }, ...nats],
      ...(options.timestamp === undefined ? {} : { timestamp: options.timestamp }),
      ...options.distributor,
    }),
  });
  services.push(distributor);

  const starts: (() => Promise<PdpProcess>)[] = [];
  for (let index = 0; index < (options.pdps ?? 1); index += 1) {
    const name = `pdp-${index + 1}`;
    const port = await freePort();
    const auditDir = join(folder, name, 'audit');
    const url =
      options.releaseUrl === undefined ? distributorUrl : await options.releaseUrl(index, distributorUrl, files);
    const bundles: BundlesConfig = {
      rootFile: trust.rootFile,
      sources: [...nats, ...(options.natsOnly === true ? [] : [{ type: 'http', url }])],
      pollMs: options.pollMs ?? 5000,
      freshness: options.freshness ?? 'standard',
    };
    const configFile = writeConfig(join(folder, `${name}.json`), {
      node: name,
      trustDomain: TRUST_DOMAIN,
      env: ENV,
      channel: CHANNEL,
      listen: { host: '127.0.0.1', port },
      tls: files.tls({ kind: 'pdp', name }),
      log,
      dataDir: join(folder, name),
      bundles: { ...bundles, ...options.bundles?.(index, bundles) },
      ...options.pdp,
    });
    starts.push(async () => {
      const service = await runService({ name, entry: entryOf('pdp'), configFile });
      services.push(service);
      return Object.assign(service, { endpoint: `127.0.0.1:${port}`, auditDir });
    });
  }
  // All at once: a start is a second of one core. Each is waited for, so that a failure of one leaves none behind.
  const started = await Promise.allSettled(starts.map((start) => start()));
  const pdps = started.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });

  const releases = await openReleases(files, distributorUrl);
  const sidecars = createSidecars(
    files,
    pdps.map((pdp) => pdp.endpoint),
    log,
    (service) => services.push(service),
  );
  const stack: Stack = {
    ...files,
    ...sidecars,
    ...releases,
    distributor: Object.assign(distributor, { url: distributorUrl }),
    pdps,
    async loaded(seq, timeoutMs = 15_000) {
      await eventually(
        `every PDP to load release ${seq}`,
        async () => {
          const { nodes } = await stack.status();
          return pdps.every((pdp) => nodes.some((node) => node.node === pdp.name && node.active?.release_seq === seq));
        },
        timeoutMs,
        25,
      );
    },
    decisions: () => pdps.flatMap(({ auditDir }) => decisionsIn(auditDir)),
    async close() {
      await Promise.all(services.map((service) => service.kill()));
      await releases.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return stack;
}
