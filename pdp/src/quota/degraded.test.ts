import { describe, expect, test } from '@jest/globals';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createDegradedQuotaStore } from './degraded.js';
import { createMemoryQuotaStore } from './memory.js';
import type { QuotaStore, UnknownCause } from './port.js';
import { guardOf } from './store-contract.js';

function subject(share: number): { readonly store: QuotaStore; fail(cause: UnknownCause | undefined): void } {
  const clock = createFakeClock();
  const memory = (): QuotaStore =>
    createMemoryQuotaStore({ clock, leaseMs: 1_000, maxAccounts: 100, maxReservations: 100 });
  const shared = memory();
  let cause: UnknownCause | undefined;
  const failing: QuotaStore = {
    ...shared,
    reserve: async (claim) =>
      cause === undefined ? shared.reserve(claim) : { outcome: 'unknown', cause, readings: new Map() },
  };
  return {
    store: createDegradedQuotaStore(failing, memory(), share),
    fail: (next) => {
      cause = next;
    },
  };
}

async function granted(store: QuotaStore, count: number, name: string, limit = 9): Promise<number> {
  let found = 0;
  for (let index = 0; index < count; index += 1) {
    const guards = [guardOf('rate', { limit, window_seconds: 60 })];
    const { outcome } = await store.reserve({ key: `${name}${index}`, holder: `d-${name}${index}`, guards });
    if (outcome === 'granted') found += 1;
  }
  return found;
}

describe('a degraded store', () => {
  test('asks the shared accounts while they answer', async () => {
    expect(await granted(subject(1 / 3).store, 20, 'k')).toBe(9);
  });

  test.each(['store', 'warm_up', 'full'] as const)('gives out its own share when the cause is %s', async (cause) => {
    const { store, fail } = subject(1 / 3);
    fail(cause);
    expect(await granted(store, 20, 'k')).toBe(3);
  });

  test('gives out nothing where the share of the limit is less than one', async () => {
    const { store, fail } = subject(1 / 3);
    fail('store');
    expect(await granted(store, 5, 'k', 2)).toBe(0);
  });

  test.each(['settled', 'guard'] as const)('does not help out when the cause is %s', async (cause) => {
    const { store, fail } = subject(1);
    fail(cause);
    expect(await granted(store, 3, 'k')).toBe(0);
  });

  test('gives its own share back, too', async () => {
    const { store, fail } = subject(1 / 9);
    fail('store');
    expect(await granted(store, 2, 'k')).toBe(1);
    await store.release('k0', 'd-k0');
    expect(await granted(store, 1, 'l')).toBe(1);
    await store.settle([{ holder: 'd-l0', unused: true, actual: {} }]);
    expect(await granted(store, 1, 'm')).toBe(1);
  });
});
