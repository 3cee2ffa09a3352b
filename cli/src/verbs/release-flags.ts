import type { Command } from 'commander';
import { usageFault } from '../faults.js';
import type { DistributorApi } from '../release/api.js';
import { type CliContext, type ConnectionFlags, connectDistributor, loadContext } from '../release/connection.js';
import { openDistributorApi } from '../release/http-api.js';
import type { ReleaseOptions } from '../release/publish.js';
import type { Shell } from '../shell.js';
import { readSigningKeys } from '../trust/keys.js';
import { readRootFile } from '../trust/show.js';
import { collect, wholeNumber } from './arguments.js';
import { progressPrinter } from './release-output.js';

const DAY_MS = 86_400_000;
const DEFAULT_WAIT_SECONDS = 30;

/** Adds the flags that say which distributor, and as whom. */
export function withDistributorFlags(verb: Command): Command {
  return verb
    .option('--context <FILE>', 'connection settings (YAML); default portcullis.yaml when it exists')
    .option('--distributor <URL>', 'the distributor, e.g. https://127.0.0.1:7440')
    .option('--trust-domain <TD>', 'the SPIFFE trust domain it must belong to')
    .option('--tls-cert <FILE>', 'our certificate')
    .option('--tls-key <FILE>', 'its private key')
    .option('--tls-ca <FILE>', 'the CA that the distributor must chain to');
}

/** Adds the flags that say which distributor, as whom, and about which channel. */
export function withConnectionFlags(verb: Command): Command {
  return withDistributorFlags(verb)
    .option('--env <ENV>', 'the environment; default dev')
    .option('--channel <NAME>', 'the channel; default "default"')
    .option('--json', 'print JSON', false);
}

/** What a verb that signs was told. */
export interface SigningFlags extends ConnectionFlags {
  readonly keys?: readonly string[];
}

/** Adds the flags of verbs that sign. */
export function withSigningFlags(verb: Command): Command {
  return verb
    .option('--root <FILE>', 'the pinned root.json that everything is verified from')
    .option('--keys <DIR>', 'a folder with signing keys; may be repeated; only these keys sign', collect);
}

/** What a verb that releases was told. */
export interface ReleaseFlags extends SigningFlags {
  readonly wait?: number | true;
  readonly reason?: string;
  readonly validDays?: number;
  readonly json: boolean;
}

/** Adds `--wait`. */
export function withWaitFlag(verb: Command): Command {
  return verb.option(
    '--wait [SECONDS]',
    `wait until every live PDP has loaded it; default ${DEFAULT_WAIT_SECONDS} s`,
    wholeNumber(0, 86_400),
  );
}

/** Adds the flags of verbs that make a release. */
export function withReleaseFlags(verb: Command): Command {
  return withWaitFlag(withSigningFlags(withConnectionFlags(verb)))
    .option('--reason <TEXT>', 'why; kept in the release')
    .option('--valid-days <N>', 'PDPs may enforce it for so long; default 30', wholeNumber(1, 365));
}

/** `--wait` in milliseconds; `undefined` when it was not given. */
export function waitMsOf(wait: number | true | undefined): number | undefined {
  return wait === undefined ? undefined : (wait === true ? DEFAULT_WAIT_SECONDS : wait) * 1000;
}

/** Opens the connection, runs the work, closes the connection. */
export async function withDistributor<T>(
  shell: Shell,
  flags: ConnectionFlags,
  work: (api: DistributorApi, context: CliContext) => Promise<T>,
): Promise<T> {
  const context = loadContext(flags);
  const connection = await connectDistributor(context);
  try {
    return await work(openDistributorApi(connection, shell.signal), context);
  } finally {
    await connection.close();
  }
}

/**
 * The pinned root's bytes.
 * @throws PortcullisError `ERR_CLI_USAGE` when none is configured.
 */
export async function pinnedRoot(context: CliContext): Promise<Uint8Array> {
  if (context.rootFile === undefined) {
    throw usageFault('--root: expected the pinned root.json; pass --root FILE, or set rootFile in the context file');
  }
  return readRootFile(context.rootFile);
}

/** The options that publish and rollback share. */
export async function releaseOptions(
  shell: Shell,
  flags: ReleaseFlags,
  api: DistributorApi,
  context: CliContext,
): Promise<ReleaseOptions> {
  if (flags.keys === undefined) throw usageFault('--keys: expected a folder with signing keys, e.g. --keys trust/keys');
  const waitMs = waitMsOf(flags.wait);
  return {
    api,
    rootBytes: await pinnedRoot(context),
    keys: await readSigningKeys(flags.keys),
    env: context.env,
    channel: context.channel,
    clock: shell.clock,
    signal: shell.signal,
    onStep: (message) => shell.terminal.say(message, 'dim'),
    onProgress: progressPrinter(shell),
    ...(waitMs === undefined ? {} : { waitMs }),
    ...(flags.reason === undefined ? {} : { reason: flags.reason }),
    ...(flags.validDays === undefined ? {} : { validForMs: flags.validDays * DAY_MS }),
  };
}
