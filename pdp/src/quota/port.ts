/** The accounts that quotas draw on (contracts §6, ADR-0011): what a store of them promises, whoever keeps it. */

import type { GuardReading } from '@portcullis/policy';
import type { QuotaGuard } from '@portcullis/policy/model';

/** What one decision would draw. */
export interface Claim {
  /** The attempt, the same for every repetition of it at any PDP ({@link reservationKey}): it draws once. */
  readonly key: string;
  /**
   * The decision that wants it ({@link holderName}); a reservation lasts until every holder gave it back, or one of them is
   * settled.
   */
  readonly holder: string;
  /** All of them are reserved, or none. */
  readonly guards: readonly QuotaGuard[];
}

/** Why nobody can tell; closed list. `settled`: what is asked again has been carried out already. */
export const UNKNOWN_CAUSES = ['store', 'warm_up', 'settled', 'full', 'guard'] as const;
/** Why nobody can tell. */
export type UnknownCause = (typeof UNKNOWN_CAUSES)[number];

/** What became of a claim. Something was drawn only when it was granted. */
export type Reservation =
  | { readonly outcome: 'granted' | 'exceeded'; readonly readings: ReadonlyMap<string, GuardReading> }
  | { readonly outcome: 'unknown'; readonly cause: UnknownCause; readonly readings: ReadonlyMap<string, GuardReading> };

/** What a call used in the end; a kind that is absent stays at its estimate. */
export interface ActualUse {
  readonly tokens?: number;
  /** In currency units. */
  readonly cost?: number;
  readonly bytes?: number;
}

/** How an attempt ended. */
export interface SettledUse {
  /** One of the decisions that it was reserved for. */
  readonly holder: string;
  /** Whether nothing was carried out: then everything is given back. */
  readonly unused: boolean;
  readonly actual: ActualUse;
}

/**
 * What came of a settlement; closed list, labels of a metric. `overrun`: it used more tokens or cost more than was reserved.
 * `unknown`: nothing was reserved, or that is so long ago that it is forgotten. `failed`: the store did not answer.
 */
export const SETTLED_OUTCOMES = ['settled', 'overrun', 'repeated', 'unknown', 'failed'] as const;
/** What came of a settlement. */
export type SettledOutcome = (typeof SETTLED_OUTCOMES)[number];

/** How far one account is used. */
export interface AccountUse {
  /** Units of the quota's kind; estimates of calls that have not reported their use yet are a part of it. */
  readonly used: number;
  /** RFC 3339: when all of it has left the window, or the last lease ends, if nothing is added; absent when nothing is used. */
  readonly resets_at?: string;
}

/** The keeper of the accounts. Nothing here rejects: what cannot be known is `unknown`. */
export interface QuotaStore {
  /** Reserves every guard in one atomic step, or none of those that would stop the request. */
  reserve(claim: Claim): Promise<Reservation>;
  /** This holder will not act on it. What nobody holds any more is given back. */
  release(key: string, holder: string): Promise<void>;
  /**
   * Ends the leases and puts actual use in the place of estimates, once per attempt; what came of each, in their order. A use
   * beyond what was reserved is counted in full, also where the account is over its limit then.
   */
  settle(uses: readonly SettledUse[]): Promise<readonly SettledOutcome[]>;
  /**
   * Looks without drawing: one use per guard, in their order; `undefined` when nobody can tell. For people and warnings, never for
   * a decision.
   */
  read(guards: readonly QuotaGuard[]): Promise<readonly AccountUse[] | undefined>;
  close(): Promise<void>;
}

/** What a store is asked to do; closed list, labels of a metric. */
export const STORE_OPERATIONS = ['reserve', 'release', 'settle', 'read'] as const;
/** What a store is asked to do. */
export type StoreOperation = (typeof STORE_OPERATIONS)[number];

/** How claims end; closed list, labels of a metric. */
export const RESERVATION_OUTCOMES = ['granted', 'exceeded', 'unknown'] as const;

/** Who counts what happens to quotas. */
export interface QuotaObserver {
  reserved(outcome: Reservation['outcome'], seconds: number): void;
  quotaStoreFailed(operation: StoreOperation): void;
  quotaSettled(outcome: SettledOutcome): void;
}
