/**
 * Mixed traffic over every surface of a real sidecar in front of a real PDP, for as long as is wanted: what is in use after a full
 * collection does not grow with the number of calls, and nothing stays open when the clients are gone.
 * `SOAK_MINUTES` says how long; half an hour in the long form, some seconds otherwise.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type Listening, type Ours, startOurs, startScript } from '../perf/sidecar/subjects.js';
import { eventually } from '../support/eventually.js';
import type { HeapSample } from '../support/heap-probe.js';
import { type MixedTraffic, openMixedTraffic } from '../support/mixed-traffic.js';
import { repositoryRoot } from '../support/root.js';
import { type Point, robustSlope } from '../support/slope.js';

const LONG = process.env['PORTCULLIS_TEST_LONG'] === '1';
const SECONDS = Number(process.env['SOAK_MINUTES'] ?? (LONG ? 30 : 0.2)) * 60;
const SAMPLES = 10;
/** Of the whole time: what is compiled, and what is kept up to a bound, is in place afterwards. */
const WARM_UP = 0.3;
const WIDTH = 8;
/**
 * What may be more after all calls than after the warm-up, as the slope says, whether these are a thousand or a million: code is still
 * being compiled in the short form. There a defect has to keep some kilobytes of each call to be seen, in the long one a few bytes.
 */
const MAX_GROWTH_BYTES = 4 * 1024 * 1024;
/** Less than this given back between two looks is nothing. */
const REST_BYTES = 64 * 1024;
/** What a process may have open at rest more than before any call. */
const MAX_RESOURCES_MORE = 8;

jest.setTimeout(SECONDS * 1_000 + 120_000);

const folder = mkdtempSync(join(tmpdir(), 'portcullis-soak-'));
const samplesFile = join(folder, 'heap.jsonl');
let upstream: Listening;
let ours: Ours;
let calls = 0;
let late = 0;

beforeAll(async () => {
  const probe = pathToFileURL(join(repositoryRoot(), 'test', 'dist', 'support', 'heap-probe.js'));
  probe.searchParams.set('file', samplesFile);
  upstream = await startScript('upstream');
  ours = await startOurs(upstream.origin, {
    nodeArgs: ['--expose-gc', '--import', probe.href],
    // A test of memory, not of speed.
    pdp: { deadlineMs: 1_000, hedgeAfterMs: 800, breaker: { resetTimeoutMs: 1_001 } },
    // Full long before the warm-up ends.
    config: { cache: { maxEntries: 100 } },
  });
});
afterAll(async () => {
  await ours?.stack.close();
  await upstream?.close();
  rmSync(folder, { recursive: true, force: true });
});

const samples = (): readonly HeapSample[] =>
  existsSync(samplesFile)
    ? readFileSync(samplesFile, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as HeapSample)
    : [];

async function look(): Promise<HeapSample> {
  const before = samples().length;
  process.kill(ours.sidecar.pid, 'SIGUSR2');
  return eventually('a sample', () => samples()[before], 30_000);
}

/** What is in use once it is no longer being given back: questions are kept to their deadline, settlements until they are sent. */
async function atRest(): Promise<number> {
  let { heap: before } = await look();
  return eventually(
    'memory to be given back',
    async () => {
      const { heap } = await look();
      const isFalling = heap < before - REST_BYTES;
      before = heap;
      return isFalling ? undefined : heap;
    },
    30_000,
    300,
  );
}

async function drive(traffic: MixedTraffic, seconds: number): Promise<void> {
  const until = performance.now() + seconds * 1_000;
  const lane = async (): Promise<void> => {
    while (performance.now() < until) {
      calls += 1;
      await traffic.call(calls).catch((thrown: unknown) => {
        // Whoever shares the machine takes its time: a question that is answered too late is a denial, and none of ours.
        if (!(thrown instanceof Error && thrown.message.includes('PDP_TIMEOUT'))) throw thrown;
        late += 1;
      });
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, lane));
}

test('memory does not grow with the number of calls, and nothing stays open', async () => {
  const { sidecar } = ours;
  const at = (name: string): string => `http://${sidecar.addresses[name] ?? ''}`;
  const idle = await look();
  const traffic = await openMixedTraffic({
    upstream: upstream.origin,
    mcp: sidecar.mcpUrl('upstream'),
    llm: at('llm'),
    egress: at('egress'),
    a2a: `${at('a2a')}/a2a/books`,
    authorize: at('authorize'),
  });
  const points: Point[] = [];
  try {
    await drive(traffic, SECONDS * WARM_UP);
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      await drive(traffic, (SECONDS * (1 - WARM_UP)) / SAMPLES);
      points.push([calls, await atRest()]);
    }
  } finally {
    await traffic.close();
  }
  const [[first] = [0]] = points;
  const growth = robustSlope(points) * (calls - first);
  const heaps = points.map(([, heap]) => Math.round(heap / 1024)).join(' ');
  process.stdout.write(
    `${calls} calls, ${late} answered too late; kB in use: ${heaps}; growth by slope ${Math.round(growth / 1024)} kB\n`,
  );
  expect(calls - first).toBeGreaterThan(SAMPLES);
  expect(late).toBeLessThan(10 + calls / 1_000);
  expect(growth).toBeLessThan(MAX_GROWTH_BYTES);
  await eventually(
    'everything to be closed',
    async () => (await look()).resources <= idle.resources + MAX_RESOURCES_MORE,
    30_000,
    500,
  );
});

test.each([
  ['level', () => 0, 0],
  ['noise', (at: number) => (at % 3) * 1_000_000, 0],
  ['a leak below noise', (at: number) => at * 500_000 + (at % 3) * 300_000, 500_000],
  ['a leak with a wild point', (at: number) => (at === 5 ? 90_000_000 : at * 500_000), 500_000],
])('the slope tells %s', (_what, heap, slope) => {
  const points = Array.from({ length: SAMPLES }, (_, at): Point => [at, heap(at)]);
  expect(Math.abs(robustSlope(points) - slope)).toBeLessThan(60_000);
});
