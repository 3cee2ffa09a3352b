/** A load generator in a process of its own: `node load.js JOB`, a {@link Job} as JSON; prints what it found as JSON. */

import { cpuUs } from '../../support/process-figures.js';
import { quantile } from '../statistics.js';
import { callOf, paddingOf } from './calls.js';
import { connect, type Way } from './connect.js';
import { type Job, type Round, WIDEST } from './job.js';

const job = JSON.parse(process.argv[2] ?? '') as Job;
const padding = paddingOf(job.payloadKb);
/** No earlier process has asked this. */
const run = Date.now();
let calls = 0;

async function drive(way: Way, seconds: number, width = job.width): Promise<Omit<Round, 'cpuUs'>> {
  const latencies: number[] = [];
  const firsts: number[] = [];
  const begun = performance.now();
  const until = begun + seconds * 1_000;
  const lane = async (): Promise<void> => {
    for (let now = begun; now < until; ) {
      calls += 1;
      const call = callOf(job.surface, calls, job.fresh ? `${run}-${calls}` : 'the-same', padding);
      const askedAt = performance.now();
      const { text, firstAt } = await way.call(call);
      now = performance.now();
      latencies.push(now - askedAt);
      if (firstAt !== undefined) firsts.push(firstAt - askedAt);
      const missing = call.expected.find((part) => !text.includes(part));
      if (missing !== undefined) throw new Error(`no ${missing.slice(0, 80)} in ${text.slice(0, 400)}`);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  const at = (share: number): number => quantile(latencies, share);
  const first = firsts.length === 0 ? {} : { first: quantile(firsts, 0.5) };
  return { calls: latencies.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), ...first };
}

interface Subject {
  readonly name: string;
  readonly way: Way;
  readonly rounds: Round[];
  /** Processor time when its last turn began, us. */
  spent: number;
}

const subjects: Subject[] = [];
for (const target of job.targets) {
  const way = await connect(job, target);
  try {
    // As in a process that has run for a while: what one call at a time would warm up takes minutes.
    await drive(way, job.warmUpSeconds, WIDEST);
    subjects.push({ name: target.subject, way, rounds: [], spent: 0 });
  } catch (error) {
    if (target.isPeer !== true) throw error;
    process.stderr.write(`${target.subject} is not measured: ${String(error)}\n`);
    await way.close();
  }
}
const spent = ({ pid }: Way): number => (pid === undefined ? 0 : cpuUs(pid));
/** What a process does after its answers belongs to them: its time counts until its next turn. */
function count(subject: Subject): void {
  const last = subject.rounds.pop();
  const now = spent(subject.way);
  if (last !== undefined)
    subject.rounds.push(subject.way.pid === undefined ? last : { ...last, cpuUs: (now - subject.spent) / last.calls });
  subject.spent = now;
}
for (let round = 0; round < job.rounds; round += 1) {
  for (const subject of subjects) {
    count(subject);
    subject.rounds.push(await drive(subject.way, job.seconds));
  }
}
for (const subject of subjects) count(subject);
for (const { way } of subjects) await way.close();
process.stdout.write(`${JSON.stringify(Object.fromEntries(subjects.map((s) => [s.name, s.rounds])))}\n`);
