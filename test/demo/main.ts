/**
 * `npm run demo`: the main job on embedded defaults, on loopback, with nothing installed but Node.
 *
 *   npm run demo                       a readable timeline; exit 0 only if every outcome was the expected one
 *   npm run demo --silent -- --json    the same as one JSON document on stdout
 *   npm run demo -- --keep             leaves it running and prints addresses and an MCP client configuration
 */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { type RunningProcess, startProcess } from '../support/child-process.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { type HostileMirror, startHostileMirror } from '../support/hostile-mirror.js';
import { type Stack, startStack } from '../support/stack.js';
import { connectHttp, connectStdio } from './mcp-clients.js';
import { firstRelease } from './policies.js';
import { runScenario } from './scenario.js';
import { createTimeline, type Timeline } from './timeline.js';

const resolve = createRequire(import.meta.url).resolve;
const EVERYTHING = resolve('@modelcontextprotocol/server-everything/dist/index.js');
const FILESYSTEM = resolve('@modelcontextprotocol/server-filesystem/dist/index.js');

/** Patience for a client's handshake, milliseconds. */
const CONNECT_MS = 20_000;

const USAGE = `Usage: npm run demo -- [--json] [--keep]

Shows the whole of Portcullis on this machine: signed releases, decisions, enforcement, tampering, rollback, and what
happens when the decision point dies. Nothing but Node is needed.

  --json  print the outcomes as one JSON document on stdout (use with npm run --silent)
  --keep  leave it running afterwards and print addresses and a ready MCP client configuration
  --help  this text
`;

async function startEverything(): Promise<{ readonly url: string; readonly process: RunningProcess }> {
  const port = await freePort();
  const running = startProcess(process.execPath, [EVERYTHING, 'streamableHttp'], {
    env: { ...process.env, PORT: String(port) },
  });
  await eventually('server-everything to listen', async () => {
    if (running.child.exitCode !== null) throw new Error(running.output());
    return (await fetch(`http://127.0.0.1:${port}/mcp`)).status > 0;
  });
  return { url: `http://127.0.0.1:${port}/mcp`, process: running };
}

function prepareFolder(stack: Stack): string {
  const folder = join(stack.folder, 'files');
  for (const name of ['workspace', 'private']) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'workspace', 'report.txt'), 'Quarterly numbers: all green.\n');
  writeFileSync(join(folder, 'private', 'secret.txt'), 'This must never leave.\n');
  return folder;
}

interface CommandLine {
  readonly command: string;
  readonly args: readonly string[];
}

async function keepRunning(stack: Stack, mcpUrl: string, wrapper: CommandLine, folder: string): Promise<void> {
  const files = { command: wrapper.command, args: [...wrapper.args, process.execPath, FILESYSTEM, folder] };
  const configuration = { mcpServers: { everything: { type: 'http', url: mcpUrl }, files } };
  const addresses = [
    ['distributor', stack.distributor.url],
    ...stack.pdps.map((pdp) => [pdp.name, pdp.endpoint]),
    ['sidecar (MCP)', mcpUrl],
    ['files and keys', stack.folder],
  ];
  process.stdout.write(`\n${addresses.map(([name, value]) => `${name?.padEnd(16)} ${value}`).join('\n')}\n`);
  process.stdout.write(`\nMCP client configuration:\n${JSON.stringify(configuration, null, 2)}\n\nCtrl-C ends it.\n`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}

interface Options {
  readonly json: boolean;
  readonly keep: boolean;
}

async function run({ json, keep }: Options, timeline: Timeline): Promise<number> {
  const begun = performance.now();
  const closing: (() => Promise<unknown>)[] = [];
  try {
    timeline.note('making a development PKI and signing keys; starting distributor and PDP');
    let mirror: HostileMirror | undefined;
    const stack = await startStack({
      releaseUrl: async (_index, distributorUrl, files) => {
        // The PDP reads through a mirror that can be told to lie; until then it is transparent.
        mirror = await startHostileMirror(
          distributorUrl,
          files.tls({ kind: 'distributor', name: 'distributor' }),
          files.tls({ kind: 'pdp', name: 'pdp-1' }),
        );
        return mirror.url;
      },
    });
    closing.push(() => stack.close());
    if (mirror === undefined) throw new Error('the stack never asked for its mirror');
    const hostile = mirror;
    closing.push(() => hostile.close());

    const everything = await startEverything();
    closing.push(() => everything.process.stop('SIGKILL'));
    const folder = prepareFolder(stack);
    const { seq } = await stack.publish(firstRelease(join(folder, 'workspace')), { waitMs: 15_000 });
    timeline.note(`release ${seq} published and loaded; starting sidecars in front of two MCP servers`);

    const sidecar = await stack.startSidecar({ upstreams: [{ name: 'everything', url: everything.url }] });
    const mcpUrl = sidecar.mcpUrl('everything');
    const wrapper = await stack.stdioWrapper('files');
    // A handshake is decided like everything else: on a busy machine the first may find nobody to decide it in time.
    const http = await eventually('a client to connect over HTTP', () => connectHttp(mcpUrl), CONNECT_MS);
    closing.push(() => http.close());
    const child = [...wrapper.args, process.execPath, FILESYSTEM, folder];
    const stdio = await eventually(
      'a client to connect over stdio',
      () => connectStdio(wrapper.command, child),
      CONNECT_MS,
    );
    closing.push(() => stdio.close());
    timeline.note(`sidecar ready after ${Math.round(sidecar.readyMs)} ms; the official MCP client is connected`);

    await runScenario({ stack, mirror: hostile, everything: http, files: stdio, folder, timeline });
    const ok = timeline.outcomes.length === 7 && timeline.outcomes.every((outcome) => outcome.ok);
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    if (json) {
      process.stdout.write(`${JSON.stringify({ ok, seconds: Number(seconds), steps: timeline.outcomes }, null, 2)}\n`);
    } else {
      const count = timeline.outcomes.filter((outcome) => outcome.ok).length;
      const line = `${count} of 7 outcomes as expected, in ${seconds} s`;
      process.stdout.write(`\n${ok ? styleText('green', line) : styleText('red', line)}\n`);
    }
    if (keep) await keepRunning(stack, mcpUrl, wrapper, folder);
    return ok ? 0 : 1;
  } finally {
    for (const close of closing.reverse()) await close().catch(() => undefined);
  }
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(USAGE);
} else {
  try {
    process.exitCode = await run(values, createTimeline(values.json));
  } catch (error: unknown) {
    process.stderr.write(`The demo could not run: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
