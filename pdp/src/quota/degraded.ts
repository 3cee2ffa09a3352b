/** While the shared accounts cannot be read, this PDP gives out its own share of every quota, and no more. */

import type { QuotaGuard } from '@portcullis/policy/model';
import type { QuotaStore } from './port.js';

/**
 * @param share the part of every limit that this PDP may give out by itself, above 0 and at most 1: 1/N for N PDPs
 */
export function createDegradedQuotaStore(shared: QuotaStore, own: QuotaStore, share: number): QuotaStore {
  return {
    reserve: async (claim) => {
      const reservation = await shared.reserve(claim);
      if (reservation.outcome !== 'unknown') return reservation;
      // These are answers: the attempt is over, or the quota makes no sense.
      if (reservation.cause === 'settled' || reservation.cause === 'guard') return reservation;
      return own.reserve({ ...claim, guards: claim.guards.map((guard) => shareOf(guard, share)) });
    },
    release: async (key, holder) => {
      await Promise.all([own.release(key, holder), shared.release(key, holder)]);
    },
    settle: async (uses) => {
      const [mine, theirs] = await Promise.all([own.settle(uses), shared.settle(uses)]);
      // Each attempt is known to one of them.
      return theirs.map((outcome, index) => {
        const at = mine[index];
        return at === undefined || at === 'unknown' ? outcome : at;
      });
    },
    // The own share is no use that anybody should plan with.
    read: (guards) => shared.read(guards),
    close: async () => {
      await Promise.all([own.close(), shared.close()]);
    },
  };
}

function shareOf(guard: QuotaGuard, share: number): QuotaGuard {
  const part = (limit: number): number => (guard.kind === 'cost' ? limit * share : Math.floor(limit * share));
  return {
    ...guard,
    limit: part(guard.limit),
    ...(guard.burst === undefined ? {} : { burst: part(guard.burst) }),
  };
}
