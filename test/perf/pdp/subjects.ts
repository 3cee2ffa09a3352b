/** The subjects as servers of their own, over TLS, each with the same rules. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TlsFiles } from '@portcullis/runtime';
import { startProcess } from '../../support/child-process.js';
import { freePort } from '../../support/free-port.js';
import { AGENT, type Stack, startStack } from '../../support/stack.js';
import { resourcePolicy } from '../engine/cerbos.js';
import { policyText } from '../engine/opa.js';
import { findPeer, missingPeer, type PeerRecipe } from '../engine/peer-binary.js';
import { bundleSource } from '../engine/portcullis.js';
import { workloadOf } from '../engine/workload.js';
import type { Way } from './job.js';

/** A server that answers. */
export interface Server {
  /** Where, by the ways in which it can be asked. */
  readonly addresses: Partial<Readonly<Record<Way, string>>>;
  readonly tls: TlsFiles;
  readonly pid: number;
  close(): Promise<void>;
}

const PUBLISH_MS = 600_000;

/** Seconds for which decisions may be kept, where they may; the most that a bundle can ask for. */
const CACHE_SECONDS = 30;

/** Ours: a PDP with mutual TLS and the release of a distributor; `caching` for one that lets decisions be kept. */
export async function startPortcullis(
  policies: number,
  audit: 'required' | 'off',
  keeping: 'caching' | 'uncached' = 'uncached',
): Promise<Server & { readonly own: TlsFiles }> {
  const stack = await startStack({
    logLevel: 'error',
    pdp: {
      audit: { mode: audit },
      gateways: { edge: [AGENT.tenant] },
      users: { assertedBy: ['edge'] },
      http: { limits: { maxConnections: 1_000 } },
      limits: { decisionDeadlineMs: 1_000 },
    },
    bundles: () => ({ compileTimeoutMs: PUBLISH_MS, compileHeapMb: 4_096, syncTimeoutMs: PUBLISH_MS }),
  });
  const source = bundleSource(workloadOf(policies, 'plain').rules, 'plain', keeping === 'caching' ? CACHE_SECONDS : 0);
  await stack.publish(source, { waitMs: PUBLISH_MS }).catch((error: unknown) => closing(stack, error));
  const [pdp] = stack.pdps;
  if (pdp === undefined) throw new Error('no PDP');
  const http = pdp.addresses['https'];
  return {
    own: stack.tls({ kind: 'pdp', name: pdp.name }),
    pid: pdp.pid,
    tls: await stack.issue({ kind: 'gateway', name: 'edge' }),
    addresses: {
      stream: pdp.endpoint,
      client: pdp.endpoint,
      sidecar: pdp.endpoint,
      unary: pdp.endpoint,
      ...(http === undefined ? {} : { http }),
    },
    close: () => stack.close(),
  };
}

async function closing(stack: Stack, error: unknown): Promise<never> {
  await stack.close();
  throw error;
}

const OPA: PeerRecipe = {
  name: 'opa',
  variable: 'OPA_BIN',
  advice: 'GOBIN=FOLDER go install github.com/open-policy-agent/opa@latest',
};
const CERBOS: PeerRecipe = { name: 'cerbos', variable: 'CERBOS_BIN', advice: 'unpack a release of Cerbos into FOLDER' };

/** Both sides of a connection. */
interface Sides {
  /** The client's. */
  readonly tls: TlsFiles;
  /** The server's. */
  readonly own: TlsFiles;
}

/** OPA with the client certificates of the same authority; nothing when it is not here. */
export async function startOpa(policies: number, { tls, own }: Sides): Promise<Server | undefined> {
  const opa = found(OPA);
  if (opa === undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'bench-opa-'));
  const policy = join(folder, 'policy.rego');
  await writeFile(policy, policyText(workloadOf(policies, 'plain').rules));
  const address = `127.0.0.1:${await freePort()}`;
  return served('opa', address, tls, folder, opa, [
    'run',
    '--server',
    `--addr=https://${address}`,
    `--tls-cert-file=${own.certFile}`,
    `--tls-private-key-file=${own.keyFile}`,
    `--tls-ca-cert-file=${own.caFile}`,
    '--authentication=tls',
    '--log-level=error',
    policy,
  ]);
}

/** Cerbos, which verifies no client certificates; nothing when it is not here. */
export async function startCerbos(policies: number, { tls, own }: Sides): Promise<Server | undefined> {
  const cerbos = found(CERBOS);
  if (cerbos === undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'bench-cerbos-'));
  const files = join(folder, 'policies');
  await mkdir(files);
  for (const [tool, own] of Map.groupBy(workloadOf(policies, 'plain').rules, (rule) => rule.tool)) {
    await writeFile(join(files, `tool-${tool}.json`), JSON.stringify(resourcePolicy(tool, own)));
  }
  const address = `127.0.0.1:${await freePort()}`;
  const config = join(folder, 'config.yaml');
  await writeFile(
    config,
    JSON.stringify({
      server: {
        httpListenAddr: `127.0.0.1:${await freePort()}`,
        grpcListenAddr: address,
        tls: { cert: own.certFile, key: own.keyFile },
      },
      storage: { driver: 'disk', disk: { directory: files, watchForChanges: false } },
      telemetry: { disabled: true },
      audit: { enabled: false },
    }),
  );
  return served('cerbos', address, tls, folder, cerbos, [
    'server',
    `--config=${config}`,
    '--log-level=error',
    '--debug-listen-addr=127.0.0.1:0',
  ]);
}

/** The transport of ours with nothing behind it. */
export async function startEcho({ tls, own }: Sides): Promise<Server> {
  const address = `127.0.0.1:${await freePort()}`;
  const script = fileURLToPath(new URL('./echo-server.js', import.meta.url));
  const running = startProcess(process.execPath, [script, JSON.stringify(own), address]);
  return {
    addresses: { echo: address },
    tls,
    pid: running.pid,
    close: async () => void (await running.stop('SIGTERM', 2_000)),
  };
}

function found(recipe: PeerRecipe): string | undefined {
  const binary = findPeer(recipe);
  if (binary === undefined) process.stderr.write(`${missingPeer(recipe)}\n`);
  return binary;
}

function served(
  way: Way,
  address: string,
  tls: TlsFiles,
  folder: string,
  binary: string,
  args: readonly string[],
): Server {
  const running = startProcess(binary, args);
  return {
    addresses: { [way]: address },
    tls,
    pid: running.pid,
    async close() {
      await running.stop('SIGTERM', 2_000);
      await rm(folder, { recursive: true });
    },
  };
}
