import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { usageFault } from '../faults.js';
import { printJson, type Shell } from '../shell.js';
import { collect, examples } from '../verbs/arguments.js';
import { efficacyCommand } from './scans.js';

interface ReplayFlags {
  readonly data: string;
  readonly prepare?: string;
  readonly pdp?: string;
  readonly trustDomain?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly tenant: string;
  readonly gateway: string;
  readonly track: 'T0' | 'T1';
  readonly suite?: readonly string[];
  readonly out: string;
  readonly json: boolean;
}

const HOST_AND_PORT = /^(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:]{2,45}\]):\d{1,5}$/;

/** Adds `efficacy replay`, which need not be named: recorded traffic against a running PDP. */
export function addEfficacyReplay(program: Command, shell: Shell): void {
  efficacyCommand(program)
    .command('replay', { isDefault: true })
    .description('replay recorded traffic of agents against a running PDP and write its decisions; the default')
    .requiredOption('--data <DIR>', 'folder of the recorded traffic')
    .option('--prepare <DIR>', 'write what the PDP needs instead: bundle source, declared tools, settings')
    .option('--pdp <HOST:PORT>', 'the gRPC endpoint of a PDP')
    .option('--trust-domain <TD>', 'the SPIFFE trust domain it must belong to')
    .option('--tls-cert <FILE>', 'the certificate of a gateway that may speak for the tenant')
    .option('--tls-key <FILE>', 'its private key')
    .option('--tls-ca <FILE>', "the authorities that the PDP's certificate must chain to")
    .option('--tenant <TENANT>', 'whose agents the recorded ones are', 'acme')
    .option('--gateway <NAME>', "for --prepare: the name in the gateway's certificate", 'replay')
    .addOption(
      new Option('--track <TRACK>', 'T0: only what the user said; T1: the tools planned for the task are declared too')
        .choices(['T0', 'T1'])
        .default('T0'),
    )
    .option('--suite <NAME>', 'only this suite; may be repeated', collect)
    .option('--out <FILE>', 'where the decisions go, one line of JSON per call', 'decisions.jsonl')
    .option('--json', 'print the summary as JSON', false)
    .addHelpText(
      'after',
      examples(
        [
          'first: publish replay/bundle, and start the PDP with the settings of replay/pdp.json',
          'portcullis efficacy --data ./data --prepare replay',
        ],
        [
          'recorded agents against it',
          'portcullis efficacy --data ./data --pdp 127.0.0.1:7443 --trust-domain example.org --tls-cert pki/gateway-replay/cert.pem --tls-key pki/gateway-replay/key.pem --tls-ca pki/ca.pem',
        ],
      ),
    )
    .action((flags: ReplayFlags) => runReplay(shell, flags));
}

async function runReplay(shell: Shell, flags: ReplayFlags): Promise<void> {
  const { data, tenant, gateway, track, suite = [] } = flags;
  // gRPC is for this verb alone.
  const { readTraffic, replayAll, decisionLines, summarise, summaryLines } = await import('./replay/run.js');
  if (flags.prepare !== undefined) {
    const { preparedFiles } = await import('./replay/prepare.js');
    const { suites, scenarios } = readTraffic(data, suite);
    const toolsFile = resolve(flags.prepare, 'tools.json');
    const files = await preparedFiles(suites, { tenant, gateway, toolsFile, sessions: scenarios.length });
    await writeAll(flags.prepare, files);
    shell.terminal.say(`${files.size} files: publish ${join(flags.prepare, 'bundle')} and use pdp.json`, 'good');
    return;
  }
  const connection = connectionOf(flags);
  const traffic = readTraffic(data, suite);
  const { openDecisionPoint } = await import('./replay/decision-point.js');
  const point = await openDecisionPoint(connection);
  try {
    const reasons = await replayAll(traffic, { point, tenant, track });
    await writeFile(flags.out, decisionLines(reasons));
    const summary = await summarise(reasons, { track, scenarios: traffic.scenarios.length });
    if (flags.json) printJson(shell, { ...summary, decisions: flags.out });
    else for (const line of [...summaryLines(summary), `decisions are in ${flags.out}`]) shell.terminal.data(line);
  } finally {
    point.close();
  }
}

function connectionOf({ pdp, trustDomain, tlsCert, tlsKey, tlsCa }: ReplayFlags): {
  readonly endpoint: string;
  readonly trustDomain: string;
  readonly tls: { readonly certFile: string; readonly keyFile: string; readonly caFile: string };
} {
  if (pdp === undefined || !HOST_AND_PORT.test(pdp)) {
    throw usageFault('--pdp: expected HOST:PORT of the gRPC endpoint of a PDP, e.g. 127.0.0.1:7443');
  }
  const given = (value: string | undefined, flag: string): string => {
    if (value === undefined) throw usageFault(`${flag}: expected with --pdp`);
    return value;
  };
  return {
    endpoint: pdp,
    trustDomain: given(trustDomain, '--trust-domain'),
    tls: {
      certFile: given(tlsCert, '--tls-cert'),
      keyFile: given(tlsKey, '--tls-key'),
      caFile: given(tlsCa, '--tls-ca'),
    },
  };
}

async function writeAll(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const [name, bytes] of files) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
}
