/**
 * What a release that changes one policy costs, in a process of its own: compiling it after the release before it, and
 * how long a PDP's event loop stands still while the release is taken, by the PDP's own parts (worker, link, warm-up).
 * `node --expose-gc measure-changes.js SIZE` prints one JSON object per line.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { createWorkerCompiler, warmUp } from '@portcullis/pdp';
import { buildBundle, createCompiler, type Engine, linkBundleInSlices, unpackBundle } from '@portcullis/policy';
import { type CanonicalRequest, formatProblem } from '@portcullis/policy/model';
import { median } from '../statistics.js';
import { bundleSource, requestOf } from './portcullis.js';
import type { Measured } from './subject.js';
import { type WorkRule, workloadOf } from './workload.js';

const ROUNDS = 7;
const NS_PER_MS = 1e6;
/** Between two decisions that the PDP has to give while it takes a release. */
const DECISION_EVERY_MS = 2;

const size = Number(process.argv[2]);
const { rules, requests } = workloadOf(size, 'plain');
const middle = Math.floor(size / 2);
const changedRules = rules.map(
  (rule, index): WorkRule => (index === middle ? { ...rule, limit: rule.limit + 1 } : rule),
);

function print(kind: string, { metric, value, unit }: Measured): void {
  process.stdout.write(`${JSON.stringify({ kind, metric, value, unit })}\n`);
}

async function built(given: readonly WorkRule[]): Promise<Uint8Array> {
  const bundle = await buildBundle(bundleSource(given, 'plain'));
  if (!bundle.ok) throw new Error(bundle.problems.slice(0, 5).map(formatProblem).join('\n'));
  return bundle.value.bytes;
}

async function unpacked(bytes: Uint8Array): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = await unpackBundle(bytes);
  if (!files.ok) throw new Error(files.problems.map(formatProblem).join('\n'));
  return files.value;
}

const releases = [await built(rules), await built(changedRules)] as const;

/** From the files of a bundle to what the PDP's main thread is sent, after the bundle before it. */
async function compileOneChanged(): Promise<void> {
  const compiler = createCompiler();
  const files = [await unpacked(releases[0]), await unpacked(releases[1])] as const;
  const times: number[] = [];
  for (let round = 0; round <= 2 * ROUNDS; round += 1) {
    const given = round % 2 === 0 ? files[0] : files[1];
    const begun = performance.now();
    const update = compiler.compile(given);
    const ms = performance.now() - begun;
    if (!update.ok) throw new Error(update.problems.map(formatProblem).join('\n'));
    // The first one compiles everything, the next ones warm up.
    if (round > ROUNDS) times.push(ms);
  }
  print('one-changed', { metric: 'compile_ms', value: median(times), unit: 'ms' });
}

/** The longest that the event loop stood still, and how long a release took. */
async function reload(): Promise<void> {
  const compiler = createWorkerCompiler({ timeoutMs: 120_000, maxHeapMb: 4096 });
  const signal = AbortSignal.any([]);
  let engine: Engine | undefined;
  const load = async (bytes: Uint8Array): Promise<number> => {
    const begun = performance.now();
    const compiled = await compiler.compile(bytes, signal);
    if (!compiled.ok) throw new Error(compiled.problems.map(formatProblem).join('\n'));
    const next = await linkBundleInSlices(compiled.value, [], turn);
    await warmUp(next);
    engine = next;
    return performance.now() - begun;
  };
  const asked = requests.hit.map(requestOf) as readonly CanonicalRequest[];
  let decisions = 0;
  const deciding = setInterval(() => {
    decisions += 1;
    const request = asked[decisions % asked.length];
    if (request !== undefined) engine?.evaluate(request);
  }, DECISION_EVERY_MS);

  const watch = async (kind: string, run: () => Promise<number>): Promise<void> => {
    globalThis.gc?.();
    await wait(50);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const took = await run();
    await wait(20);
    delay.disable();
    print(kind, { metric: 'event_loop_max_ms', value: delay.max / NS_PER_MS, unit: 'ms' });
    print(kind, { metric: 'event_loop_p99_ms', value: delay.percentile(99) / NS_PER_MS, unit: 'ms' });
    print(kind, { metric: 'ready_ms', value: took, unit: 'ms' });
  };
  await watch('first load', () => load(releases[0]));
  for (let round = 0; round < 3; round += 1) await load(releases[round % 2 === 0 ? 1 : 0]);
  await watch('reload', () => load(releases[0]));
  clearInterval(deciding);
  await compiler.close();
}

await compileOneChanged();
await reload();
