import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createDelayLine } from './delay-line.js';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

interface Line {
  readonly out: (readonly [item: number, at: number])[];
  readonly add: (item: number) => void;
  readonly close: () => readonly number[];
}

function line(delayMs: number): Line {
  const out: (readonly [number, number])[] = [];
  const made = createDelayLine<number>({
    delayMs,
    now: () => performance.now(),
    due: (items) => {
      for (const item of items) out.push([item, performance.now() - start]);
    },
  });
  const start = performance.now();
  return {
    out,
    add: (item) => {
      made.add(item);
    },
    close: () => made.close(),
  };
}

describe('a delay line', () => {
  test('holds nothing that it has handed out, however much is added behind it', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const made = createDelayLine<object>({ delayMs: 50, now: () => performance.now(), due: () => undefined });
    const handedOut = ((): WeakRef<object> => {
      const item = { large: new Uint8Array(1_000) };
      made.add(item);
      return new WeakRef(item);
    })();
    await jest.advanceTimersByTimeAsync(40);
    made.add({});
    await jest.advanceTimersByTimeAsync(20);
    jest.useRealTimers();
    // A weak reference holds its target to the end of the turn in which it was made.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect(handedOut.deref()).toBeUndefined();
    expect(made.close()).toHaveLength(1);
  });

  test('hands each item out once, in order, never early and within a few milliseconds', async () => {
    const { add, out } = line(50);
    const addedAt: number[] = [];
    const start = performance.now();
    for (let item = 0; item < 3000; item += 1) {
      add(item);
      addedAt.push(performance.now() - start);
      if (item % 7 === 0) await jest.advanceTimersByTimeAsync(item % 5);
    }
    await jest.advanceTimersByTimeAsync(200);
    expect(out.map(([item]) => item)).toEqual(Array.from({ length: 3000 }, (_, item) => item));
    for (const [item, at] of out) {
      expect(at - (addedAt[item] ?? 0)).toBeGreaterThanOrEqual(50);
      expect(at - (addedAt[item] ?? 0)).toBeLessThanOrEqual(55);
    }
  });

  test('takes items that are added while others are handed out', async () => {
    const out: number[] = [];
    const made = createDelayLine<number>({
      delayMs: 10,
      now: () => performance.now(),
      due: (items) => {
        for (const item of items) {
          out.push(item);
          if (item < 5) made.add(item + 1);
        }
      },
    });
    made.add(1);
    await jest.advanceTimersByTimeAsync(100);
    expect(out).toEqual([1, 2, 3, 4, 5]);
  });

  test('has no timer while it is empty', async () => {
    const { add } = line(10);
    expect(jest.getTimerCount()).toBe(0);
    add(1);
    await jest.advanceTimersByTimeAsync(20);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('gives back what is inside when it is closed, and hands out nothing more', async () => {
    const { add, out, close } = line(10);
    add(1);
    await jest.advanceTimersByTimeAsync(5);
    add(2);
    await jest.advanceTimersByTimeAsync(7);
    expect(close()).toEqual([2]);
    add(3);
    await jest.advanceTimersByTimeAsync(100);
    expect(out.map(([item]) => item)).toEqual([1]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
