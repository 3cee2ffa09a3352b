/** Accounts in the memory of one process. Times are milliseconds of one clock. */

import type { Account, Window } from './account.js';

/** Whether a claim fits, and if not, how full it is and when it would. */
export type Room =
  | { readonly fits: true }
  | { readonly fits: false; readonly used: number; readonly freesAt: number | undefined };

/** One account. */
export interface MemoryAccount {
  /** After this nothing in it counts any more. */
  readonly expiresAt: number;
  room(account: Account, now: number): Room;
  /** What counts now, and when the last of it will not any more. */
  use(now: number): { readonly used: number; readonly resetsAt: number | undefined };
  /** Draws; the result is needed to give it back. */
  draw(account: Account, key: string, now: number): Drawn;
  /** Gives back, or draws the difference. */
  correct(drawn: Drawn, key: string, amount: number, now: number): void;
}

/** What an attempt drew from one account. */
export interface Drawn {
  readonly account: Account;
  readonly amount: number;
  readonly slice: number;
}

/** An account of calls under way: each has a lease. */
export function createLeaseAccount(leaseMs: number): MemoryAccount {
  const leases = new Map<string, number>();
  let expiresAt = 0;
  return {
    get expiresAt() {
      return expiresAt;
    },
    room: ({ limit }, now) => {
      // Leases are of one length, so the oldest is the first.
      for (const [key, until] of leases) {
        if (until > now) break;
        leases.delete(key);
      }
      const [first] = leases.values();
      return leases.size < limit
        ? { fits: true }
        : { fits: false, used: leases.size, freesAt: limit > 0 ? first : undefined };
    },
    draw: (account, key, now) => {
      expiresAt = now + leaseMs;
      leases.set(key, expiresAt);
      return { account, amount: 1, slice: 0 };
    },
    use: (now) => {
      const ends = [...leases.values()].filter((until) => until > now);
      return { used: ends.length, resetsAt: ends.at(-1) };
    },
    correct: (_drawn, key) => void leases.delete(key),
  };
}

/** An account of a sliding window, counted by slices, and of what came at once. */
export function createWindowAccount(window: Window): MemoryAccount {
  const slices = new Map<number, number>();
  let expiresAt = 0;
  let debt = 0;
  let debtAt = 0;
  const freeAt = (slice: number): number => (slice + 1) * window.sliceMs + window.ms;
  const add = (amount: number, now: number): number => {
    const slice = Math.floor(now / window.sliceMs);
    slices.set(slice, (slices.get(slice) ?? 0) + amount);
    expiresAt = freeAt(slice);
    return slice;
  };
  const debtNow = (limit: number, now: number): number =>
    Math.max(0, debt - (Math.max(0, now - debtAt) * limit) / window.ms);
  return {
    get expiresAt() {
      return expiresAt;
    },
    room: ({ limit, amount, burst }, now) => {
      let used = 0;
      for (const [slice, count] of slices) {
        if (freeAt(slice) <= now) slices.delete(slice);
        else used += count;
      }
      const fitsWith = (use: number): boolean => (amount === undefined ? use < limit : use + amount <= limit);
      if (!fitsWith(used)) {
        let left = used;
        for (const [slice, count] of [...slices].toSorted(([a], [b]) => a - b)) {
          left -= count;
          if (fitsWith(left)) return { fits: false, used, freesAt: freeAt(slice) };
        }
        return { fits: false, used, freesAt: undefined };
      }
      const over = burst === undefined ? 0 : debtNow(limit, now) + (amount ?? 0) - burst;
      if (over <= TOLERANCE) return { fits: true };
      const canEver = limit > 0 && (amount ?? 0) <= (burst ?? 0);
      return { fits: false, used, freesAt: canEver ? Math.ceil(now + (over * window.ms) / limit) : undefined };
    },
    draw: (account, _key, now) => {
      const amount = account.amount ?? 0;
      if (account.burst !== undefined) {
        debt = debtNow(account.limit, now) + amount;
        debtAt = now;
      }
      return { account, amount, slice: add(amount, now) };
    },
    use: (now) => {
      const counted = [...slices].filter(([slice, count]) => count > 0 && freeAt(slice) > now);
      const used = counted.reduce((sum, [, count]) => sum + count, 0);
      return { used, resetsAt: used === 0 ? undefined : Math.max(...counted.map(([slice]) => freeAt(slice))) };
    },
    correct: (drawn, _key, amount, now) => {
      if (amount > drawn.amount) add(amount - drawn.amount, now);
      else {
        const counted = slices.get(drawn.slice);
        if (counted !== undefined) slices.set(drawn.slice, Math.max(0, counted - (drawn.amount - amount)));
      }
    },
  };
}

/** The debt of a burst is a fraction. */
const TOLERANCE = 1e-6;
