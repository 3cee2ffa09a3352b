import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { type Candidate, choose, FULL_SCAN_LIMIT } from './choose.js';

const candidate: fc.Arbitrary<Candidate> = fc.record({
  rank: fc.constantFrom(0, 1, 2),
  inFlight: fc.nat(100),
  latencyMs: fc.double({ min: 0.05, max: 100, noNaN: true }),
});
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

function cost({ inFlight, latencyMs }: Candidate): number {
  return (inFlight + 1) * latencyMs;
}

describe('the choice', () => {
  test('of nobody is nobody', () => {
    expect(choose([], Math.random)).toBeUndefined();
  });

  test.each([
    ['the shorter queue', { rank: 0, inFlight: 3, latencyMs: 1 }, { rank: 0, inFlight: 2, latencyMs: 1 }],
    ['the faster PDP', { rank: 0, inFlight: 1, latencyMs: 5 }, { rank: 0, inFlight: 3, latencyMs: 1 }],
    ['one that serves a release', { rank: 1, inFlight: 0, latencyMs: 1 }, { rank: 0, inFlight: 90, latencyMs: 50 }],
    ['a suspect last', { rank: 2, inFlight: 0, latencyMs: 1 }, { rank: 1, inFlight: 90, latencyMs: 50 }],
  ] as const)('prefers %s', (_name, worse, better) => {
    for (const at of [0, 0.5, 0.99]) {
      expect(choose([worse, better], () => at)).toBe(better);
      expect(choose([better, worse], () => at)).toBe(better);
    }
  });

  test('among few is the cheapest of the best rank', () => {
    fc.assert(
      fc.property(fc.array(candidate, { minLength: 1, maxLength: FULL_SCAN_LIMIT }), random, (all, at) => {
        const chosen = choose(all, () => at);
        const rank = Math.min(...all.map((one) => one.rank));
        const cheapest = Math.min(...all.filter((one) => one.rank === rank).map(cost));
        expect(chosen?.rank).toBe(rank);
        expect(chosen === undefined ? undefined : cost(chosen)).toBe(cheapest);
      }),
    );
  });

  test('among many is of the best rank, and never the dearest of them', () => {
    fc.assert(
      fc.property(
        fc.array(candidate, { minLength: FULL_SCAN_LIMIT + 1, maxLength: 60 }),
        random,
        random,
        (all, a, b) => {
          const draws = [a, b];
          const chosen = choose(all, () => draws.shift() ?? 0);
          const rank = Math.min(...all.map((one) => one.rank));
          const peers = all.filter((one) => one.rank === rank);
          expect(chosen?.rank).toBe(rank);
          const costs = peers.map(cost).sort((x, y) => x - y);
          // Two different ones were compared, so at least one costs no less than the chosen one.
          const dearer = peers.filter((one) => one !== chosen && chosen !== undefined && cost(one) >= cost(chosen));
          expect(costs.length === 1 || dearer.length > 0).toBe(true);
        },
      ),
    );
  });

  test('shares work among equals', () => {
    const equals = ['a', 'b', 'c'].map((name) => ({ name, rank: 0, inFlight: 0, latencyMs: 1 }) as const);
    const chosen = [0, 0.34, 0.67].map((at) => choose(equals, () => at)?.name);
    expect(new Set(chosen).size).toBe(3);
  });
});
