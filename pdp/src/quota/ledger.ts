/**
 * What people see of quotas: how far each is used, and a warning when one nears its limit. Looks at the accounts after a
 * decision, beside it; nothing here can change one.
 */

import { createHash } from 'node:crypto';
import type { QuotaGuard } from '@portcullis/policy/model';
import { type Clock, LOG_FIELD, type Logger } from '@portcullis/runtime';
import type { QuotaStore } from './port.js';

/** One quota's account, as far as this PDP has met it. */
export interface QuotaUsage {
  /** `<layer>/<set>/<slug>`. */
  readonly quota: string;
  readonly kind: QuotaGuard['kind'];
  /** The dimensions, and whose account it is; `null` where a request has none. */
  readonly account: Readonly<Record<string, string | null>>;
  /** What `limit` and `used` count: the currency of a cost, where the bundle has prices, or the kind. */
  readonly unit: string;
  readonly limit: number;
  /** Absent for calls under way. */
  readonly window_seconds?: number;
  /** Units of the kind, estimates of calls that have not reported yet included. */
  readonly used: number;
  /** RFC 3339; absent when nothing is used. */
  readonly resets_at?: string;
}

/** Who counts warnings. */
export interface WarningObserver {
  quotaWarned(): void;
}

/** The ledger, and the store as the pipeline uses it. */
export interface QuotaLedger {
  readonly store: QuotaStore;
  /** The accounts that were drawn on here, the last used first; `undefined` when the store cannot tell. */
  usage(): Promise<readonly QuotaUsage[] | undefined>;
}

/** What the ledger is made of. */
export interface QuotaLedgerOptions {
  readonly store: QuotaStore;
  readonly observer: WarningObserver;
  readonly clock: Clock;
  readonly log: Logger;
  /** Accounts that are remembered; those not used for longest are forgotten first. */
  readonly maxAccounts?: number;
}

interface Met {
  readonly guard: QuotaGuard;
  /** Monotonic milliseconds until which each share was warned of. */
  readonly warned: Map<number, number>;
  isLooking: boolean;
}

const DEFAULT_MAX_ACCOUNTS = 10_000;
/** Read at once. */
const PAGE = 200;
/** Calls under way have no window; a warning about them lasts so long. */
const CALLS_WARNED_MS = 60_000;

/** Wraps a store. */
export function createQuotaLedger(options: QuotaLedgerOptions): QuotaLedger {
  const { store, observer, clock, log, maxAccounts = DEFAULT_MAX_ACCOUNTS } = options;
  const met = new Map<string, Met>();

  const meet = (guard: QuotaGuard): Met => {
    const key = createHash('sha256')
      .update(JSON.stringify([guard.id, guard.kind, guard.window_seconds, guard.account, guard.currency ?? null]))
      .digest('hex');
    const before = met.get(key);
    const entry: Met = { guard, warned: before?.warned ?? new Map(), isLooking: before?.isLooking ?? false };
    // A map keeps the order of insertion.
    met.delete(key);
    met.set(key, entry);
    const [oldest] = met.keys();
    if (met.size > maxAccounts && oldest !== undefined) met.delete(oldest);
    return entry;
  };

  const look = async (entry: Met): Promise<void> => {
    const { guard, warned } = entry;
    if (entry.isLooking) return;
    entry.isLooking = true;
    const [use] = (await store.read([guard])) ?? [];
    entry.isLooking = false;
    if (use === undefined) return;
    const now = clock.monotonic();
    const reached = (guard.warn_at ?? []).filter((share) => use.used >= share * guard.limit);
    const fresh = reached.filter((share) => (warned.get(share) ?? 0) <= now);
    if (fresh.length === 0) return;
    const until = now + (guard.window_seconds === undefined ? CALLS_WARNED_MS : guard.window_seconds * 1_000);
    for (const share of reached) warned.set(share, until);
    observer.quotaWarned();
    log.warn({ [LOG_FIELD.details]: { ...usageOf(guard, use), share: Math.max(...fresh) } }, 'Quota nears its limit');
  };

  return {
    store: {
      ...store,
      reserve: async (claim) => {
        const reservation = await store.reserve(claim);
        for (const guard of claim.guards) {
          const entry = meet(guard);
          if (reservation.outcome === 'granted' && guard.warn_at !== undefined) setImmediate(() => void look(entry));
        }
        return reservation;
      },
    },
    usage: async () => {
      const guards = [...met.values()].map(({ guard }) => guard).toReversed();
      const found: QuotaUsage[] = [];
      for (let at = 0; at < guards.length; at += PAGE) {
        const page = guards.slice(at, at + PAGE);
        const uses = await store.read(page);
        if (uses === undefined) return undefined;
        for (const [index, use] of uses.entries()) {
          const guard = page[index];
          if (guard !== undefined) found.push(usageOf(guard, use));
        }
      }
      return found;
    },
  };
}

function usageOf(guard: QuotaGuard, use: { readonly used: number; readonly resets_at?: string }): QuotaUsage {
  return {
    quota: guard.id,
    kind: guard.kind,
    account: Object.fromEntries(guard.account),
    unit: UNITS[guard.kind] ?? guard.currency ?? 'currency units',
    limit: guard.limit,
    ...(guard.window_seconds === undefined ? {} : { window_seconds: guard.window_seconds }),
    ...use,
  };
}

/** A cost is in a currency, or in whatever the reports of it are. */
const UNITS: Readonly<Record<QuotaGuard['kind'], string | undefined>> = {
  requests: 'requests',
  concurrent: 'calls',
  tokens: 'tokens',
  bytes: 'bytes',
  cost: undefined,
};
