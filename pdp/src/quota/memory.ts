/** Accounts in this process: for one PDP, or one per PDP. They begin empty at every start. */

import type { GuardReading } from '@portcullis/policy';
import type { Clock } from '@portcullis/runtime';
import { type Account, accountsOf, eachAccount, exceeded, rememberedMs, toUnits, useOf } from './account.js';
import { createLeaseAccount, createWindowAccount, type Drawn, type MemoryAccount } from './memory-account.js';
import type { ActualUse, Claim, QuotaStore, Reservation, SettledOutcome, UnknownCause } from './port.js';

/** How the store is made. */
export interface MemoryStoreOptions {
  readonly clock: Clock;
  /** A call under way counts for this long when nobody says how it ended. */
  readonly leaseMs: number;
  /** What would need one more account or attempt is not known, and so denied. */
  readonly maxAccounts: number;
  readonly maxReservations: number;
}

interface Attempt {
  /** Until then a repetition draws nothing; afterwards its leases are over. */
  readonly heldUntil: number;
  readonly expiresAt: number;
  readonly holders: Set<string>;
  /** Every decision that was ever told of it: any of them may settle it. */
  readonly names: Set<string>;
  readonly drawn: Map<string, Drawn>;
  settled: boolean;
}

const SWEEP_EVERY_MS = 1_000;
/** On average; who repeats one question for ever is not known any more. */
const NAMES_PER_ATTEMPT = 4;

/** An empty store. Every operation is one synchronous step, hence atomic. */
export function createMemoryQuotaStore(options: MemoryStoreOptions): QuotaStore {
  const { leaseMs, maxAccounts, maxReservations } = options;
  const accounts = new Map<string, MemoryAccount>();
  const attempts = new Map<string, Attempt>();
  const attemptsByHolder = new Map<string, string>();
  // The wall clock may be set; then what was drawn would count longer, or shorter, than its window.
  const startedAt = options.clock.now() - options.clock.monotonic();
  const timeNow = (): number => startedAt + options.clock.monotonic();
  let sweptAt = Number.NEGATIVE_INFINITY;

  const attemptOf = (key: string, now: number): Attempt | undefined => {
    const attempt = attempts.get(key);
    if (attempt === undefined || attempt.expiresAt > now) return attempt;
    forget(key, attempt);
    return undefined;
  };
  const forget = (key: string, { names }: Attempt): void => {
    for (const name of names) attemptsByHolder.delete(name);
    attempts.delete(key);
  };
  const sweep = (now: number): void => {
    // Looking at everything is dear: a flood of strangers gets it once a second.
    if (now - sweptAt < SWEEP_EVERY_MS) return;
    sweptAt = now;
    for (const [key, attempt] of attempts) if (attempt.expiresAt <= now) forget(key, attempt);
    for (const [key, { expiresAt }] of accounts) if (expiresAt <= now) accounts.delete(key);
  };
  /** A new account is only kept once something is drawn from it. */
  const accountFor = ({ key, window }: Account): MemoryAccount =>
    accounts.get(key) ?? (window === undefined ? createLeaseAccount(leaseMs) : createWindowAccount(window));
  const correct = (key: string, attempt: Attempt, now: number, amountOf: (drawn: Drawn) => number): void => {
    for (const [name, drawn] of attempt.drawn) accounts.get(name)?.correct(drawn, key, amountOf(drawn), now);
    attempt.drawn.clear();
  };

  const reserve = ({ key, holder, guards }: Claim): Reservation => {
    const wanted = accountsOf(guards);
    if (wanted === undefined) return unknown('guard');
    const now = timeNow();
    const known = attemptOf(key, now);
    if (known !== undefined && (known.settled || known.heldUntil <= now)) return unknown('settled');
    const missing = wanted.filter((account) => known?.drawn.has(account.key) !== true);
    const readings = new Map<string, GuardReading>(wanted.map(({ guardId }) => [guardId, { state: 'granted' }]));
    let refused = false;
    for (const account of missing) {
      const room = accountFor(account).room(account, now);
      if (room.fits) continue;
      readings.set(account.guardId, exceeded(account, room.used, room.freesAt));
      refused ||= account.blocking;
    }
    if (refused) return { outcome: 'exceeded', readings };
    const hasRoom = (): boolean => {
      const added = missing.filter((account) => !accounts.has(account.key)).length;
      const hasNames = attemptsByHolder.size < NAMES_PER_ATTEMPT * maxReservations;
      return (
        hasNames && accounts.size + added <= maxAccounts && (known !== undefined || attempts.size < maxReservations)
      );
    };
    if (!hasRoom()) {
      sweep(now);
      if (!hasRoom()) return unknown('full');
    }
    const attempt: Attempt = known ?? {
      heldUntil: now + leaseMs,
      expiresAt: now + rememberedMs(wanted, leaseMs),
      holders: new Set(),
      names: new Set(),
      drawn: new Map(),
      settled: false,
    };
    attempts.set(key, attempt);
    attempt.holders.add(holder);
    attempt.names.add(holder);
    attemptsByHolder.set(holder, key);
    for (const account of missing) {
      const drawnFrom = accountFor(account);
      accounts.set(account.key, drawnFrom);
      attempt.drawn.set(account.key, drawnFrom.draw(account, key, now));
    }
    return { outcome: 'granted', readings };
  };

  return {
    reserve: async (claim) => reserve(claim),
    release: async (key, holder) => {
      const now = timeNow();
      const attempt = attemptOf(key, now);
      if (attempt === undefined || attempt.settled || !attempt.holders.delete(holder)) return;
      if (attempt.holders.size > 0) return;
      correct(key, attempt, now, () => 0);
      forget(key, attempt);
    },
    settle: async (uses) => {
      const now = timeNow();
      return uses.map(({ holder, unused, actual }): SettledOutcome => {
        const key = attemptsByHolder.get(holder);
        const attempt = key === undefined ? undefined : attemptOf(key, now);
        if (key === undefined || attempt === undefined) return 'unknown';
        if (attempt.settled) return 'repeated';
        const isOver = !unused && [...attempt.drawn.values()].some((drawn) => overruns(drawn, usedOf(drawn, actual)));
        attempt.settled = true;
        attempt.holders.clear();
        correct(key, attempt, now, (drawn) => (unused ? 0 : usedOf(drawn, actual)));
        return isOver ? 'overrun' : 'settled';
      });
    },
    read: async (guards) => {
      const now = timeNow();
      return eachAccount(guards)?.map((account) => {
        const { used, resetsAt } = accountFor(account).use(now);
        return useOf(account, used, resetsAt);
      });
    },
    close: async () => {
      accounts.clear();
      attempts.clear();
      attemptsByHolder.clear();
    },
  };
}

function unknown(cause: UnknownCause): Reservation {
  return { outcome: 'unknown', cause, readings: new Map() };
}

function usedOf({ account: { kind }, amount }: Drawn, actual: ActualUse): number {
  const reported = kind === 'requests' || kind === 'concurrent' ? undefined : actual[kind];
  return reported === undefined ? amount : toUnits(kind, reported);
}

/** Bytes come back that nobody could foresee, and so does what had no estimate at all. */
function overruns({ account: { kind }, amount }: Drawn, used: number): boolean {
  return (kind === 'tokens' || kind === 'cost') && amount > 0 && used > amount;
}
