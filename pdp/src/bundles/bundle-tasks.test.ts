import { describe, expect, test } from '@jest/globals';
import { runTasks } from '@portcullis/runtime';
import { createInProcessChannel } from '@portcullis/runtime/channel';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createReportRecorder } from '../fixtures/recorders.js';
import { createActiveReleases } from './active.js';
import type { BundleClient } from './bundle-client.js';
import { createBundleTasks } from './bundle-tasks.js';
import { FRESHNESS_PROFILES } from './freshness.js';

/** A client that lets the test wait for the n-th look at the channel. */
function countingClient(): BundleClient & { looks(count: number): Promise<void> } {
  let count = 0;
  let wake: (() => void) | undefined;
  return {
    restore: async () => undefined,
    sync: async () => {
      count += 1;
      wake?.();
      return 'unchanged';
    },
    trusted: undefined,
    trouble: 'unavailable: nobody answers',
    looks: async (wanted) => {
      while (count < wanted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

function start(pollMs: number) {
  const channel = createInProcessChannel();
  const client = countingClient();
  const reports = createReportRecorder();
  const active = createActiveReleases(createFakeClock(), FRESHNESS_PROFILES.standard);
  const stop = new AbortController();
  const running = runTasks(
    createBundleTasks({ client, channel, reports, active, pollMs, random: () => 0.5, onHint: () => undefined }),
    stop.signal,
  );
  return { channel, client, reports, stop, running };
}

describe('the bundle tasks', () => {
  test('look at once, and again at a hint, long before the poll is due', async () => {
    const { channel, client, reports, stop, running } = start(600_000);
    await client.looks(1);
    await channel.hint(stop.signal);
    await client.looks(2);
    expect(reports.lines[0]).toBe('heartbeat unavailable: nobody answers');
    stop.abort();
    await running;
  });

  test('poll when the channel is closed and nobody hints any more', async () => {
    const { channel, client, stop, running } = start(100);
    await channel.close();
    await client.looks(4);
    stop.abort();
    await expect(running).resolves.toBeUndefined();
  });

  test('end when they are told to', async () => {
    const { stop, running } = start(600_000);
    stop.abort();
    await expect(running).resolves.toBeUndefined();
  });
});
