/**
 * Says how late this machine is, whatever we do: a thread of its own that does nothing but wait. A promise about
 * milliseconds is one under normal load; the bound that a test asserts is the promise plus what the machine demonstrably
 * took away meanwhile. Being a thread, it does not see lateness of our own making.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';

/** A running metronome. */
export interface Metronome {
  /**
   * What the machine took away between two times of `performance.now()`, in milliseconds: the worst lateness of a wait,
   * or, if that is more, how long the watched processes were ready to run and did not, added up (which only Linux tells).
   */
  latenessMs(from: number, to?: number): number;
  /** Watches these processes, with the threads that they now have, instead of those before. */
  watch(pids: readonly number[]): void;
  stop(): Promise<void>;
}

const TICK_MS = 8;
/** A wait that is late by less is not remembered: a timer counts in whole milliseconds. */
const NOTICED_MS = 1.5;
/** How many findings are remembered; after that the oldest are forgotten. */
const SLOTS = 16_384;
/** Numbers per finding: what it is (0 a late wait, 1 the processes), from when, to when, and how much. */
const FIELDS = 4;

/** What runs in the thread. Times are of the epoch: each thread's own clock begins when the thread does. */
const BEAT = `
const { readdirSync, readFileSync } = require('node:fs');
const { parentPort, workerData } = require('node:worker_threads');
const { count, findings, slots, fields, tickMs, noticedMs } = workerData;
const clock = () => performance.timeOrigin + performance.now();
const note = (...finding) => {
  findings.set(finding, (Atomics.load(count, 0) % slots) * fields);
  Atomics.add(count, 0, 1);
};
const waitedBy = (file) => {
  try {
    return Number(readFileSync(file, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
};
// What answers questions: the main thread, and those that write files for it.
const THREADS = /^(node|MainThread|node-MainThread|libuv-worker)$/;
const threadsOf = (pid) => {
  const folder = '/proc/' + pid + '/task/';
  try {
    return readdirSync(folder)
      .filter((id) => id === String(pid) || THREADS.test(readFileSync(folder + id + '/comm', 'utf8').trim()))
      .map((id) => folder + id + '/schedstat');
  } catch {
    return [];
  }
};
let watched = [];
parentPort.on('message', (pids) => {
  watched = pids.flatMap(threadsOf).map((file) => ({ file, waited: waitedBy(file) }));
});
let before = clock();
const beat = () => {
  const now = clock();
  const late = now - before - tickMs;
  if (late >= noticedMs) note(0, before, now, late);
  let waited = 0;
  for (const one of watched) {
    const sofar = waitedBy(one.file);
    waited += Math.max(0, sofar - one.waited);
    one.waited = sofar;
  }
  if (waited > 0) note(1, before, now, waited);
  before = clock();
  setTimeout(beat, tickMs);
};
setTimeout(beat, tickMs);
`;

/** Starts one. */
export function startMetronome(): Metronome {
  const count = new Int32Array(new SharedArrayBuffer(4));
  const findings = new Float64Array(new SharedArrayBuffer(8 * FIELDS * SLOTS));
  const worker = new Worker(BEAT, {
    eval: true,
    workerData: { count, findings, slots: SLOTS, fields: FIELDS, tickMs: TICK_MS, noticedMs: NOTICED_MS },
  });
  return {
    latenessMs(from, to = performance.now()) {
      let late = 0;
      let waited = 0;
      for (let slot = 0; slot < Math.min(SLOTS, Atomics.load(count, 0)); slot += 1) {
        const [what = 0, begun = 0, ended = 0, ms = 0] = findings.subarray(slot * FIELDS, (slot + 1) * FIELDS);
        if (ended - performance.timeOrigin < from || begun - performance.timeOrigin > to) continue;
        if (what === 0) late = Math.max(late, ms);
        else waited += ms;
      }
      return Math.max(late, waited);
    },
    watch(pids) {
      worker.postMessage(pids);
    },
    async stop() {
      await worker.terminate();
    },
  };
}

/** Linux shares the processor among sessions first; a nice value counts only within one. */
const AUTOGROUP = '/proc/self/autogroup';

/**
 * Puts this process, what it starts from now on, and its session before whatever else runs here, as far as the system
 * lets it. Returns the way back. Where it is not allowed nothing happens: then the machine had better be quiet.
 */
export function comeFirst(): () => void {
  const undo: (() => void)[] = [];
  const attempt = (change: () => () => void): void => {
    try {
      undo.push(change());
    } catch {
      // Not allowed here, or no such thing.
    }
  };
  attempt(() => {
    const before = getPriority();
    setPriority(constants.priority.PRIORITY_HIGH);
    return () => setPriority(before);
  });
  attempt(() => {
    const before = /nice (-?[0-9]+)/.exec(readFileSync(AUTOGROUP, 'utf8'))?.[1] ?? '0';
    writeFileSync(AUTOGROUP, '-10');
    return () => writeFileSync(AUTOGROUP, before);
  });
  return () => {
    for (const step of undo) step();
  };
}
