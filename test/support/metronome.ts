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
  /** The worst lateness of a wait, in milliseconds, that ended between two times of `performance.now()`; to now by default. */
  latenessMs(from: number, to?: number): number;
  stop(): Promise<void>;
}

const TICK_MS = 4;
/** Waits that are late by less are not remembered: a timer counts in whole milliseconds. */
const NOTICED_MS = 2;
/** How many late waits are remembered; after that the oldest are forgotten. */
const SLOTS = 8_192;

/**
 * What runs in the thread. It also computes a little, because a thread that only ever sleeps is woken before those that
 * work. Times are of the epoch: each thread's own clock begins when the thread does.
 */
const BEAT = `
const { workerData } = require('node:worker_threads');
const { count, beats, slots, tickMs, noticedMs } = workerData;
const clock = () => performance.timeOrigin + performance.now();
let due = clock() + tickMs;
let sink = 0;
const beat = () => {
  for (let turn = 0; turn < 40000; turn += 1) sink = (sink * 31 + turn) | 0;
  const now = clock();
  if (now - due >= noticedMs) {
    const at = (Atomics.load(count, 0) % slots) * 2;
    beats[at] = now;
    beats[at + 1] = now - due;
    Atomics.add(count, 0, 1);
  }
  due = clock() + tickMs;
  setTimeout(beat, tickMs);
};
setTimeout(beat, tickMs);
`;

/** Starts one. */
export function startMetronome(): Metronome {
  const count = new Int32Array(new SharedArrayBuffer(4));
  const beats = new Float64Array(new SharedArrayBuffer(16 * SLOTS));
  const workerData = { count, beats, slots: SLOTS, tickMs: TICK_MS, noticedMs: NOTICED_MS };
  const worker = new Worker(BEAT, { eval: true, workerData });
  return {
    latenessMs(from, to = performance.now()) {
      let worst = 0;
      for (let slot = 0; slot < Math.min(SLOTS, Atomics.load(count, 0)); slot += 1) {
        const at = (beats[slot * 2] ?? 0) - performance.timeOrigin;
        const late = beats[slot * 2 + 1] ?? 0;
        // The wait began before it was late: it says something about the whole time between.
        if (at >= from && at - late <= to) worst = Math.max(worst, late);
      }
      return worst;
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
  return () => undo.forEach((step) => step());
}
