/**
 * Standings in Redis, shared by every PDP that is given the same one. Keys: `<prefix>:<tenant>:<agent>`, a JSON text, and
 * `<prefix>:epoch`, a number that grows with every change. A Redis without the epoch, or with a lower one than was seen, has
 * lost what was said in it: nothing of it is believed, or a restart would give every agent its trust back.
 */

import { LOG_FIELD, PortcullisError } from '@portcullis/runtime';
import type { Redis } from '../redis/redis-client.js';
import { connectRedis, type RedisReach } from '../redis/redis-client.js';
import { createStandingCodec, isAgentName, MAX_STANDING_BYTES, requireAgentName } from './agent-standing.js';
import type { AgentStanding, AgentStore } from './agent-store.js';
import { createEntityCache } from './entity-cache.js';

/** How the store is reached. */
export interface RedisAgentsOptions extends RedisReach {
  /** Milliseconds between looks at the epoch: what an operator changes is known everywhere after at most one, and an answer. */
  readonly pollMs: number;
  /** A standing is used for so long without another look, in milliseconds, when the epoch does not change. */
  readonly cacheMs: number;
  readonly maxCached: number;
  readonly monotonic: () => number;
}

/** The wire has 32 bits for it. */
const MAX_EPOCH = 2 ** 32 - 1;

/** Connects in the background; until there is a connection, and whenever there is none, nothing is known at once. */
export function createRedisAgentStore(options: RedisAgentsOptions): AgentStore {
  const { prefix, log } = options;
  const codec = createStandingCodec();
  const redis = connectRedis(options, 'Store of agents');
  const listeners = new Set<() => void>();
  const cache = createEntityCache<AgentStanding | undefined>({
    ttlMs: options.cacheMs,
    maxEntries: options.maxCached,
    monotonic: options.monotonic,
  });
  const epochKey = `${prefix}:epoch`;
  let epoch = 0;

  /** Takes note of the epoch that was read. @throws PortcullisError when it says that the store lost its past. */
  const noteEpoch = (text: unknown): void => {
    const found = typeof text === 'string' && /^[1-9]\d{0,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(found >= epoch && found <= MAX_EPOCH)) {
      cache.clear();
      throw unavailable('the store of agents has no epoch, or an older one than before');
    }
    if (found === epoch) return;
    // First forget, then tell: whoever hears of the new epoch must not be answered with what was before.
    cache.clear();
    epoch = found;
    for (const listener of listeners) listener();
  };
  const load = async (key: string): Promise<AgentStanding | undefined> => {
    // One step, so that what is read is what the epoch stands for; never more than one byte above the cap.
    const replies = await redis.multi().get(epochKey).exists(key).getrangeBuffer(key, 0, MAX_STANDING_BYTES).exec();
    const [found, exists, bytes] = (replies ?? []).map(([error, reply]) => {
      if (error !== null) throw error;
      return reply;
    });
    noteEpoch(found);
    if (exists === 0) return undefined;
    if (!Buffer.isBuffer(bytes)) throw unavailable('the store of agents answered something else');
    return codec.parse(bytes);
  };
  const change = async (write: (multi: ReturnType<Redis['multi']>) => unknown): Promise<number> => {
    const multi = redis.multi();
    write(multi);
    try {
      const replies = await multi.incr(epochKey).exec();
      const next = replies?.at(-1)?.[1];
      for (const [error] of replies ?? []) if (error !== null) throw error;
      noteEpoch(String(next));
      return epoch;
    } catch (error) {
      throw unavailable('the store of agents could not be written', error);
    }
  };
  const look = async (): Promise<void> => {
    try {
      noteEpoch(await redis.get(epochKey));
    } catch (error) {
      log.debug({ [LOG_FIELD.error]: PortcullisError.from(error) }, 'Epoch of agents is not known');
    }
  };
  redis.on('ready', () => void look());
  const timer = setInterval(() => void look(), options.pollMs);
  timer.unref();

  return {
    find: (tenant, agent) => (isAgentName(tenant, agent) ? cache.get(`${prefix}:${tenant}:${agent}`, load) : undefined),
    put: async (tenant, agent, standing) => {
      requireAgentName(tenant, agent);
      const text = codec.print(standing);
      return change((multi) => multi.set(`${prefix}:${tenant}:${agent}`, text));
    },
    remove: async (tenant, agent) => {
      requireAgentName(tenant, agent);
      return change((multi) => multi.del(`${prefix}:${tenant}:${agent}`));
    },
    current: () => epoch,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      clearInterval(timer);
      listeners.clear();
      redis.disconnect();
    },
  };
}

function unavailable(message: string, cause?: unknown): PortcullisError {
  return new PortcullisError('ERR_CONTEXT_STORE', 'unavailable', message, { cause });
}
