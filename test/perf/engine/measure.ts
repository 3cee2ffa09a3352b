/**
 * Measures one subject at one size in a process of its own, so that nobody's garbage or code is another's burden:
 * `node --expose-gc measure.js SUBJECT SIZE SHAPE` prints one JSON object per line.
 */
import { median } from '../statistics.js';
import { residentMb } from './http-peer.js';
import type { Loaded, Measured, Prepared } from './subject.js';
import { SUBJECTS, type SubjectName } from './subjects.js';
import { timeAnswers } from './time.js';
import { expectedOf, REQUEST_KINDS, type Shape, type Workload, workloadOf } from './workload.js';

/** Loading is repeated while it is shorter than this in all. */
const LOADS_MS = 3_000;
const MAX_LOADS = 3;
/** Questions of each kind whose answers are compared with what they must be before anything is timed. */
const CHECKED = 50;
/** A subject that takes seconds per answer is asked fewer of them. */
const CHECK_MS = 2_000;

const [, , subjectName = '', size = '', shape = 'plain'] = process.argv;
const subject = await SUBJECTS[subjectName as SubjectName]();
const workload = workloadOf(Number(size), shape as Shape);

function print(kind: string, { metric, value, unit }: Measured): void {
  process.stdout.write(`${JSON.stringify({ kind, metric, value, unit })}\n`);
}

async function loadSeveralTimes(prepared: Prepared): Promise<{ readonly loaded: Loaded; readonly ms: number }> {
  const times: number[] = [];
  for (;;) {
    const begun = performance.now();
    const loaded = await prepared.load();
    times.push(performance.now() - begun);
    const total = times.reduce((sum, ms) => sum + ms, 0);
    // What another process holds is loaded once: it would have to be started anew.
    if (loaded.close !== undefined || times.length === MAX_LOADS || total > LOADS_MS) {
      return { loaded, ms: median(times) };
    }
  }
}

/** Every subject answers the same: a fast wrong answer is worth nothing. */
async function check(loaded: Loaded, { requests }: Workload): Promise<void> {
  const over = (workload.rules[0]?.limit ?? 0) + 1_000_000;
  for (const kind of REQUEST_KINDS) {
    const end = performance.now() + CHECK_MS;
    for (const [index, request] of requests[kind].slice(0, CHECKED).entries()) {
      if (index > 0 && performance.now() > end) break;
      for (const asked of [request, { ...request, tokens: over }]) {
        const given = await loaded.decide(loaded.encode(asked));
        const expected = expectedOf(workload, asked);
        if (given !== expected) {
          throw new Error(`${subjectName} answers ${given} instead of ${expected} to ${JSON.stringify(asked)}`);
        }
      }
    }
  }
}

const prepared = await subject.prepare(workload);
const { loaded, ms } = await loadSeveralTimes(prepared);
print('', { metric: 'compile_ms', value: ms, unit: 'ms' });
globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
print('', { metric: 'rss_mb', value: residentMb(loaded.pid ?? process.pid), unit: 'MB' });
await check(loaded, workload);
for (const kind of REQUEST_KINDS) {
  const encoded = workload.requests[kind].map((request) => loaded.encode(request));
  const overHttp = await timeAnswers(loaded, encoded);
  if (loaded.measure === undefined) {
    for (const measured of overHttp) print(kind, measured);
  } else {
    for (const measured of await loaded.measure(kind, workload.requests[kind])) print(kind, measured);
    for (const measured of overHttp) print(`${kind} over HTTP`, measured);
  }
}
await loaded.close?.();
