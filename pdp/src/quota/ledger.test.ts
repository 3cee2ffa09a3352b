import { beforeEach, describe, expect, test } from '@jest/globals';
import { createLogger } from '@portcullis/runtime';
import { createFakeClock, type FakeClock } from '../fixtures/fake-clock.js';
import { createQuotaLedger, type QuotaLedger } from './ledger.js';
import { createMemoryQuotaStore } from './memory.js';
import type { QuotaStore } from './port.js';
import { guardOf } from './store-contract.js';

let clock: FakeClock;
let store: QuotaStore;
let ledger: QuotaLedger;
let lines: { details: { quota: string; share: number; used: number } }[];
let warnings: number;

function open(changes: { readonly store?: QuotaStore; readonly maxAccounts?: number } = {}): QuotaLedger {
  const log = createLogger({ component: 'test', level: 'warn' });
  return createQuotaLedger({
    store,
    clock,
    observer: {
      quotaWarned: () => {
        warnings += 1;
      },
    },
    log: Object.assign(Object.create(log) as typeof log, {
      warn: (fields: (typeof lines)[number]) => lines.push(fields),
    }),
    ...changes,
  });
}

beforeEach(() => {
  clock = createFakeClock();
  store = createMemoryQuotaStore({ clock, leaseMs: 60_000, maxAccounts: 1_000, maxReservations: 1_000 });
  lines = [];
  warnings = 0;
  ledger = open();
});

const GUARD = guardOf('rate', { limit: 10, window_seconds: 60, warn_at: [0.5, 0.8] });
let asked = 0;
async function draw(count: number, guard = GUARD): Promise<void> {
  for (let drawn = 0; drawn < count; drawn += 1) {
    asked += 1;
    await ledger.store.reserve({ key: `k${asked}`, holder: `of-k${asked}`, guards: [guard] });
    // The look is made in a turn of its own.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
  }
}
const shares = (): readonly number[] => lines.map(({ details }) => details.share);

describe('a warning', () => {
  test('is given when a share of the limit is reached, once per window', async () => {
    await draw(4);
    expect(shares()).toEqual([]);
    await draw(1);
    expect(shares()).toEqual([0.5]);
    await draw(2);
    expect(shares()).toEqual([0.5]);
    await draw(3);
    expect(shares()).toEqual([0.5, 0.8]);
    expect(lines[1]?.details).toMatchObject({ quota: 'platform/limits/rate', used: 8, limit: 10 });
    expect(warnings).toBe(2);
  });

  test('is given again in another window', async () => {
    await draw(6);
    clock.advance(62_000);
    await draw(6);
    expect(shares()).toEqual([0.5, 0.5]);
  });

  test('counts what was reported after the call as well', async () => {
    const tokens = guardOf('tokens', {
      kind: 'tokens',
      limit: 1_000,
      window_seconds: 60,
      warn_at: [0.5],
      estimate: null,
    });
    await draw(1, tokens);
    await ledger.store.settle([{ holder: `of-k${asked}`, unused: false, actual: { tokens: 600 } }]);
    await draw(1, tokens);
    expect(shares()).toEqual([0.5]);
  });

  test('is not given for a quota that asks for none, nor by a store that cannot tell', async () => {
    const { warn_at: _none, ...silent } = GUARD;
    await draw(9, silent);
    ledger = open({ store: { ...store, read: async () => undefined } });
    await draw(1);
    expect(lines).toEqual([]);
  });
});

describe('usage', () => {
  test('names every account that was met, the last used first', async () => {
    const other = guardOf('rate', {
      limit: 10,
      window_seconds: 60,
      account: [
        ['tenant', 'rival'],
        ['user', null],
      ],
    });
    await draw(2);
    await draw(1, other);
    await draw(1);
    expect(await ledger.usage()).toEqual([
      {
        quota: 'platform/limits/rate',
        kind: 'requests',
        account: { tenant: 'acme' },
        unit: 'requests',
        limit: 10,
        window_seconds: 60,
        used: 3,
        resets_at: expect.stringMatching(/^\d{4}-/),
      },
      expect.objectContaining({ account: { tenant: 'rival', user: null }, used: 1 }),
    ]);
  });

  test('is not known where the store cannot tell', async () => {
    ledger = open({ store: { ...store, read: async () => undefined } });
    await draw(1);
    expect(await ledger.usage()).toBeUndefined();
  });

  test('is remembered of so many accounts, and no more', async () => {
    ledger = open({ maxAccounts: 2 });
    for (const tenant of ['a', 'b', 'c']) await draw(1, guardOf('rate', { limit: 10, account: [['tenant', tenant]] }));
    expect((await ledger.usage())?.map(({ account }) => account['tenant'])).toEqual(['c', 'b']);
  });
});
