import { existsSync } from 'node:fs';
import { parsePeerIdentity } from '@portcullis/proto';
import {
  type ConfigProblem,
  createLogger,
  formatConfigProblem,
  loadConfig,
  openTlsMaterial,
  processEnvironment,
  type TlsMaterial,
  tlsConfig,
  undiciDispatcher,
} from '@portcullis/runtime';
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { usageFault } from '../faults.js';

/** Read when it exists and no other file is named. */
export const DEFAULT_CONTEXT_FILE = 'portcullis.yaml';

/** How to reach a distributor and whom to trust; the schema of `portcullis.yaml`. */
export const contextConfig = z.strictObject({
  distributor: z.url({ protocol: /^https$/ }).describe('Base URL of the distributor, e.g. https://127.0.0.1:7440.'),
  trustDomain: z
    .string()
    .regex(/^[a-z0-9._-]{1,255}$/)
    .describe('SPIFFE trust domain that the distributor must belong to.'),
  tls: tlsConfig,
  rootFile: z.string().min(1).optional().describe('Pinned root.json; needed to sign releases.'),
  env: z.string().min(1).default('dev').describe('Environment to speak of unless --env says another.'),
  pdps: z
    .array(z.url({ protocol: /^https$/ }))
    .max(1_000)
    .readonly()
    .default([])
    .describe('HTTPS addresses of PDPs, for kills when the distributor cannot be asked.'),
  channel: z.string().min(1).default('default').describe('Channel to speak of unless --channel says another.'),
});

/** A loaded context. */
export type CliContext = z.output<typeof contextConfig>;

/** What the connection flags of a verb may say; all optional, because a file or the environment may say it too. */
export interface ConnectionFlags {
  readonly context?: string;
  readonly distributor?: string;
  readonly trustDomain?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly root?: string;
  readonly env?: string;
  readonly channel?: string;
}

const SETTING_OF_FLAG = {
  distributor: 'distributor',
  trustDomain: 'trustDomain',
  tlsCert: 'tls.certFile',
  tlsKey: 'tls.keyFile',
  tlsCa: 'tls.caFile',
  root: 'rootFile',
  env: 'env',
  channel: 'channel',
} as const satisfies Record<Exclude<keyof ConnectionFlags, 'context'>, string>;

/** The flags that say a setting, or something of it; none for what only a file or a variable can say. */
export function flagsFor(path: string): readonly string[] {
  return Object.entries(SETTING_OF_FLAG)
    .filter(([, setting]) => setting === path || setting.startsWith(`${path}.`))
    .map(([flag]) => `--${flag.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
}

function describeProblem(problem: ConfigProblem): string {
  const flags = flagsFor(problem.path);
  const missing = problem.message.startsWith('missing; ');
  // Flags arrive as `--set`, which nobody typed.
  const { origin, ...unplaced } = problem;
  const placed = flags.length > 0 && origin === '--set' ? unplaced : problem;
  const what = missing ? `${problem.path} is missing` : formatConfigProblem(placed);
  return flags.length === 0 ? what : `${what}; set it with ${flags.join(', ')}`;
}

/**
 * Puts a context together: flag before `PORTCULLIS_CLI_…` before file before default.
 * @throws PortcullisError `ERR_CLI_USAGE` with every problem at once.
 */
export function loadContext(flags: ConnectionFlags): CliContext {
  const file = flags.context ?? (existsSync(DEFAULT_CONTEXT_FILE) ? DEFAULT_CONTEXT_FILE : undefined);
  const argv: string[] = file === undefined ? [] : ['--config', file];
  for (const [flag, setting] of Object.entries(SETTING_OF_FLAG)) {
    const value = flags[flag as keyof typeof SETTING_OF_FLAG];
    if (value !== undefined) argv.push('--set', `${setting}=${value}`);
  }
  const loaded = loadConfig({ name: 'cli', schema: contextConfig }, argv, processEnvironment());
  if (loaded.ok) return loaded.config;
  const lines = loaded.problems.map((problem) => `\n  ${describeProblem(problem)}`);
  throw usageFault(`the connection to the distributor is not fully described:${lines.join('')}`);
}

/** An open way to a distributor; `close` it. */
export interface DistributorConnection {
  readonly baseUrl: string;
  readonly dispatcher: Dispatcher;
  /** Our own SPIFFE id, from the client certificate. */
  readonly actor: string;
  close(): Promise<void>;
}

/**
 * Prepares mTLS to a distributor of the trust domain; connects at the first request.
 * @throws PortcullisError `ERR_TLS_MATERIAL` when the certificate, key or CA cannot be used.
 */
export async function connectDistributor(
  context: Pick<CliContext, 'distributor' | 'trustDomain' | 'tls'>,
): Promise<DistributorConnection> {
  const log = createLogger({ component: 'cli', level: 'silent' });
  const material: TlsMaterial = await openTlsMaterial(context.tls, { log });
  const dispatcher = undiciDispatcher(material, {
    acceptServer: (id) => parsePeerIdentity(id, context.trustDomain)?.kind === 'distributor',
  });
  return {
    baseUrl: context.distributor.replace(/\/+$/, ''),
    dispatcher,
    actor: material.current().spiffeId ?? 'unknown',
    close: async () => {
      material.close();
      await dispatcher.close();
    },
  };
}
