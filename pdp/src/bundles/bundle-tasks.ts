/** What keeps the release up to date while the process runs: watch and poll, heartbeat, and the passing of time. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Task } from '@portcullis/runtime';
import type { ChannelReader } from '@portcullis/runtime/channel';
import type { ActiveReleases } from './active.js';
import { createBell } from './bell.js';
import type { BundleClient } from './bundle-client.js';
import type { NodeReports } from './node-reports.js';

/** Parts of {@link createBundleTasks}. */
export interface BundleTasksOptions {
  readonly client: BundleClient;
  readonly channel: Pick<ChannelReader, 'watch'>;
  readonly reports: NodeReports;
  readonly active: ActiveReleases;
  /** Average time between looks at the channel when nothing hints at a change; jittered by a fifth either way. */
  readonly pollMs: number;
  /** Told about every hint as well; must not throw. */
  readonly onHint: () => void;
  /** 0 up to 1; for jitter. */
  readonly random: () => number;
}

const HEARTBEAT_MS = 5_000;
const FRESHNESS_TICK_MS = 250;
/** Hints are free for whoever controls the channel; looks are not. */
const MIN_LOOK_INTERVAL_MS = 20;
const WATCH_BACKOFF_MIN_MS = 1_000;
const WATCH_BACKOFF_MAX_MS = 30_000;

/** The tasks of a bundle client. Each ends when its signal aborts. */
export function createBundleTasks(options: BundleTasksOptions): readonly Task[] {
  const { client, reports, active } = options;
  const bell = createBell();
  const jitter = (ms: number): number => ms * (0.8 + 0.4 * options.random());

  return [
    {
      name: 'bundles',
      run: async (signal) => {
        while (!signal.aborted) {
          await client.sync(signal);
          await pause(MIN_LOOK_INTERVAL_MS, signal);
          await bell.rung(jitter(options.pollMs), signal);
        }
      },
    },
    {
      name: 'bundle-hints',
      run: async (signal) => {
        let backoff = WATCH_BACKOFF_MIN_MS;
        while (!signal.aborted) {
          try {
            for await (const _hint of options.channel.watch(signal)) {
              backoff = WATCH_BACKOFF_MIN_MS;
              bell.ring();
              options.onHint();
            }
          } catch {
            // The poll goes on; the watch is started anew below, like one that ended quietly.
          }
          await pause(jitter(backoff), signal);
          backoff = Math.min(backoff * 2, WATCH_BACKOFF_MAX_MS);
        }
      },
    },
    {
      name: 'bundle-heartbeat',
      run: async (signal) => {
        while (!signal.aborted) {
          reports.heartbeat(client.trouble);
          await pause(HEARTBEAT_MS, signal);
        }
      },
    },
    {
      name: 'bundle-freshness',
      run: async (signal) => {
        while (!signal.aborted) {
          active.announce();
          await pause(FRESHNESS_TICK_MS, signal);
        }
      },
    },
  ];
}

/** Waits; an abort ends the wait early and is no error. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
