import { describe, expect, test } from '@jest/globals';
import { createBackoff } from './backoff.js';
import { createHedgeBudget } from './hedge.js';
import { createLatency, LATENCY_FLOOR_MS } from './latency.js';

describe('expected latency', () => {
  test('rises at once and falls slowly', () => {
    const latency = createLatency(1000);
    latency.observe(0.3, 0);
    latency.observe(50, 10);
    expect(latency.at(10)).toBe(50);
    latency.observe(0.3, 20);
    expect(latency.at(20)).toBeGreaterThan(45);
    for (let now = 30; now <= 5000; now += 10) latency.observe(0.3, now);
    expect(latency.at(5000)).toBeLessThan(1);
  });

  test('fades while nothing is measured, to the floor and not below', () => {
    const latency = createLatency(1000);
    latency.observe(50, 0);
    expect(latency.at(1000)).toBeCloseTo(50 / Math.E, 5);
    expect(latency.at(1e9)).toBe(LATENCY_FLOOR_MS);
  });

  test('is at its worst right after the worst sample, whatever came before', () => {
    const latency = createLatency(1000);
    latency.observe(100, 0);
    latency.observe(20, 3000);
    expect(latency.at(3000)).toBe(20);
  });
});

describe('back-off', () => {
  test.each([
    ['shortest', (): number => 0, [50, 100, 200, 400, 500, 500]],
    ['longest', (): number => 0.999_999, [100, 200, 400, 800, 1000, 1000]],
  ] as const)('doubles up to its limit: %s waits', (_name, random, waits) => {
    const backoff = createBackoff(100, 1000, random);
    expect(waits.map(() => backoff.next())).toEqual(waits);
    backoff.reset();
    expect(backoff.next()).toBe(waits[0]);
  });
});

describe('the hedge budget', () => {
  test('allows the burst, then the ratio', () => {
    const budget = createHedgeBudget(0.1, 5);
    const spent = (questions: number): number => {
      let count = 0;
      for (let n = 0; n < questions; n += 1) {
        budget.earn();
        if (budget.spend()) count += 1;
      }
      return count;
    };
    expect(spent(1000)).toBeLessThanOrEqual(5 + 100);
    expect(spent(1000)).toBeGreaterThanOrEqual(99);
    expect(spent(1000)).toBeLessThanOrEqual(101);
  });

  test('saves up no more than the burst', () => {
    const budget = createHedgeBudget(1, 3);
    for (let n = 0; n < 100; n += 1) budget.earn();
    expect([1, 2, 3, 4].map(() => budget.spend())).toEqual([true, true, true, false]);
  });

  test('of nothing allows nothing', () => {
    const budget = createHedgeBudget(0, 0);
    budget.earn();
    expect(budget.spend()).toBe(false);
  });
});
