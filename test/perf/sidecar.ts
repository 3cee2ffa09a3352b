/**
 * What a sidecar adds to a call: the same calls to the same upstream directly, through a bare `node:http` pass-through, through
 * ours, and through peers that do part of its work. Real processes throughout: ours is a sidecar with every surface on, a PDP over
 * mutual TLS that records every decision before it answers, and 1,000 policies. One run, the ways in turns, short rounds,
 * a client in a process of its own for each case; every answer is checked.
 *
 * Cases: `mcp cached`, `mcp uncached` (calls that are all different), `llm`, `llm stream`, `egress` (a forward proxy in the
 * clear), `a2a`; `stdio` is MCP over pipes, where ours is the wrapper. `c32` is 32 calls at once, else one; `64kB` larger calls and
 * answers, else half a kilobyte. `added_*_ms` is what a way takes more than the direct one in the same round, the middle
 * of all rounds. `cpu_us_per_call` is the processor time of whoever is in between, and says most on a busy machine. `kept_share` is how
 * many decisions ours had kept. Under `idle` is memory: before any call, and with 100 streams open; `worked` is that after all cases.
 * With `--quick` only the usual payload and short rounds, whose figures are a look and not a comparison.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rssMb } from '../support/process-figures.js';
import type { Row } from './row.js';
import { type Found, type Job, type Round, type Surface, type Target, WIDEST } from './sidecar/job.js';
import { rssWithStreams } from './sidecar/memory.js';
import { AGT_MCP_PROXY, nodePeer } from './sidecar/peers.js';
import { type Listening, type Ours, startOurs, startPortkey, startScript } from './sidecar/subjects.js';
import { median, rounded } from './statistics.js';

const BENCH = 'sidecar';

interface Plan {
  readonly payloadsKb: readonly number[];
  readonly widths: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

const USUAL_KB = 0.5;
const FULL: Plan = { payloadsKb: [USUAL_KB, 4, 64], widths: [1, WIDEST], rounds: 15, seconds: 1, warmUpSeconds: 3 };
const QUICK: Plan = { payloadsKb: [USUAL_KB], widths: [1, WIDEST], rounds: 5, seconds: 0.3, warmUpSeconds: 1 };
const STREAMS = 100;

/** One case, without what is measured about it. */
interface Case {
  readonly name: string;
  readonly surface: Surface;
  readonly fresh: boolean;
  readonly targets: readonly Target[];
}

/** All of it. Takes about half an hour on two cores, quick about two minutes. */
export async function benchSidecar({ quick }: { readonly quick: boolean }): Promise<readonly Row[]> {
  const plan = quick ? QUICK : FULL;
  const started: { close(): Promise<void> }[] = [];
  const add = async <T extends { close(): Promise<void> } | undefined>(starting: Promise<T>): Promise<T> => {
    const one = await starting;
    if (one !== undefined) started.unshift(one);
    return one;
  };
  try {
    const upstream = await add(startScript('upstream'));
    const bare = await add(startScript('pass-through', [upstream.origin]));
    const ours = await startOurs(upstream.origin);
    started.unshift(ours.stack);
    const portkey = await add(startPortkey());
    const models = modelTargets(upstream, bare, ours, portkey);
    const rows = models
      .filter(({ pid }) => pid !== undefined)
      .map(({ subject, pid = 0 }) => row('idle', subject, 'rss_mb', rssMb(pid), 'MB'));
    rows.push(...(await withStreams('idle', models)));
    const admin = `http://${ours.sidecar.addresses['admin'] ?? ''}/metrics`;
    for (const one of await cases(upstream, bare, ours, models)) {
      for (const payloadKb of one.surface === 'stream' ? [USUAL_KB] : plan.payloadsKb) {
        for (const width of plan.widths) {
          const suffix = `${payloadKb === USUAL_KB ? '' : ` ${payloadKb}kB`}${width === 1 ? '' : ` c${width}`}`;
          const name = `${one.name}${suffix}`;
          const before = await asked(admin);
          rows.push(...(await measure(name, one, { ...plan, payloadKb, width }, upstream.origin)));
          const after = await asked(admin);
          const all = after.all - before.all;
          if (all > 0) rows.push(row(name, OURS, 'kept_share', (after.kept - before.kept) / all, 'ratio'));
        }
      }
    }
    rows.push(...(await withStreams('worked', models)));
    return rows;
  } finally {
    for (const one of started) await one.close();
  }
}

/** Memory with streams open. What was served before has made a heap grow, which says nothing of a stream. */
async function withStreams(before: 'idle' | 'worked', models: readonly Target[]): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const target of models.filter(({ pid }) => pid !== undefined)) {
    const held = await rssWithStreams(target, STREAMS).catch((error: unknown) => {
      if (target.isPeer !== true) throw error;
      process.stderr.write(`${target.subject} holds no streams: ${String(error)}\n`);
    });
    if (held !== undefined) rows.push(row(`${before}, ${STREAMS} streams`, target.subject, 'rss_mb', held, 'MB'));
  }
  return rows;
}

/** Decisions that the sidecar has had, and how many of them it had kept: the word `cached` in a case is checked by it. */
async function asked(metrics: string): Promise<{ readonly all: number; readonly kept: number }> {
  const text = await (await fetch(metrics)).text();
  const count = (cached: boolean): number =>
    Number(new RegExp(`ask_duration_seconds_count\\{cached="${cached}"\\} (\\d+)`).exec(text)?.[1] ?? Number.NaN);
  return { all: count(true) + count(false), kept: count(true) };
}

const PASS_THROUGH = 'pass-through';
const OURS = 'portcullis';

/** The ways to a model; the first is the direct one, here and everywhere. */
function modelTargets(
  upstream: Listening,
  bare: Listening,
  { sidecar }: Ours,
  portkey: Listening | undefined,
): readonly Target[] {
  const peer = {
    subject: 'portkey',
    url: portkey?.origin ?? '',
    headers: { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': `${upstream.origin}/v1` },
    pid: portkey?.pid ?? 0,
    isPeer: true,
  };
  return [
    { subject: 'direct', url: upstream.origin },
    { subject: PASS_THROUGH, url: bare.origin, pid: bare.pid },
    { subject: OURS, url: `http://${sidecar.addresses['llm'] ?? ''}`, pid: sidecar.pid },
    ...(portkey === undefined ? [] : [peer]),
  ];
}

async function cases(
  upstream: Listening,
  bare: Listening,
  { stack, sidecar }: Ours,
  models: readonly Target[],
): Promise<readonly Case[]> {
  const through = (path: string, own: string): readonly Target[] => [
    { subject: 'direct', url: `${upstream.origin}${path}` },
    { subject: PASS_THROUGH, url: `${bare.origin}${path}`, pid: bare.pid },
    { subject: OURS, url: own, pid: sidecar.pid },
  ];
  const mcp = through('/mcp', sidecar.mcpUrl('upstream'));
  const script = fileURLToPath(new URL('./sidecar/stdio-server.js', import.meta.url));
  const server = [process.execPath, script];
  const wrapper = await stack.stdioWrapper('upstream', { pdp: { deadlineMs: 900, hedgeAfterMs: 800 } });
  const agt = nodePeer(AGT_MCP_PROXY);
  const stdio: readonly Target[] = [
    { subject: 'direct', command: server },
    { subject: OURS, command: [wrapper.command, ...wrapper.args, ...server] },
    ...(agt === undefined
      ? []
      : [
          {
            subject: AGT_MCP_PROXY.name,
            command: [process.execPath, agt, 'protect', '--policy', 'standard', ...server],
          },
        ]),
  ];
  return [
    { name: 'mcp cached', surface: 'mcp', fresh: false, targets: mcp },
    { name: 'mcp uncached', surface: 'mcp', fresh: true, targets: mcp },
    { name: 'llm', surface: 'llm', fresh: true, targets: models },
    { name: 'llm stream', surface: 'stream', fresh: true, targets: models },
    {
      name: 'egress',
      surface: 'egress',
      fresh: true,
      targets: through('', `http://${sidecar.addresses['egress'] ?? ''}`),
    },
    {
      name: 'a2a',
      surface: 'a2a',
      fresh: true,
      targets: through('/rpc', `http://${sidecar.addresses['a2a'] ?? ''}/a2a/books`),
    },
    { name: 'stdio', surface: 'stdio', fresh: true, targets: stdio },
  ];
}

async function measure(
  name: string,
  { surface, fresh, targets }: Case,
  plan: Omit<Plan, 'payloadsKb' | 'widths'> & { readonly payloadKb: number; readonly width: number },
  origin: string,
): Promise<readonly Row[]> {
  const { payloadKb, width, warmUpSeconds, seconds, rounds } = plan;
  const job: Job = { surface, fresh, targets, origin, payloadKb, width, warmUpSeconds, seconds, rounds };
  const script = fileURLToPath(new URL('./sidecar/load.js', import.meta.url));
  process.stderr.write(`  ${name}\n`);
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [script, JSON.stringify(job)]);
    process.stderr.write(stderr);
    const found = JSON.parse(stdout) as Found;
    const direct = found['direct'] ?? [];
    return Object.entries(found).flatMap(([subject, rounds]) => rowsOf(name, subject, rounds, direct));
  } catch (error) {
    // What was measured besides counts all the same.
    process.stderr.write(`  ${name} is not measured: ${String(error)}\n`);
    process.exitCode = 1;
    return [];
  }
}

function rowsOf(name: string, subject: string, rounds: readonly Round[], direct: readonly Round[]): readonly Row[] {
  const isDirect = subject === 'direct';
  const times = (['p50', 'p95', 'p99', 'first'] as const).flatMap((key): readonly Row[] => {
    const values = rounds.flatMap((round, index) => {
      const value = round[key];
      return value === undefined ? [] : [value - (isDirect ? 0 : (direct[index]?.[key] ?? Number.NaN))];
    });
    const metric = `${isDirect ? '' : 'added_'}${key === 'first' ? 'first_token' : key}_ms`;
    return values.length === 0 ? [] : [row(name, subject, metric, median(values), 'ms')];
  });
  const spent = rounds.flatMap(({ cpuUs }) => (cpuUs === undefined ? [] : [cpuUs]));
  return [...times, ...(spent.length === 0 ? [] : [row(name, subject, 'cpu_us_per_call', median(spent), 'us')])];
}

function row(name: string, subject: string, metric: string, value: number, unit: string): Row {
  return { bench: BENCH, case: name, subject, metric, value: rounded(value), unit };
}
