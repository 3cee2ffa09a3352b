/** Accounts in Redis, shared by every PDP that is given the same one (ADR-0011). */

import type { GuardReading } from '@portcullis/policy';
import { LOG_FIELD } from '@portcullis/runtime';
import { connectRedis, type RedisReach } from '../redis/redis-connection.js';
import { scriptRunner, slotPrefix } from '../redis/redis-scripts.js';
import { type Account, accountsOf, eachAccount, exceeded, rememberedMs, toUnits, useOf } from './account.js';
import {
  type Claim,
  type QuotaObserver,
  type QuotaStore,
  type Reservation,
  SETTLED_OUTCOMES,
  type SettledUse,
  type StoreOperation,
  UNKNOWN_CAUSES,
  type UnknownCause,
} from './port.js';
import { READ, RELEASE, RESERVE, SETTLE } from './redis-scripts.js';

/** How the store is reached. */
export interface RedisStoreOptions extends RedisReach {
  /** A call under way counts for this long when nobody says how it ended. */
  readonly leaseMs: number;
  /** How long a server without a past is not believed; `undefined`: as long as the window of each quota. */
  readonly warmUpMs: number | undefined;
  readonly observer: Pick<QuotaObserver, 'quotaStoreFailed'>;
}

const SCRIPTS: Readonly<Record<StoreOperation, string>> = {
  reserve: RESERVE,
  release: RELEASE,
  settle: SETTLE,
  read: READ,
};

/** Connects in the background; until there is a connection, and whenever there is none, everything is unknown at once. */
export function createRedisQuotaStore(options: RedisStoreOptions): QuotaStore {
  const { leaseMs, observer, log } = options;
  const redis = connectRedis(options, 'Quota store');
  const run = scriptRunner(redis);
  const prefix = slotPrefix(options.prefix);
  /** Undefined when it failed, which is counted. */
  const attempt = async (
    operation: StoreOperation,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> => {
    try {
      return await run(SCRIPTS[operation], keys, args);
    } catch (error) {
      observer.quotaStoreFailed(operation);
      log.debug({ [LOG_FIELD.error]: error, operation }, 'Quota store failed');
      return undefined;
    }
  };
  const release = async (key: string, holder: string): Promise<void> => {
    await attempt('release', [`${prefix}r:${key}`, `${prefix}d:${holder}`], [prefix, key, holder]);
  };

  return {
    reserve: async (claim: Claim) => {
      const accounts = accountsOf(claim.guards);
      if (accounts === undefined) return unknown('guard');
      const { key, holder } = claim;
      const warmUp = options.warmUpMs ?? -1;
      const head = [prefix, key, holder, leaseMs, rememberedMs(accounts, leaseMs), warmUp];
      const answer = await attempt(
        'reserve',
        [`${prefix}since`, `${prefix}r:${key}`, `${prefix}d:${holder}`],
        [...head, ...accounts.flatMap(argumentsOf)],
      );
      const reservation = readAnswer(answer, accounts);
      if (reservation !== undefined) return reservation;
      // It may have been carried out, or still be. What comes after it on this connection takes it back.
      void release(key, holder);
      return unknown('store');
    },
    release,
    settle: async (uses) => {
      const answers = await Promise.all(
        uses.map((use) => attempt('settle', [`${prefix}d:${use.holder}`], [prefix, ...settledArguments(use)])),
      );
      return answers.map((answer) => SETTLED_OUTCOMES.find((one) => one === answer) ?? 'failed');
    },
    read: async (guards) => {
      const accounts = eachAccount(guards);
      if (accounts === undefined) return undefined;
      const parts = accounts.flatMap(({ key, window }) => [key, window?.ms ?? 0, window?.sliceMs ?? 0]);
      const answer = await attempt('read', [`${prefix}since`], [prefix, ...parts]);
      if (!Array.isArray(answer) || answer.length !== 2 * accounts.length) return undefined;
      return accounts.map((account, index) => {
        const [used, resets] = answer.slice(2 * index, 2 * index + 2).map(Number);
        return useOf(account, used ?? Number.NaN, resets === undefined || resets < 0 ? undefined : resets);
      });
    },
    close: async () => redis.disconnect(),
  };
}

function argumentsOf(account: Account): readonly (string | number)[] {
  const { key, kind, limit, amount, window, burst, blocking } = account;
  return [key, kind, limit, amount ?? -1, window?.ms ?? 0, window?.sliceMs ?? 0, burst ?? -1, blocking ? 1 : 0];
}

function settledArguments({ unused, actual }: SettledUse): readonly number[] {
  const units = (['tokens', 'cost', 'bytes'] as const).map((kind) => {
    const used = actual[kind];
    return used === undefined ? -1 : toUnits(kind, used);
  });
  return [unused ? 1 : 0, ...units];
}

/** `undefined` for everything that is not exactly an answer of the script. */
function readAnswer(answer: unknown, accounts: readonly Account[]): Reservation | undefined {
  if (!Array.isArray(answer)) return undefined;
  const [outcome, cause, ...rest] = answer.map(String);
  if (outcome === 'unknown') {
    const named = UNKNOWN_CAUSES.find((one) => one === cause);
    return named === undefined ? undefined : unknown(named);
  }
  if ((outcome !== 'granted' && outcome !== 'exceeded') || rest.length !== 3 * accounts.length) return undefined;
  const readings = new Map<string, GuardReading>();
  for (const [index, account] of accounts.entries()) {
    const [fits, used, frees] = rest.slice(3 * index, 3 * index + 3);
    if (fits === '1') readings.set(account.guardId, { state: 'granted' });
    else readings.set(account.guardId, exceeded(account, Number(used), Number(frees) < 0 ? undefined : Number(frees)));
  }
  return { outcome, readings };
}

function unknown(cause: UnknownCause): Reservation {
  return { outcome: 'unknown', cause, readings: new Map() };
}
