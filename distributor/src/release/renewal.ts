/** The loops that keep the repository alive: a new timestamp now and then, and channels that are looked after. */

import { setTimeout as pause } from 'node:timers/promises';
import { LOG_FIELD, type Logger, type Task } from '@portcullis/runtime';
import type { Delivery } from '../channel/delivery.js';
import type { Publisher } from './publisher.js';

/** Waits; returns early when `signal` aborts. */
async function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => undefined);
}

/**
 * Signs a new timestamp every `refreshMs`. A refusal (a clock that went back, a disk that is full) is logged and tried
 * again: PDPs go stale and then deny by themselves, which is the right end of a repository that nobody vouches for.
 */
export function renewalTask(publisher: Pick<Publisher, 'renew'>, refreshMs: number, log: Logger): Task {
  return {
    name: 'renewal',
    async run(signal) {
      while (!signal.aborted) {
        await pauseFor(refreshMs, signal);
        if (signal.aborted) return;
        await publisher
          .renew()
          .catch((error: unknown) => log.error({ [LOG_FIELD.error]: error }, 'Timestamp not signed'));
      }
    },
  };
}

/** Compares channels with the repository every `intervalMs`, in full every `deepEvery` times. */
export function antiEntropyTask(
  delivery: Pick<Delivery, 'reconcile'>,
  options: { readonly intervalMs: number; readonly deepEvery: number },
): Task {
  return {
    name: 'anti-entropy',
    async run(signal) {
      for (let round = 1; !signal.aborted; round += 1) {
        await pauseFor(options.intervalMs, signal);
        if (!signal.aborted) await delivery.reconcile(round % options.deepEvery === 0);
      }
    },
  };
}
