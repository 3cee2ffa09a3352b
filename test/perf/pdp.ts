/**
 * Decision points as servers, beside each other: ours with mutual TLS and every decision on record, OPA over HTTPS with
 * client certificates, Cerbos over gRPC with TLS. The same rules and questions in each one's idiom, one machine, one run,
 * the subjects in turns, and a load generator in a process of its own for each; every answer is checked.
 *
 * Cases: `1000 uncached c1` and `1000 uncached c32` (policies, questions under way at once), ours on the stream that
 * sidecars use. All servers are asked with questions that were written before; `… client` is ours with the client of a sidecar,
 * which makes each question, checks each answer and keeps the deadline, in one process. `… unary` and `… http` are its other surfaces, `… 4kB` larger questions (0.5 kB otherwise), `… audit-off`
 * the same without records. `1000 cached c1` is a PDP that has decided each question before, `… sidecar` a sidecar that
 * keeps what it was told; only there are questions that are denied left out. `echo` is bare grpc-js with mutual TLS: what
 * the transport costs, one message for one. `cpu_us` is what the server spends of processor time on an answer, which other
 * work on the machine disturbs least. All figures are medians of three rounds; whoever is not there is said to be missing.
 * With `--quick` only 1,000 policies, usual questions and short rounds, whose figures are a look and not a comparison.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually } from '../support/eventually.js';
import type { Job, Load, Way } from './pdp/job.js';
import { type Server, startCerbos, startEcho, startOpa, startPortcullis } from './pdp/subjects.js';
import type { Row } from './row.js';
import { median, rounded } from './statistics.js';

interface Plan {
  readonly sizes: readonly number[];
  /** Sizes of questions, in kB; the first is the usual one. */
  readonly payloadsKb: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

const USUAL_KB = 0.5;
const FULL: Plan = {
  sizes: [10, 1_000, 10_000, 100_000],
  payloadsKb: [USUAL_KB, 4, 64],
  rounds: 3,
  seconds: 3,
  warmUpSeconds: 2,
};
const QUICK: Plan = { sizes: [1_000], payloadsKb: [USUAL_KB], rounds: 3, seconds: 0.5, warmUpSeconds: 0.5 };
/** Peers need minutes to load more, or answer too slowly to be measured. */
const MAX_PEER_POLICIES = 10_000;
/** Where everything else than size is measured. */
const AXES_AT = 1_000;
const WIDTHS = [1, 32] as const;
const START_MS = 60_000;
const PEERS: ReadonlySet<Way> = new Set<Way>(['opa', 'cerbos']);

interface Measurement {
  readonly subject: string;
  readonly case: string;
  readonly server: Server;
  readonly job: Job;
}

/** All of it. Takes about half an hour on two cores, quick under three minutes. */
export async function benchPdp({ quick }: { readonly quick: boolean }): Promise<readonly Row[]> {
  const plan = quick ? QUICK : FULL;
  const rows: Row[] = [];
  for (const policies of plan.sizes) {
    process.stderr.write(`${policies} policies\n`);
    try {
      rows.push(...(await measureSize(policies, plan)));
    } catch (error) {
      // What was measured before counts all the same.
      process.stderr.write(`${policies} policies are not measured: ${String(error)}\n`);
      process.exitCode = 1;
    }
  }
  return rows;
}

async function measureSize(policies: number, plan: Plan): Promise<readonly Row[]> {
  const servers: Server[] = [];
  const add = async <T extends Server>(starting: Promise<T | undefined>): Promise<T | undefined> => {
    const server = await starting;
    if (server !== undefined) servers.push(server);
    return server;
  };
  try {
    const ours = await add(startPortcullis(policies, 'required'));
    if (ours === undefined) throw new Error('unreachable');
    const peers = policies <= MAX_PEER_POLICIES;
    // A PDP's certificate and authority serve the peers as well.
    const opa = peers ? await add(startOpa(policies, ours)) : undefined;
    const cerbos = peers ? await add(startCerbos(policies, ours)) : undefined;
    const asked = (
      server: Server | undefined,
      way: Way,
      { suffix = '', payloadKb = USUAL_KB, kept = 'uncached' }: Case = {},
    ): Measurement[] =>
      server === undefined
        ? []
        : WIDTHS.map((width) => ({
            subject: subjectOf(way),
            case: way === 'echo' ? `echo c${width}${suffix}` : `${policies} ${kept} c${width}${suffix}`,
            server,
            job: {
              ...plan,
              way,
              address: server.addresses[way] ?? '',
              tls: server.tls,
              policies,
              payloadKb,
              width,
              allowedOnly: kept === 'cached',
            },
          }));
    const compared = [
      asked(ours, 'stream'),
      asked(opa, 'opa'),
      asked(cerbos, 'cerbos'),
      asked(ours, 'client', { suffix: ' client' }),
      asked(ours, 'unary', { suffix: ' unary' }),
    ].flat();
    for (const { job } of compared.filter(({ job: { width } }) => width === 1)) await answers(job);
    if (policies !== AXES_AT) return await inTurns(compared, plan.rounds);
    const silent = await add(startPortcullis(policies, 'off'));
    const keeping = await add(startPortcullis(policies, 'required', 'caching'));
    const echo = await add(startEcho(ours));
    const axes = [
      asked(echo, 'echo'),
      asked(ours, 'http', { suffix: ' http' }),
      asked(keeping, 'stream', { kept: 'cached' }),
      asked(keeping, 'client', { kept: 'cached', suffix: ' client' }),
      asked(keeping, 'sidecar', { kept: 'cached', suffix: ' sidecar' }),
      asked(silent, 'stream', { suffix: ' audit-off' }),
      plan === QUICK ? [] : asked(silent, 'unary', { suffix: ' unary audit-off' }),
      ...plan.payloadsKb
        .filter((payloadKb) => payloadKb !== USUAL_KB)
        .flatMap((payloadKb) => {
          const larger = { suffix: ` ${payloadKb}kB`, payloadKb };
          return [asked(ours, 'stream', larger), asked(opa, 'opa', larger), asked(cerbos, 'cerbos', larger)];
        }),
    ];
    return await inTurns([...compared, ...axes.flat()], plan.rounds);
  } finally {
    for (const server of servers) await server.close();
  }
}

/** What is special about a measurement. */
interface Case {
  readonly suffix?: string;
  readonly payloadKb?: number;
  readonly kept?: 'cached' | 'uncached';
}

function subjectOf(way: Way): string {
  if (way === 'echo') return 'grpc-js';
  return PEERS.has(way) ? way : 'portcullis';
}

interface Found extends Load {
  /** Processor time of the server per answer, in microseconds. */
  readonly cpuUs: number;
}

/** Milliseconds of processor time that a process has spent; `/proc` counts in hundredths of a second. */
function cpuMs(pid: number): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const [user, system] = fields.split(' ').slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}

/** Once around all subjects, then again: whatever else the machine does falls on all of them. */
async function inTurns(measurements: readonly Measurement[], rounds: number): Promise<readonly Row[]> {
  const loads = new Map<Measurement, Found[]>(measurements.map((one) => [one, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const one of measurements) {
      const before = cpuMs(one.server.pid);
      const load = await generate(one.job);
      const cpuUs = ((cpuMs(one.server.pid) - before) * 1_000) / load.answers;
      process.stderr.write(`  ${one.case.padEnd(32)} ${one.subject.padEnd(11)} ${Math.round(load.rps)}/s\n`);
      loads.get(one)?.push({ ...load, cpuUs });
    }
  }
  return measurements.flatMap((one) => {
    const found = loads.get(one) ?? [];
    const row = (metric: string, unit: string, value: (load: Found) => number): Row => ({
      bench: 'pdp',
      case: one.case,
      subject: one.subject,
      metric,
      value: rounded(median(found.map(value))),
      unit,
    });
    return [
      row('rps', '1/s', ({ rps }) => rps),
      row('p50_ms', 'ms', ({ p50 }) => p50),
      row('p95_ms', 'ms', ({ p95 }) => p95),
      row('p99_ms', 'ms', ({ p99 }) => p99),
      row('cpu_us', 'us', ({ cpuUs }) => cpuUs),
    ];
  });
}

/** Waits until a server answers a first load; peers take their time to read their policies. */
async function answers(job: Job): Promise<void> {
  const look = { ...job, width: 1, warmUpSeconds: 0, seconds: 0.01 };
  await eventually(`${job.way} to answer`, async () => (await generate(look)).rps > 0, START_MS, 200);
}

async function generate(job: Job): Promise<Load> {
  const script = fileURLToPath(new URL('./pdp/load.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(job)]);
  return JSON.parse(stdout) as Load;
}
