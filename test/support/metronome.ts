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
   * The worst of what the machine took away between two times of `performance.now()`, in milliseconds: how late a wait
   * was, or how long one of the watched processes was ready to run and did not (which only Linux tells).
   */
  latenessMs(from: number, to?: number): number;
  /** Watches these processes from now on, instead of those before. */
  watch(pids: readonly number[]): void;
  stop(): Promise<void>;
}

const TICK_MS = 4;
/** Less is not remembered: a timer counts in whole milliseconds. */
const NOTICED_MS = 1.5;
/** How many findings are remembered; after that the oldest are forgotten. */
const SLOTS = 16_384;
/** Numbers per finding: whose it is (0 is the metronome itself), from when, to when, and how much. */
const FIELDS = 4;

/** What runs in the thread. Times are of the epoch: each thread's own clock begins when the thread does. */
const BEAT = `
const { readFileSync } = require('node:fs');
const { parentPort, workerData } = require('node:worker_threads');
const { count, findings, slots, fields, tickMs, noticedMs } = workerData;
const clock = () => performance.timeOrigin + performance.now();
const note = (...finding) => {
  findings.set(finding, (Atomics.load(count, 0) % slots) * fields);
  Atomics.add(count, 0, 1);
};
let watched = [];
parentPort.on('message', (pids) => {
  watched = pids.map((pid) => ({ pid, file: '/proc/' + pid + '/schedstat', waited: undefined }));
});
let before = clock();
const beat = () => {
  const now = clock();
  const late = now - before - tickMs;
  if (late >= noticedMs) note(0, before, now, late);
  for (const one of watched) {
    let waited;
    try {
      waited = Number(readFileSync(one.file, 'utf8').split(' ')[1]) / 1e6;
    } catch {}
    const delta = waited === undefined || one.waited === undefined ? 0 : waited - one.waited;
    one.waited = waited;
    if (delta >= noticedMs) note(one.pid, before, now, delta);
  }
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
      const taken = new Map<number, number>();
      for (let slot = 0; slot < Math.min(SLOTS, Atomics.load(count, 0)); slot += 1) {
        const [whose = 0, begun = 0, ended = 0, ms = 0] = findings.subarray(slot * FIELDS, (slot + 1) * FIELDS);
        if (ended - performance.timeOrigin < from || begun - performance.timeOrigin > to) continue;
        // A late wait is one event; what a process waits adds up.
        taken.set(whose, whose === 0 ? Math.max(taken.get(0) ?? 0, ms) : (taken.get(whose) ?? 0) + ms);
      }
      return Math.max(0, ...taken.values());
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
