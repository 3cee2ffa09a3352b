/**
 * A whole Portcullis on loopback, in real processes with real mutual TLS: what the demo shows and the integration tests
 * torment. Everything lives below one temporary folder.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  connectDistributor,
  createDevelopmentPki,
  type DevelopmentPki,
  initTrust,
  issueLeaf,
  type LeafIdentity,
  type LeafOverrides,
  openDistributorApi,
  type PublishResult,
  publishRelease,
  type ReleaseStatus,
  readSigningKeys,
  releaseStatus,
  rollbackRelease,
  type TrustInitResult,
  tlsFilesOf,
  writeDevelopmentPki,
  writeLeaf,
} from '@portcullis/cli';
import { systemClock, type TlsFiles } from '@portcullis/runtime';
import { type RunningProcess, startService } from './child-process.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import type { PolicySource } from './policy-source.js';
import { repositoryRoot } from './root.js';

/** The trust domain of every identity of a stack. */
export const TRUST_DOMAIN = 'portcullis.test';
/** The environment and the channel of its releases. */
export const ENV = 'prod';
/** The channel of its releases. */
export const CHANNEL = 'default';
/** The tenant and the agent that sidecars speak for unless told otherwise. */
export const AGENT = { tenant: 'acme', agent: 'analyst' } as const;

/** One decision as a PDP's audit chain has it. */
export interface DecisionRecord {
  readonly decision_id: string;
  readonly request_digest: string;
  readonly effect: string;
  /** The deny codes. */
  readonly deny: readonly string[];
  readonly tenant: string;
  readonly agent: string;
  readonly tool: { readonly server?: string; readonly name?: string; readonly operation?: string };
  /** SHA-256 over RFC 8785 of the tool's arguments, when it has any. */
  readonly arguments_digest?: string;
  readonly [field: string]: unknown;
}

/** A service process that can be killed, paused and started again on the same addresses. */
export interface ServiceProcess {
  readonly name: string;
  readonly addresses: Readonly<Record<string, string>>;
  readonly readyMs: number;
  readonly pid: number;
  output(): string;
  /** `SIGKILL`, as a crash. */
  kill(): Promise<void>;
  /** `SIGSTOP`: alive, silent. */
  pause(): void;
  resume(): void;
  start(): Promise<void>;
  /** `SIGTERM`; resolves to the exit code. */
  terminate(): Promise<number | null>;
}

/** A PDP of the stack. */
export interface PdpProcess extends ServiceProcess {
  /** What sidecars dial: the PDP itself. */
  readonly endpoint: string;
  /** Folder of its audit chain. */
  readonly auditDir: string;
}

/** A sidecar of the stack. */
export interface SidecarProcess extends ServiceProcess {
  /** The MCP endpoint of an upstream. */
  mcpUrl(upstream: string): string;
}

/** What a publish or a rollback came to. */
export interface Published {
  readonly seq: number;
  readonly policyVersion: string;
  readonly digest: string;
  /** `performance.now()` when the distributor had accepted it. */
  readonly acceptedAt: number;
}

/** What the distributor says about the channel. */
export type StackStatus = ReleaseStatus;

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

/** The files below a stack's folder. */
export interface StackFiles {
  readonly folder: string;
  readonly trust: TrustInitResult;
  /** TLS files of an identity that was issued at the start. */
  tls(identity: LeafIdentity): TlsFiles;
  /** Issues one more certificate, right or wrong. */
  issue(identity: LeafIdentity, overrides?: LeafOverrides): Promise<TlsFiles>;
}

/** Where a sidecar differs from the defaults. */
export interface SidecarOptions {
  readonly name?: string;
  readonly upstreams: readonly { readonly name: string; readonly url: string; readonly [key: string]: unknown }[];
  /** All PDPs by default. */
  readonly endpoints?: readonly string[];
  readonly tls?: TlsFiles;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly pdp?: Readonly<Record<string, unknown>>;
  /** Options of Node, for a look into the process. */
  readonly nodeArgs?: readonly string[];
}

/** The running system. */
export interface Stack extends StackFiles {
  readonly distributor: ServiceProcess & { readonly url: string };
  readonly pdps: readonly PdpProcess[];
  startSidecar(options: SidecarOptions): Promise<SidecarProcess>;
  /** Writes a configuration for `portcullis-sidecar mcp` and returns the command line up to `--`. */
  stdioWrapper(
    server: string,
    options?: Pick<SidecarOptions, 'pdp' | 'config'>,
  ): Promise<{ readonly command: string; readonly args: readonly string[] }>;
  /** Publishes a source; does not wait for PDPs unless `waitMs` is given. */
  publish(source: PolicySource, options?: { readonly version?: string; readonly waitMs?: number }): Promise<Published>;
  /** Rolls back to an older version (the previous release by default). */
  rollback(toVersion: string | undefined, reason: string): Promise<Published>;
  status(): Promise<StackStatus>;
  /** Waits until every PDP of the stack that runs has loaded `seq`. */
  loaded(seq: number, timeoutMs?: number): Promise<void>;
  /** Every decision that any PDP has logged. */
  decisions(): readonly DecisionRecord[];
  close(): Promise<void>;
}

interface ServiceSpec {
  readonly name: string;
  readonly entry: string;
  readonly configFile: string;
  readonly mode?: string;
  readonly nodeArgs?: readonly string[];
}

async function runService(spec: ServiceSpec): Promise<ServiceProcess> {
  let running: RunningProcess;
  let addresses: Readonly<Record<string, string>> = {};
  let readyMs = 0;
  const start = async (): Promise<void> => {
    const args = [...(spec.mode === undefined ? [] : [spec.mode]), '--config', spec.configFile];
    const started = await startService(spec.entry, args, undefined, spec.nodeArgs);
    ({ readyMs } = started);
    running = started.process;
    addresses = started.announcement.addresses;
  };
  await start();
  return {
    name: spec.name,
    get addresses() {
      return addresses;
    },
    get readyMs() {
      return readyMs;
    },
    get pid() {
      return running.pid;
    },
    output: () => running.output(),
    async kill() {
      await running.stop('SIGKILL');
    },
    pause: () => {
      running.child.kill('SIGSTOP');
    },
    resume: () => {
      running.child.kill('SIGCONT');
    },
    start,
    async terminate() {
      return (await running.stop('SIGTERM')).code;
    },
  };
}

const entryOf = (service: string): string => join(repositoryRoot(), service, 'dist', 'main.js');

function writeConfig(file: string, config: unknown): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(config, null, 2));
  return file;
}

function published(result: PublishResult): Published {
  if (result.outcome !== 'released') throw new Error(`the release was not made: ${JSON.stringify(result)}`);
  const { seq, stable } = result.pointer;
  return { seq, policyVersion: stable.policy_version, digest: stable.sha256, acceptedAt: performance.now() };
}

async function createFiles(options: StackOptions): Promise<StackFiles & { readonly pki: DevelopmentPki }> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-'));
  const now = new Date();
  const count = options.pdps ?? 1;
  const leaves: LeafIdentity[] = [
    { kind: 'distributor', name: 'distributor' },
    { kind: 'publisher', name: 'publisher' },
    { kind: 'agent', ...AGENT },
    ...Array.from({ length: count }, (_, index): LeafIdentity => ({ kind: 'pdp', name: `pdp-${index + 1}` })),
  ];
  const pki = await createDevelopmentPki({ trustDomain: TRUST_DOMAIN, leaves, now });
  const pkiFolder = join(folder, 'pki');
  await writeDevelopmentPki(pkiFolder, pki, { force: false });
  const trust = await initTrust({
    profile: 'dev',
    envs: [ENV],
    directory: join(folder, 'trust'),
    now: now.getTime(),
    force: false,
  });
  let issued = 0;
  return {
    folder,
    pki,
    trust,
    tls(identity) {
      const leaf = pki.leaves.find((known) => JSON.stringify(known.identity) === JSON.stringify(identity));
      if (leaf === undefined) throw new Error(`no certificate for ${JSON.stringify(identity)}`);
      return tlsFilesOf(pkiFolder, leaf);
    },
    async issue(identity, overrides = {}) {
      issued += 1;
      const leaf = await issueLeaf(pki.authority, identity, { now, overrides });
      return writeLeaf(pkiFolder, { ...leaf, folder: `issued-${issued}` }, { force: false });
    },
  };
}

/** Starts a distributor and PDPs. Sidecars are started from the result. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const files = await createFiles(options);
  const { folder, trust } = files;
  const log = { level: options.logLevel ?? 'info' };
  const nats = options.natsUrl === undefined ? [] : [{ type: 'nats', servers: [options.natsUrl], tls: false }];
  const services: ServiceProcess[] = [];

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

  const pdps: PdpProcess[] = [];
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
    const service = await runService({
      name,
      entry: entryOf('pdp'),
      configFile: writeConfig(join(folder, `${name}.json`), {
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
      }),
    });
    pdps.push(Object.assign(service, { endpoint: `127.0.0.1:${port}`, auditDir }));
    services.push(service);
  }

  const connection = await connectDistributor({
    distributor: distributorUrl,
    tls: files.tls({ kind: 'publisher', name: 'publisher' }),
    trustDomain: TRUST_DOMAIN,
  });
  const closing = new AbortController();
  const channel = { env: ENV, channel: CHANNEL };
  const releasing = {
    ...channel,
    api: openDistributorApi(connection, closing.signal),
    rootBytes: readFileSync(trust.rootFile),
    keys: await readSigningKeys(trust.publisherKeys),
    clock: systemClock,
    signal: closing.signal,
  };
  let sidecars = 0;

  const sidecarConfig = async (name: string, sidecar: SidecarOptions): Promise<string> =>
    writeConfig(join(folder, `${name}.json`), {
      trustDomain: TRUST_DOMAIN,
      tls: sidecar.tls ?? files.tls({ kind: 'agent', ...AGENT }),
      log,
      environment: 'prod',
      pdp: { endpoints: sidecar.endpoints ?? pdps.map((pdp) => pdp.endpoint), ...sidecar.pdp },
      ...(sidecar.upstreams.length === 0
        ? {}
        : { mcp: { upstreams: sidecar.upstreams, definitions: { unseen: 'ask', sameNames: 'within_server' } } }),
      ...sidecar.config,
    });

  const stack: Stack = {
    ...files,
    distributor: Object.assign(distributor, { url: distributorUrl }),
    pdps,
    async startSidecar(sidecar) {
      sidecars += 1;
      const name = sidecar.name ?? `sidecar-${sidecars}`;
      const service = await runService({
        name,
        entry: entryOf('sidecar'),
        configFile: await sidecarConfig(name, sidecar),
        ...(sidecar.nodeArgs === undefined ? {} : { nodeArgs: sidecar.nodeArgs }),
      });
      services.push(service);
      return Object.assign(service, {
        mcpUrl: (upstream: string) => `http://${service.addresses['mcp'] ?? ''}/mcp/${upstream}`,
      });
    },
    async stdioWrapper(server, wrapping = {}) {
      sidecars += 1;
      const config = await sidecarConfig(`wrapper-${sidecars}`, {
        ...wrapping,
        upstreams: [],
        config: { stdio: { server }, ...wrapping.config },
      });
      return { command: process.execPath, args: [entryOf('sidecar'), 'mcp', '--config', config, '--'] };
    },
    async publish(source, publishing = {}) {
      const changed = new Map(source);
      if (publishing.version !== undefined) {
        const manifest = JSON.parse(new TextDecoder().decode(source.get('bundle.yaml'))) as object;
        changed.set(
          'bundle.yaml',
          new TextEncoder().encode(JSON.stringify({ ...manifest, version: publishing.version })),
        );
      }
      return published(
        await publishRelease({
          ...releasing,
          source: changed,
          ...(publishing.waitMs === undefined ? {} : { waitMs: publishing.waitMs }),
        }),
      );
    },
    async rollback(toVersion, reason) {
      const to =
        toVersion === undefined ? { kind: 'previous' as const } : { kind: 'version' as const, version: toVersion };
      return published(await rollbackRelease({ ...releasing, to, reason }));
    },
    status: () => releaseStatus(releasing.api, channel),
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
    decisions() {
      return pdps.flatMap(({ auditDir }) =>
        segmentsOf(auditDir)
          .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
          .filter((line) => line.endsWith('}'))
          .map((line) => JSON.parse(line) as DecisionRecord)
          .filter(({ kind }) => kind === 'decision'),
      );
    },
    async close() {
      await Promise.all(services.map((service) => service.kill()));
      closing.abort();
      await connection.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return stack;
}

/** The segments of an audit chain in order; none when there is no such folder. */
export function segmentsOf(auditDir: string): readonly string[] {
  if (!existsSync(auditDir)) return [];
  return readdirSync(auditDir)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .map((name) => join(auditDir, name));
}

/** The names of everything below a folder, for tests that tamper with files. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
