import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createMemoryQuotaStore, type MemoryStoreOptions } from './memory.js';
import type { QuotaStore } from './port.js';
import { CONTRACT_LEASE_MS, guardOf, quotaStoreContract } from './store-contract.js';

function storeWith(clock: MemoryStoreOptions['clock'], changes: Partial<MemoryStoreOptions> = {}): QuotaStore {
  const limits = { maxAccounts: 1_000, maxReservations: 1_000 };
  return createMemoryQuotaStore({ clock, leaseMs: CONTRACT_LEASE_MS, ...limits, ...changes });
}

describe('accounts in memory keep the contract:', () => {
  test.each(quotaStoreContract)('$name', async ({ check }) => {
    const clock = createFakeClock();
    const store = storeWith(clock);
    await expect(check({ clients: [store], pass: async (ms) => clock.advance(ms) })).resolves.toBeUndefined();
    await store.close();
  });
});

type Step =
  | { readonly do: 'ask' | 'release' | 'settle' | 'return'; readonly key: number; readonly holder: number }
  | { readonly do: 'pass'; readonly ms: number };

const steps = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constantFrom(
        'ask' as const,
        'ask' as const,
        'ask' as const,
        'release' as const,
        'settle' as const,
        'return' as const,
      ),
      key: fc.integer({ min: 0, max: 25 }),
      holder: fc.integer({ min: 0, max: 2 }),
    }),
    fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 900 }) }),
  ) satisfies fc.Arbitrary<Step>,
  { maxLength: 120 },
);

describe('whatever the order of asking, repeating, releasing and settling', () => {
  test('no window of the length ever holds more than the limit, and nothing stays drawn', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), async (script, limit) => {
        const clock = createFakeClock();
        const store = storeWith(clock);
        const rate = guardOf('rate', { limit });
        /** Attempts that may be carried out: when each was first granted, and who holds it. */
        const live = new Map<number, { readonly at: number; readonly holders: Set<number> }>();
        const carriedOut: number[] = [];
        const over = (): boolean => {
          const times = [...carriedOut, ...[...live.values()].map(({ at }) => at)].toSorted((a, b) => a - b);
          return times.some((at, index) => (times[index + limit] ?? Number.POSITIVE_INFINITY) - at < 1_000);
        };
        for (const step of script) {
          if (step.do === 'pass') {
            clock.advance(step.ms);
            continue;
          }
          const key = `k${step.key}`;
          const holder = `${key}-d${step.holder}`;
          if (step.do === 'ask') {
            const { outcome } = await store.reserve({ key, holder, guards: [rate] });
            if (outcome !== 'granted') continue;
            const known = live.get(step.key) ?? { at: clock.monotonic(), holders: new Set() };
            // The attempt of an ended lease is another one.
            if (clock.monotonic() - known.at >= CONTRACT_LEASE_MS) {
              carriedOut.push(known.at);
              live.set(step.key, { at: clock.monotonic(), holders: new Set([step.holder]) });
            } else {
              known.holders.add(step.holder);
              live.set(step.key, known);
            }
          } else if (step.do === 'release') {
            await store.release(key, holder);
            const known = live.get(step.key);
            if (known === undefined || clock.monotonic() - known.at >= CONTRACT_LEASE_MS) continue;
            if (known.holders.delete(step.holder) && known.holders.size === 0) live.delete(step.key);
          } else {
            const known = live.get(step.key);
            const [holds = step.holder] = known?.holders ?? [];
            await store.settle([{ holder: `${key}-d${holds}`, unused: step.do === 'return', actual: {} }]);
            if (known === undefined) continue;
            const isKnownThere = clock.monotonic() - known.at < CONTRACT_LEASE_MS;
            if (step.do === 'settle' || !isKnownThere) carriedOut.push(known.at);
            live.delete(step.key);
          }
          expect(over()).toBe(false);
        }
        clock.advance(1_100);
        for (let index = 0; index < limit; index += 1) {
          const { outcome } = await store.reserve({ key: `after${index}`, holder: 'd', guards: [rate] });
          expect(outcome).toBe('granted');
        }
      }),
      { numRuns: 300 },
    );
  });
});

test('remembers only so many decisions, however often one attempt is repeated', async () => {
  const clock = createFakeClock();
  const store = createMemoryQuotaStore({ clock, leaseMs: 1_000, maxAccounts: 9, maxReservations: 2 });
  const found: string[] = [];
  for (let repeat = 0; repeat < 10; repeat += 1) {
    found.push((await store.reserve({ key: 'k', holder: `d${repeat}`, guards: [guardOf('rate')] })).outcome);
  }
  expect(found).toEqual([...Array(8).fill('granted'), 'unknown', 'unknown']);
  clock.advance(2_000);
  expect((await store.reserve({ key: 'l', holder: 'e', guards: [guardOf('rate')] })).outcome).toBe('granted');
});

test.each(Array.from({ length: 40 }, (_, offset) => [offset]))(
  'drawn %i ms after the clock began, it is free a slice after its window at most, and never before',
  async (offset) => {
    const clock = createFakeClock(1_700_000_000_000);
    const store = storeWith(clock);
    const ask = async (key: string): Promise<string> =>
      (await store.reserve({ key, holder: 'd', guards: [guardOf('rate', { limit: 1 })] })).outcome;
    clock.advance(offset);
    expect(await ask('a')).toBe('granted');
    clock.advance(999);
    expect(await ask('b')).toBe('exceeded');
    clock.advance(18);
    expect(await ask('b')).toBe('granted');
  },
);

describe('a store that is full', () => {
  test('knows of no account more until one is not in use any more', async () => {
    const clock = createFakeClock();
    const store = storeWith(clock, { maxAccounts: 2 });
    const ask = async (tenant: string): Promise<string> => {
      const guards = [guardOf('rate', { account: [['tenant', tenant]] })];
      return (await store.reserve({ key: tenant, holder: 'd', guards })).outcome;
    };
    expect([await ask('a'), await ask('b'), await ask('c')]).toEqual(['granted', 'granted', 'unknown']);
    clock.advance(1_100);
    expect(await ask('c')).toBe('granted');
  });

  test('knows of no attempt more until one is forgotten', async () => {
    const clock = createFakeClock();
    const store = storeWith(clock, { maxReservations: 2 });
    const ask = async (key: string): Promise<string> =>
      (await store.reserve({ key, holder: 'd', guards: [guardOf('rate', { limit: 9 })] })).outcome;
    expect([await ask('a'), await ask('b'), await ask('c'), await ask('a')]).toEqual([
      'granted',
      'granted',
      'unknown',
      'granted',
    ]);
    clock.advance(1_100);
    expect(await ask('c')).toBe('granted');
  });
});

test('a wall clock that is set changes nothing', async () => {
  const clock = createFakeClock();
  const store = storeWith(clock);
  const ask = async (key: string): Promise<string> =>
    (await store.reserve({ key, holder: 'd', guards: [guardOf('rate', { limit: 1 })] })).outcome;
  expect(await ask('a')).toBe('granted');
  clock.stepWall(86_400_000);
  expect(await ask('b')).toBe('exceeded');
});
