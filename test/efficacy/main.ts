/**
 * `npm run efficacy -- --data DIR`: `portcullis efficacy --data DIR` against a distributor and a PDP of its own, which it starts
 * with what `--prepare` writes.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { processTerminal, readSource, runCli } from '@portcullis/cli';
import { AGENT, startStack, TRUST_DOMAIN } from '../support/stack.js';

const USAGE = `Usage: npm run efficacy -- --data DIR [--track T0|T1] [--suite NAME,...] [--out FILE] [--json]

Starts a distributor and a PDP with the packs base, mcp-integrity and agent-flow, and runs portcullis efficacy --data DIR on them:
see portcullis efficacy --help.
`;

interface Options {
  readonly data: string;
  readonly track: string;
  readonly suites: readonly string[];
  readonly out: string;
  readonly json: boolean;
}

async function run({ data, track, suites, out, json }: Options): Promise<number> {
  const cli = (...more: readonly string[]): Promise<number> => {
    const which = suites.flatMap((name) => ['--suite', name]);
    const options = { terminal: processTerminal(), signal: new AbortController().signal };
    return runCli(['efficacy', '--data', data, '--tenant', AGENT.tenant, ...which, ...more], options);
  };
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-efficacy-'));
  const closing: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const prepared = await cli('--prepare', folder);
    if (prepared !== 0) return prepared;
    const stack = await startStack({ pdp: JSON.parse(readFileSync(join(folder, 'pdp.json'), 'utf8')) });
    closing.push(() => stack.close());
    const { seq } = await stack.publish(await readSource(join(folder, 'bundle')), { waitMs: 30_000 });
    await stack.loaded(seq);
    const [pdp] = stack.pdps;
    if (pdp === undefined) throw new Error('the stack has no PDP');
    const { certFile, keyFile, caFile } = await stack.issue({ kind: 'gateway', name: 'replay' });
    const tls = ['--tls-cert', certFile, '--tls-key', keyFile, '--tls-ca', caFile];
    const where = ['--pdp', pdp.endpoint, '--trust-domain', TRUST_DOMAIN, ...tls];
    return await cli(...where, '--track', track, '--out', out, ...(json ? ['--json'] : []));
  } finally {
    for (const close of closing.toReversed()) await close();
  }
}

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    track: { type: 'string', default: 'T0' },
    suite: { type: 'string', default: '' },
    out: { type: 'string', default: 'decisions.jsonl' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const { data, track, suite, out, json } = values;
if (values.help) process.stdout.write(USAGE);
else if (data === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await run({ data, track, suites: suite.split(',').filter((name) => name !== ''), out, json });
  } catch (error: unknown) {
    process.stderr.write(`The replay could not run: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
