/**
 * Reports allows that this sidecar gave itself, until a PDP has recorded each of them (contracts §11). Nothing is dropped
 * to make room: while too many are unrecorded, or one for too long, no more may be given.
 */

import type { ReuseReport } from '@portcullis/proto';

/** The queue. */
export interface ReuseQueue {
  /** Whether one more may be given now. */
  readonly ready: boolean;
  /** Takes one that was given. */
  add(report: ReuseReport): void;
  /** Sends what is left, once, and stops. Resolves when that succeeded or failed; never rejects. */
  close(): Promise<void>;
}

/** What the queue needs. */
export interface ReuseQueueOptions {
  /** Longest wait before one is sent, milliseconds. */
  readonly flushMs: number;
  /** Sends one batch to some PDP. Rejects unless all of it is recorded there. */
  readonly send: (batch: readonly ReuseReport[]) => Promise<void>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** `count` of them were not recorded when the sidecar ended. Must not throw. */
  readonly lost: (count: number) => void;
}

/** The most of one SettleRequest, by contract. */
const MAX_BATCH = 256;
/** Given and not recorded, at most. */
export const MAX_UNRECORDED = 1_024;
/** Given and not recorded for longer, milliseconds: then none is given until they are. */
export const MAX_UNRECORDED_MS = 2_000;
const MAX_WAIT_MS = 1_000;

/** Starts empty. */
export function createReuseQueue({ flushMs, send, now, lost }: ReuseQueueOptions): ReuseQueue {
  let queue: { readonly report: ReuseReport; readonly at: number }[] = [];
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;
  let failures = 0;
  let closed = false;

  const sendBatch = async (): Promise<boolean> => {
    // Smaller each time: together they may be more than a PDP takes in one message.
    const batch = queue.slice(0, Math.max(1, Math.min(queue.length, MAX_BATCH) >> Math.min(failures, 30)));
    try {
      await send(batch.map(({ report }) => report));
    } catch {
      failures += 1;
      return false;
    }
    // Others may have been added behind them; recorded twice is harmless, the PDP knows them by their ids.
    queue = queue.slice(batch.length);
    failures = 0;
    return true;
  };
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (sending !== undefined || queue.length === 0) return;
    sending = sendBatch().then(() => {
      sending = undefined;
      schedule();
    });
  };
  const schedule = (): void => {
    if (closed || queue.length === 0 || sending !== undefined) return;
    if (queue.length >= MAX_BATCH && failures === 0) flush();
    else timer ??= setTimeout(flush, Math.min(MAX_WAIT_MS, flushMs * 2 ** Math.min(failures, 10)));
  };

  return {
    get ready() {
      const [oldest] = queue;
      return (
        !closed && queue.length < MAX_UNRECORDED && (oldest === undefined || now() - oldest.at < MAX_UNRECORDED_MS)
      );
    },
    add(report) {
      queue.push({ report, at: now() });
      schedule();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await sending;
      while (queue.length > 0 && (await sendBatch())) {
        // The next one.
      }
      if (queue.length > 0) lost(queue.splice(0).length);
    },
  };
}
