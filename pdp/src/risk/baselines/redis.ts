/** Baselines in a Redis that all PDPs share: what one learns, the others know. */

import type { FadingCount, Increment } from '@portcullis/policy/risk';
import { PortcullisError } from '@portcullis/runtime';
import { connectRedis, type RedisReach } from '../../redis/redis-connection.js';
import { scriptRunner } from '../../redis/redis-scripts.js';
import { type AgentKey, type BaselineStore, type KeptBaseline, MAX_NAMES } from './port.js';

/** How the store is reached. */
export interface RedisBaselineOptions extends RedisReach {
  /** An agent that is not heard of for so long is forgotten, in milliseconds. */
  readonly forgetMs: number;
}

/** Field of the hash that says since when; no counter has such a name. */
const SINCE = '@since';

/**
 * KEYS baseline. ARGV now, forget ms, names per family, then per increment: counter, by, half-life ms. The same as `memory.ts`,
 * which the contract test holds both to.
 */
const OBSERVE = `
local now, most = tonumber(ARGV[1]), tonumber(ARGV[3])
local function worth(kept, half)
  local value, at = string.match(kept, '^([^|]+)|([^|]+)$')
  return tonumber(value) * 2 ^ (-math.max(0, now - tonumber(at)) / half)
end
local function makeRoom(family, half)
  if redis.call('HLEN', KEYS[1]) < most then return end
  local fields, count, least, name = redis.call('HGETALL', KEYS[1]), 0, nil, nil
  for f = 1, #fields, 2 do
    if string.sub(fields[f], 1, #family) == family then
      count = count + 1
      local value = worth(fields[f + 1], half)
      if not least or value < least or (value == least and fields[f] < name) then least, name = value, fields[f] end
    end
  end
  if count >= most then redis.call('HDEL', KEYS[1], name) end
end
redis.call('HSETNX', KEYS[1], '${SINCE}', ARGV[1])
for i = 4, #ARGV, 3 do
  local counter, by, half = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local kept = redis.call('HGET', KEYS[1], counter)
  local before = 0
  if kept then before = worth(kept, half) else
    local family = string.match(counter, '^%a+:')
    if family then makeRoom(family, half) end
  end
  redis.call('HSET', KEYS[1], counter, string.format('%.17g', before + by) .. '|' .. ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`;

/** Connects in the background; until there is a connection, and whenever there is none, everything rejects at once. */
export function createRedisBaselineStore(options: RedisBaselineOptions): BaselineStore {
  const { prefix, forgetMs } = options;
  const redis = connectRedis(options, 'Store of baselines');
  const run = scriptRunner(redis);
  // A slash inside a name is encoded, so that no two agents share a key.
  const keyOf = ({ tenant, agent }: AgentKey): string =>
    `${prefix}:${encodeURIComponent(tenant)}/${encodeURIComponent(agent)}`;
  return {
    read: async (agent) => {
      const fields = await redis.hgetall(keyOf(agent));
      return Object.keys(fields).length === 0 ? undefined : parsed(fields);
    },
    observe: async (agent, increments, now) => {
      const args = [now, forgetMs, MAX_NAMES, ...increments.flatMap(argumentsOf)];
      await run(OBSERVE, [keyOf(agent)], args);
    },
    close: async () => redis.disconnect(),
  };
}

function argumentsOf({ counter, by, halfLifeMs }: Increment): readonly (string | number)[] {
  return [counter, by, halfLifeMs];
}

/** @throws PortcullisError for whatever the script did not write: half a baseline is none. */
function parsed({ [SINCE]: since, ...fields }: Readonly<Record<string, string>>): KeptBaseline {
  const counters = new Map<string, FadingCount>();
  for (const [name, text] of Object.entries(fields)) {
    const [value = Number.NaN, at = Number.NaN, ...more] = text.split('|').map(Number);
    if (more.length > 0 || !Number.isFinite(value) || !Number.isFinite(at)) throw corrupt();
    counters.set(name, { value, at });
  }
  if (since === undefined || !Number.isFinite(Number(since))) throw corrupt();
  return { counters, since: Number(since) };
}

function corrupt(): PortcullisError {
  return new PortcullisError('ERR_RISK_BASELINE', 'corrupt', 'a baseline is not what was written');
}
