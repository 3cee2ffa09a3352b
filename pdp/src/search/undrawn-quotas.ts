/** Accounts as a question that nobody carries out sees them: looked at, never drawn on. */

import type { GuardReading } from '@portcullis/policy';
import type { QuotaGuard } from '@portcullis/policy/model';
import type { AccountUse, QuotaStore } from '../quota/port.js';

/**
 * What a reservation would find now. Bursts and the shape of a sliding window are not looked at, so a moment later the
 * store may still say no: it is asked again when it counts.
 */
export function createUndrawnQuotas(store: Pick<QuotaStore, 'read'>): QuotaStore {
  return {
    reserve: async ({ guards }) => {
      const uses = await store.read(guards);
      if (uses?.length !== guards.length) return { outcome: 'unknown', cause: 'store', readings: new Map() };
      const readings = new Map(guards.map((guard, index) => [guard.id, readingOf(guard, uses[index])] as const));
      const isExceeded = [...readings.values()].some(({ state }) => state !== 'granted');
      return { outcome: isExceeded ? 'exceeded' : 'granted', readings };
    },
    release: async () => undefined,
    settle: async () => [],
    read: (guards) => store.read(guards),
    close: async () => undefined,
  };
}

function readingOf({ estimate, limit }: QuotaGuard, use: AccountUse | undefined): GuardReading {
  if (use === undefined) return { state: 'unknown' };
  const { used } = use;
  // What only the call itself will tell needs room for anything at all.
  const hasRoom = estimate === null ? used < limit : used + estimate <= limit;
  return hasRoom ? { state: 'granted' } : { state: 'exceeded', used };
}
