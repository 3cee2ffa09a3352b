/** Guards as accounts: whole units, and windows cut into slices, the same for every keeper. */

import { createHash } from 'node:crypto';
import { type GuardReading, MICROS_PER_UNIT, microsOfUnits } from '@portcullis/policy';
import type { QuotaGuard, QuotaKind } from '@portcullis/policy/model';
import type { AccountUse } from './port.js';

/** An account that a claim draws on. */
export interface Account {
  readonly guardId: string;
  /** Unique per quota, window and values of its dimensions; safe in a key. */
  readonly key: string;
  readonly kind: QuotaKind;
  /** Whole units: requests, calls, tokens, millionths of the currency unit, bytes. */
  readonly limit: number;
  /** Whole units; `undefined` when only the call itself will tell. */
  readonly amount: number | undefined;
  /** Milliseconds; `undefined` for an account of leases. */
  readonly window: Window | undefined;
  /** Units that may come at once; drained at the even rate. */
  readonly burst: number | undefined;
  /** Whether a lack of room stops the request. */
  readonly blocking: boolean;
}

/** A sliding window, counted by slices. */
export interface Window {
  readonly ms: number;
  /** What is drawn counts from its own slice's end for the length of the window, so never shorter than the window. */
  readonly sliceMs: number;
}

/** Slices of a window: what is drawn is free again at most a sixtieth of the window late, and never early. */
const SLICES = 60;

/**
 * The accounts of a claim, one per quota; `undefined` when a guard makes no sense, which nobody may take for room.
 */
export function accountsOf(guards: readonly QuotaGuard[]): readonly Account[] | undefined {
  const accounts = new Map<string, Account>();
  for (const guard of guards) {
    const { kind, window_seconds: seconds } = guard;
    // What the call may use has no bound: no account has room for that.
    if (guard.unknown !== undefined && guard.outcome !== 'log_only') return undefined;
    if (!(guard.limit >= 0) || (kind !== 'concurrent' && !(seconds !== undefined && seconds > 0))) return undefined;
    const ms = (seconds ?? 0) * 1_000;
    const key = createHash('sha256')
      // Amounts of different currencies are not added up.
      .update(
        JSON.stringify([guard.id, kind, ms, guard.account, ...(guard.currency === undefined ? [] : [guard.currency])]),
      )
      .digest('hex');
    accounts.set(key, {
      guardId: guard.id,
      key,
      kind,
      limit: unitsOf(kind, guard.limit, 'down'),
      amount: kind === 'concurrent' ? 1 : guard.estimate === null ? undefined : unitsOf(kind, guard.estimate, 'up'),
      window: kind === 'concurrent' ? undefined : { ms, sliceMs: Math.max(1, Math.ceil(ms / SLICES)) },
      burst: guard.burst === undefined ? undefined : unitsOf(kind, guard.burst, 'down'),
      blocking: guard.outcome !== 'log_only',
    });
  }
  return [...accounts.values()];
}

/** The account of each guard by itself, in their order; `undefined` when one makes no sense. */
export function eachAccount(guards: readonly QuotaGuard[]): readonly Account[] | undefined {
  const accounts = guards.map((guard) => accountsOf([guard])?.[0]).filter((account) => account !== undefined);
  return accounts.length === guards.length ? accounts : undefined;
}

/** Whole units of an amount, rounded up; what is no amount is more than any limit. */
export function toUnits(kind: QuotaKind, amount: number): number {
  return unitsOf(kind, amount, 'up');
}

function unitsOf(kind: QuotaKind, amount: number, rounding: 'up' | 'down'): number {
  if (Number.isNaN(amount)) return Number.MAX_SAFE_INTEGER;
  if (kind === 'cost') return microsOfUnits(Math.max(0, amount), rounding) ?? Number.MAX_SAFE_INTEGER;
  const units = rounding === 'up' ? Math.ceil(amount) : Math.floor(amount);
  return Math.min(Math.max(0, units), Number.MAX_SAFE_INTEGER);
}

/** How many units make one of what people count in. */
function scaleOf(kind: QuotaKind): number {
  return kind === 'cost' ? MICROS_PER_UNIT : 1;
}

/** The reading of an account without room. `freesAt` is in milliseconds since 1970. */
export function exceeded(account: Account, used: number, freesAt: number | undefined): GuardReading {
  const at = freesAt === undefined ? undefined : new Date(freesAt);
  return {
    state: 'exceeded',
    used: used / scaleOf(account.kind),
    ...(at === undefined || Number.isNaN(at.getTime()) ? {} : { frees_at: at.toISOString() }),
  };
}

/** The use of an account. `resetsAt` is in milliseconds since 1970. */
export function useOf({ kind }: Account, used: number, resetsAt: number | undefined): AccountUse {
  const at = resetsAt === undefined ? undefined : new Date(resetsAt);
  return {
    used: used / scaleOf(kind),
    ...(at === undefined || Number.isNaN(at.getTime()) ? {} : { resets_at: at.toISOString() }),
  };
}

/** How long an attempt is known after its reservation: use is often reported long after the call began. */
export function rememberedMs(accounts: readonly Account[], leaseMs: number): number {
  return accounts.some(({ kind }) => kind !== 'requests' && kind !== 'concurrent') ? Math.max(leaseMs, HOUR) : leaseMs;
}

const HOUR = 3_600_000;
