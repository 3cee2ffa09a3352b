/**
 * Says how late this machine is, whatever we do: a thread of its own that does nothing but wait. A promise about
 * milliseconds is one under normal load; the bound that a test asserts is the promise plus what the machine demonstrably
 * took away meanwhile. Being a thread, it does not see lateness of our own making.
 */
import { Worker } from 'node:worker_threads';

/** A running metronome. */
export interface Metronome {
  /** The worst lateness of a wait, in milliseconds, since the last call of this or the start. */
  worstLatenessMs(): number;
  stop(): Promise<void>;
}

const TICK_MS = 5;

/** What runs in the thread: the slot holds microseconds, because only integers can be exchanged atomically. */
const BEAT = `
const { workerData } = require('node:worker_threads');
const { slot, tickMs } = workerData;
let due = performance.now() + tickMs;
const beat = () => {
  const now = performance.now();
  // A timer may always be a millisecond late: it counts in whole ones.
  const late = Math.round(Math.max(0, now - due - 1) * 1000);
  let seen = Atomics.load(slot, 0);
  while (late > seen) {
    const before = Atomics.compareExchange(slot, 0, seen, late);
    if (before === seen) break;
    seen = before;
  }
  due = performance.now() + tickMs;
  setTimeout(beat, tickMs);
};
setTimeout(beat, tickMs);
`;

/** Starts one. */
export function startMetronome(): Metronome {
  const slot = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(BEAT, { eval: true, workerData: { slot, tickMs: TICK_MS } });
  return {
    worstLatenessMs: () => Atomics.exchange(slot, 0, 0) / 1000,
    async stop() {
      await worker.terminate();
    },
  };
}
