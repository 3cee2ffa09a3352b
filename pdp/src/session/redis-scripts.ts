/**
 * Sessions inside Redis, one script per operation: the same as `memory.ts`, which the contract test holds both to. Times are
 * the server's own.
 *
 * Keys, all in one hash slot:
 *   since            since when this server knows the sessions, in milliseconds; gone with everything else after a FLUSHALL
 *   labels           the label epoch
 *   s:<session>      hash: `v` version, `t` text; expires when idle
 *   live:<tenant>    sorted set: session -> when something last happened in it
 *   known:<tenant>   sorted set: session -> until when it is known that there was one
 *
 * KEYS are always: since, session, live, known, labels.
 * ARGV begin with: session, warm-up ms, remember ms, most remembered.
 */

const HEAD = `
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local function whole(n) return string.format('%.0f', n) end
local member, warm, remembered, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local since = redis.call('GET', KEYS[1])
if not since then
  redis.call('SET', KEYS[1], whole(now))
  since = now
end
local known_for = now - tonumber(since)
local epoch = tonumber(redis.call('GET', KEYS[5]) or '0')
local function remember()
  redis.call('ZADD', KEYS[4], whole(now + remembered), member)
  redis.call('PEXPIRE', KEYS[4], whole(remembered + 1000))
end
local function room()
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', whole(now))
  return redis.call('ZCARD', KEYS[4]) < most
end
local function absence()
  local ends = redis.call('ZSCORE', KEYS[4], member)
  if ends and tonumber(ends) > now then
    remember()
    return 'forgotten'
  end
  if known_for >= warm then return nil end
  if room() then remember() end
  return 'warm_up'
end
`;

/** Then: the version that the reader has, or nothing. Answers outcome, cause or version, text, label epoch. */
export const READ = `${HEAD}
local version = redis.call('HGET', KEYS[2], 'v')
if version then
  if version == ARGV[5] then return {'same', '', '', whole(epoch)} end
  return {'kept', version, redis.call('HGET', KEYS[2], 't'), whole(epoch)}
end
local cause = absence()
if cause then return {'unknown', cause, '', whole(epoch)} end
return {'new', '', '', whole(epoch)}
`;

/**
 * Then: version before or nothing, version, text, whether labels changed (1 or 0), idle ms, most sessions, prefix.
 * Answers outcome, cause or the version that is there, its text, label epoch.
 */
export const REPLACE = `${HEAD}
local previous, idle = ARGV[5], tonumber(ARGV[9])
local version = redis.call('HGET', KEYS[2], 'v')
if version and version ~= previous then
  return {'conflict', version, redis.call('HGET', KEYS[2], 't'), whole(epoch)}
end
if not version and previous ~= '' then
  remember()
  return {'unknown', 'forgotten', '', whole(epoch)}
end
if not version then
  local cause = absence()
  if not cause and not room() then cause = 'full' end
  if cause then return {'unknown', cause, '', whole(epoch)} end
end
redis.call('HSET', KEYS[2], 'v', ARGV[6], 't', ARGV[7])
redis.call('PEXPIRE', KEYS[2], ARGV[9])
redis.call('ZADD', KEYS[3], whole(now), member)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', whole(now - idle))
redis.call('PEXPIRE', KEYS[3], whole(idle + 1000))
remember()
local over = redis.call('ZCARD', KEYS[3]) - tonumber(ARGV[10])
if over > 0 then
  for _, other in ipairs(redis.call('ZRANGE', KEYS[3], 0, over)) do
    if over > 0 and other ~= member then
      redis.call('DEL', ARGV[11] .. 's:' .. other)
      redis.call('ZREM', KEYS[3], other)
      over = over - 1
    end
  end
end
if ARGV[8] == '1' then
  -- At least the time in seconds, so that it grows even where the last number was lost.
  epoch = math.max(epoch + 1, math.floor(now / 1000))
  redis.call('SET', KEYS[5], whole(epoch))
end
return {'kept', '', '', whole(epoch)}
`;

/** Answers as REPLACE does. */
export const FORGET = `${HEAD}
redis.call('DEL', KEYS[2])
redis.call('ZREM', KEYS[3], member)
remember()
return {'kept', '', '', whole(epoch)}
`;
