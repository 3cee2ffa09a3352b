import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Settlement } from './port.js';
import { createSettleQueue, MAX_BATCH, type SettleQueue } from './settle.js';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

interface Rig {
  readonly queue: SettleQueue;
  readonly batches: string[][];
  dropped: number;
  /** What the next sends do. */
  send: () => Promise<void>;
}

function rig(maxQueue: number = 1000): Rig {
  const batches: string[][] = [];
  const made: Rig = {
    queue: createSettleQueue({
      config: { flushMs: 100, maxQueue, deadlineMs: 1000 },
      send: (batch) => {
        batches.push(batch.map(({ decision_id: id }) => id));
        return made.send();
      },
      dropped: (count) => {
        made.dropped += count;
      },
    }),
    batches,
    dropped: 0,
    send: () => Promise.resolve(),
  };
  return made;
}

function settlement(n: number): Settlement {
  return { decision_id: `d${n}`, request_digest: 'ab'.repeat(32), outcome: 'forwarded', duration_ms: n };
}

function ids(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, n) => `d${from + n}`);
}

function fill({ queue }: Rig, from: number, to: number): void {
  for (let n = from; n < to; n += 1) queue.add(settlement(n));
}

describe('settlements', () => {
  test('wait for company, at most so long', async () => {
    const made = rig();
    fill(made, 0, 3);
    await jest.advanceTimersByTimeAsync(99);
    expect(made.batches).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(made.batches).toEqual([ids(0, 3)]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('go at once when a batch is full, and never in larger ones', async () => {
    const made = rig();
    fill(made, 0, MAX_BATCH + 5);
    await jest.advanceTimersByTimeAsync(0);
    expect(made.batches).toEqual([ids(0, MAX_BATCH)]);
    await jest.advanceTimersByTimeAsync(100);
    expect(made.batches[1]).toEqual(ids(MAX_BATCH, MAX_BATCH + 5));
  });

  test('are sent again when nobody took them, three times, and then given up', async () => {
    const made = rig();
    made.send = () => Promise.reject(new Error('no'));
    fill(made, 0, 2);
    await jest.advanceTimersByTimeAsync(1000);
    expect(made.batches).toEqual([ids(0, 2), ids(0, 2), ids(0, 2)]);
    expect(made.dropped).toBe(2);
  });

  test('survive one failure in order and without loss', async () => {
    const made = rig();
    made.send = () => Promise.reject(new Error('no'));
    fill(made, 0, 2);
    await jest.advanceTimersByTimeAsync(100);
    made.send = () => Promise.resolve();
    fill(made, 2, 4);
    await jest.advanceTimersByTimeAsync(100);
    expect(made.batches.at(-1)).toEqual(ids(0, 4));
    expect(made.dropped).toBe(0);
  });

  test('are dropped oldest first when the queue is full, and counted', async () => {
    const made = rig(10);
    made.send = () => new Promise(() => undefined);
    fill(made, 0, 1);
    await jest.advanceTimersByTimeAsync(100);
    fill(made, 1, 31);
    expect(made.dropped).toBe(20);
  });

  test('are sent when the queue closes; what fails then is counted', async () => {
    const made = rig();
    fill(made, 0, 2);
    await made.queue.close();
    expect(made.batches).toEqual([ids(0, 2)]);
    made.queue.add(settlement(9));
    expect(made.dropped).toBe(1);
    const failing = rig();
    failing.send = () => Promise.reject(new Error('no'));
    fill(failing, 0, 2);
    await failing.queue.close();
    expect(failing.dropped).toBe(2);
    const long = rig();
    long.send = () => Promise.reject(new Error('no'));
    fill(long, 0, 3 * MAX_BATCH);
    await long.queue.close();
    // One in flight when it closed, one after that; the rest would only have taken time.
    expect(long.batches.length).toBeLessThanOrEqual(2);
    expect(long.dropped).toBe(3 * MAX_BATCH);
    expect(jest.getTimerCount()).toBe(0);
  });
});
