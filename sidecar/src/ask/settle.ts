/** Reports settlements in batches. Bounded, never blocks, and gives up rather than grow: evidence of the allow itself is the PDP's. */

import type { PdpConfig } from './config.js';
import type { Settlement } from './port.js';

/** The queue of settlements that wait to be reported. */
export interface SettleQueue {
  /** Takes one; when the queue is full the oldest is dropped and counted. */
  add(settlement: Settlement): void;
  /** Sends what is left, once, and stops. Resolves when that succeeded or failed; never rejects. */
  close(): Promise<void>;
}

/** What a settle queue needs. */
export interface SettleQueueOptions {
  readonly config: PdpConfig['settle'];
  /** Sends one batch to some PDP. Rejects when none took it. */
  readonly send: (batch: readonly Settlement[]) => Promise<void>;
  /** `count` settlements were given up. Must not throw. */
  readonly dropped: (count: number) => void;
}

/** The most settlements of one SettleRequest, by contract. */
export const MAX_BATCH = 256;
/** How often a batch is sent before it is given up. */
const MAX_ATTEMPTS = 3;

/** Creates an empty queue. */
export function createSettleQueue(options: SettleQueueOptions): SettleQueue {
  const { config, dropped } = options;
  const queue: Settlement[] = [];
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;
  let attempts = 0;
  let closed = false;
  /** Whether a batch failed since the queue was closed. */
  let refused = false;

  const schedule = (): void => {
    if (closed || queue.length === 0 || sending !== undefined) return;
    if (queue.length >= MAX_BATCH && attempts === 0) {
      flush();
      return;
    }
    timer ??= setTimeout(flush, config.flushMs);
  };
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    sending = sendBatch().finally(() => {
      sending = undefined;
      schedule();
    });
  };
  const sendBatch = async (): Promise<void> => {
    const batch = queue.splice(0, MAX_BATCH);
    if (batch.length === 0) return;
    try {
      await options.send(batch);
      attempts = 0;
    } catch {
      attempts += 1;
      // Reporting twice is harmless (the PDP knows the decision by its id); reporting for ever is not.
      if (attempts >= MAX_ATTEMPTS || closed) {
        attempts = 0;
        refused = closed;
        dropped(batch.length);
        return;
      }
      queue.unshift(...batch);
      trim();
    }
  };
  const trim = (): void => {
    const excess = queue.length - config.maxQueue;
    if (excess <= 0) return;
    queue.splice(0, excess);
    dropped(excess);
  };

  return {
    add(settlement) {
      if (closed) {
        dropped(1);
        return;
      }
      queue.push(settlement);
      trim();
      schedule();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await sending;
      while (queue.length > 0) {
        await sendBatch();
        // A PDP that takes its time to fail would, batch by batch, take all of a drain's.
        if (refused) break;
      }
      if (queue.length > 0) dropped(queue.splice(0).length);
    },
  };
}
