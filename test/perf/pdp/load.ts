/** A load generator in a process of its own: `node load.js JOB`, a {@link Job} as JSON; prints a {@link Load} as JSON. */
import { setImmediate } from 'node:timers/promises';
import { expectedOf, workloadOf } from '../engine/workload.js';
import { quantile } from '../statistics.js';
import { type Asker, connect, questionsOf } from './ask.js';
import type { Job, Load } from './job.js';

const job = JSON.parse(process.argv[2] ?? '') as Job;
const workload = workloadOf(job.policies, 'plain');
const expected = questionsOf(job).map((question) => expectedOf(workload, question));

const WARM_UP_WIDTH = 32;

async function drive(asker: Asker, width: number, seconds: number): Promise<Load> {
  const latencies: number[] = [];
  const begun = performance.now();
  const until = begun + seconds * 1000;
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let now = begun; now < until; ) {
      const index = next;
      next += 1;
      const askedAt = performance.now();
      const allowed = await asker.ask(index);
      now = performance.now();
      latencies.push(now - askedAt);
      if (allowed !== expected[index % expected.length]) throw new Error(`question ${index}: answered ${allowed}`);
      // What a sidecar has kept it answers without a turn of the loop; calls of agents come out of sockets.
      if (job.way === 'sidecar') await setImmediate();
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  const took = (performance.now() - begun) / 1000;
  const at = (share: number): number => quantile(latencies, share);
  return { answers: latencies.length, rps: latencies.length / took, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

const asker = await connect(job);
// As in a process that has run for a while: what one question at a time would warm up takes minutes.
const warmUp = await drive(asker, WARM_UP_WIDTH, job.warmUpSeconds);
const measured = await drive(asker, job.width, job.seconds);
const load: Load = { ...measured, answers: warmUp.answers + measured.answers };
await asker.close();
process.stdout.write(`${JSON.stringify(load)}\n`);
