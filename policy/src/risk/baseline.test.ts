import { describe, expect, test } from '@jest/globals';
import { baselineAt, type Counters, faded, type HalfLives, incrementsOf } from './baseline.js';
import { callOf } from './testing/subjects.js';

const HOUR = 3_600_000;
const HALF_LIVES: HalfLives = { habitMs: 24 * HOUR, recentMs: 300_000, amountMs: HOUR };

/** The counters after the same attempt every `everyMs`, `count` times. */
function after(
  count: number,
  everyMs: number,
  amount: number | string = 10,
): { readonly counters: Counters; readonly now: number } {
  const counters = new Map<string, { readonly value: number; readonly at: number }>();
  const increments = incrementsOf(
    { ...callOf('pay'), tool: { server: 'bank', name: 'pay', arguments: { amount, to: 'a@acme.test' } } },
    true,
    HALF_LIVES,
  );
  for (let step = 0; step < count; step += 1) {
    const at = step * everyMs;
    for (const { counter, by, halfLifeMs } of increments) {
      const known = counters.get(counter);
      counters.set(counter, { value: (known === undefined ? 0 : faded(known, at, halfLifeMs)) + by, at });
    }
  }
  return { counters, now: (count - 1) * everyMs };
}

describe('baselines', () => {
  test('a counter halves in its half-life, and a clock that goes back changes nothing', () => {
    expect(faded({ value: 8, at: 1_000 }, 1_000 + 2 * HOUR, HOUR)).toBe(2);
    expect(faded({ value: 8, at: 1_000 }, 0, HOUR)).toBe(8);
  });

  test('an agent that was never seen has none', () => {
    expect(baselineAt(new Map(), undefined, 0, HALF_LIVES)).toBeUndefined();
    expect(baselineAt(new Map(), 0, 0, HALF_LIVES)).toBeUndefined();
  });

  test('a steady rate is found, usual and recent, early and late', () => {
    for (const count of [120, 3_000]) {
      const { counters, now } = after(count, 30_000);
      const baseline = baselineAt(counters, 0, now, HALF_LIVES);
      expect(baseline?.usualPerMinute).toBeGreaterThan(1.9);
      expect(baseline?.usualPerMinute).toBeLessThan(2.2);
      expect(baseline?.recentPerMinute).toBeGreaterThan(1.8);
      expect(baseline?.recentPerMinute).toBeLessThan(2.5);
    }
  });

  test('what was allowed becomes a habit', () => {
    const { counters, now } = after(10, 60_000);
    expect(baselineAt(counters, 0, now, HALF_LIVES)).toMatchObject({
      tools: new Map([['bank/pay', expect.any(Number)]]),
      hosts: new Map([['acme.test', expect.any(Number)]]),
      usualAmount: expect.closeTo(10, 6),
      recentDenials: 0,
    });
  });

  test.each([1e308, '1e308'])('%j added up stays a number: habits are compared with as before', (amount) => {
    const { counters, now } = after(20, 1_000, amount);
    const baseline = baselineAt(counters, 0, now, HALF_LIVES);
    expect([baseline?.recentAmount, baseline?.usualAmount].map(Number.isFinite)).toEqual([true, true]);
    // A year later it is forgotten like any other.
    expect(baselineAt(counters, 0, now + 8_760 * HOUR, HALF_LIVES)?.recentAmount).toBeCloseTo(0);
  });

  test('what was denied does not: trying makes no habit', () => {
    const names = incrementsOf(callOf('delete_all'), false, HALF_LIVES).map(({ counter }) => counter);
    expect(names).toEqual(['attempts', 'recent', 'denials']);
  });

  test('accounts and telephone numbers are not kept in the clear', () => {
    const request = { ...callOf('pay'), tool: { name: 'pay', arguments: { recipient: 'DE89370400440532013000' } } };
    const names = incrementsOf(request, true, HALF_LIVES).map(({ counter }) => counter);
    expect(names.find((name) => name.startsWith('host:'))).toMatch(/^host:#[0-9a-f]{16}$/);
  });
});
