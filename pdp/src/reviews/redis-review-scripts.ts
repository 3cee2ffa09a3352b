/**
 * Reviews inside Redis, one script per operation: the same as `local-reviews.ts`, which the contract test holds both to.
 *
 * Keys, all in one hash slot:
 *   r:<id>      one review (hash): `doc` and `closed` in JSON, `d:<step>` for each step that is done
 *   busy        ids of those that take room, by the time at which they came (sorted set)
 *   over        ids of the others, by the time at which they were over (sorted set)
 *   w:<step>    ids with the step left to do, by the time from which they may be given out (sorted set)
 */

const HEAD = `
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local function whole(n) return string.format('%.0f', n) end
`;

/** ARGV 1 is the prefix, 2 the id, 3 how many closed ones are remembered; the steps after the first begin at `first`. */
const SETTLE = `
local function settle(first)
  local key, id = ARGV[1] .. 'r:' .. ARGV[2], ARGV[2]
  if redis.call('HEXISTS', key, 'closed') == 0 or redis.call('HEXISTS', key, 'd:record') == 0 then return end
  if redis.call('ZREM', ARGV[1] .. 'busy', id) == 0 then return end
  redis.call('ZADD', ARGV[1] .. 'over', whole(now), id)
  while redis.call('ZCARD', ARGV[1] .. 'over') > tonumber(ARGV[3]) do
    local oldest = redis.call('ZPOPMIN', ARGV[1] .. 'over')[1]
    redis.call('DEL', ARGV[1] .. 'r:' .. oldest)
    for i = first, #ARGV do redis.call('ZREM', ARGV[1] .. 'w:' .. ARGV[i], oldest) end
  end
end
`;

/** KEYS r:<id>, busy, w:record. ARGV id, document (JSON), room. Answers 1, or 0 without room. */
export const KEEP = `${HEAD}
if redis.call('EXISTS', KEYS[1]) == 1 then return 1 end
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'doc', ARGV[2])
redis.call('ZADD', KEYS[2], whole(now), ARGV[1])
redis.call('ZADD', KEYS[3], whole(now), ARGV[1])
return 1
`;

/** KEYS r:<id>. Answers its fields; none when there is no such review. */
export const FIND = `return redis.call('HGETALL', KEYS[1])`;

/** KEYS busy, over. ARGV whether closed ones are wanted (1 or 0). Answers ids. */
export const IDS = `
local ids = redis.call('ZRANGE', KEYS[1], 0, -1)
if ARGV[1] == '1' then for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do ids[#ids + 1] = id end end
return ids
`;

/** KEYS r:<id> of some. Answers the fields of each. */
export const FIND_ALL = `
local found = {}
for i, key in ipairs(KEYS) do found[i] = redis.call('HGETALL', key) end
return found
`;

/** KEYS r:<id>. ARGV prefix, id, closed ones remembered, closing (JSON), then the steps after the first. */
export const CLOSE = `${HEAD}${SETTLE}
if redis.call('EXISTS', KEYS[1]) == 0 then return 'unknown' end
if redis.call('HSETNX', KEYS[1], 'closed', ARGV[4]) == 0 then return 'already' end
settle(5)
return 'closed'
`;

/** KEYS w:<step>. ARGV prefix, lease in ms. Answers the fields of a review; none when there is nothing to do. */
export const CLAIM = `${HEAD}
for _ = 1, 1000 do
  local id = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', whole(now), 'LIMIT', 0, 1)[1]
  if not id then return {} end
  local fields = redis.call('HGETALL', ARGV[1] .. 'r:' .. id)
  if #fields > 0 then
    redis.call('ZADD', KEYS[1], whole(now + tonumber(ARGV[2])), id)
    return fields
  end
  redis.call('ZREM', KEYS[1], id)
end
return {}
`;

/** KEYS w:<step>. ARGV id, lease in ms. */
export const LEASE = `${HEAD}
redis.call('ZADD', KEYS[1], 'XX', whole(now + tonumber(ARGV[2])), ARGV[1])
return 1
`;

/** KEYS r:<id>, w:<step>. ARGV prefix, id, closed ones remembered, step, then the steps after the first. */
export const DONE = `${HEAD}${SETTLE}
redis.call('ZREM', KEYS[2], ARGV[2])
if redis.call('EXISTS', KEYS[1]) == 0 then return 1 end
if redis.call('HSETNX', KEYS[1], 'd:' .. ARGV[4], '1') == 1 and ARGV[4] == 'record' then
  for i = 5, #ARGV do redis.call('ZADD', ARGV[1] .. 'w:' .. ARGV[i], whole(now), ARGV[2]) end
  settle(5)
end
return 1
`;
