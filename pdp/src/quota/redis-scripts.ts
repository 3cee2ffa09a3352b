/**
 * The accounts' arithmetic inside Redis, one script per operation: the same as `memory-account.ts`, which the contract
 * test holds both to. Everything is written by the script that decided it, with the server's own clock.
 *
 * Keys, all in one hash slot:
 *   since          since when this server's accounts are known, in milliseconds; gone with everything else after a FLUSHALL
 *   a:<account>    slices of a window (hash: slice -> units; `debt` and `at` of a burst)
 *   l:<account>    leases (sorted set: attempt -> end)
 *   d:<decision>   the attempt that a decision holds
 *   r:<attempt>    what was drawn (hash: `h:<holder>`, `e:<account>` -> kind|units|slice|window|slice length, `s` once settled)
 */

const NOW = `
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local function whole(n) return string.format('%.0f', n) end
`;

/**
 * KEYS since, attempt, decision. ARGV prefix, attempt, holder, lease ms, remember ms, warm-up ms (-1: as long as the window), then per
 * account: key, kind, limit, units (-1: not known), window ms (0: leases), slice ms, burst (-1: none), blocking 1 or 0.
 * Answers outcome, cause, then per account: 1 or 0, used, frees at (-1: not known).
 */
export const RESERVE = `${NOW}
local prefix, attempt, holder = ARGV[1], ARGV[2], ARGV[3]
local lease, remember, warm = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local since = redis.call('GET', KEYS[1])
if not since then
  redis.call('SET', KEYS[1], whole(now))
  since = now
end
local known = now - tonumber(since)
local held = redis.call('HMGET', KEYS[2], 's', 'until')
if held[1] or (held[2] and tonumber(held[2]) <= now) then return {'unknown', 'settled'} end

local accounts = {}
for i = 7, #ARGV, 8 do
  local a = {
    name = ARGV[i], kind = ARGV[i + 1], limit = tonumber(ARGV[i + 2]), units = tonumber(ARGV[i + 3]),
    window = tonumber(ARGV[i + 4]), slice = tonumber(ARGV[i + 5]), burst = tonumber(ARGV[i + 6]),
    blocking = ARGV[i + 7] == '1', fits = true, used = 0, frees = -1
  }
  a.key = prefix .. (a.window == 0 and 'l:' or 'a:') .. a.name
  a.drawn = redis.call('HEXISTS', KEYS[2], 'e:' .. a.name) == 1
  local needed = warm
  if warm < 0 then needed = a.window == 0 and lease or a.window + a.slice end
  if a.blocking and known < needed then return {'unknown', 'warm_up'} end
  accounts[#accounts + 1] = a
end

local function leases(a)
  redis.call('ZREMRANGEBYSCORE', a.key, '-inf', whole(now))
  a.used = redis.call('ZCARD', a.key)
  a.fits = a.used < a.limit
  if not a.fits and a.limit > 0 then
    local first = redis.call('ZRANGE', a.key, 0, 0, 'WITHSCORES')
    a.frees = tonumber(first[2])
  end
end

local function window(a)
  local fields = redis.call('HGETALL', a.key)
  local slices, gone, debt, at = {}, {}, 0, now
  for f = 1, #fields, 2 do
    if fields[f] == 'debt' then debt = tonumber(fields[f + 1])
    elseif fields[f] == 'at' then at = tonumber(fields[f + 1])
    else
      local slice, count = tonumber(fields[f]), tonumber(fields[f + 1])
      if (slice + 1) * a.slice + a.window <= now then gone[#gone + 1] = fields[f]
      else
        slices[#slices + 1] = {slice, count}
        a.used = a.used + count
      end
    end
  end
  if #gone > 0 then redis.call('HDEL', a.key, unpack(gone)) end
  local function fits(use)
    if a.units < 0 then return use < a.limit end
    return use + a.units <= a.limit
  end
  a.debt = math.max(0, debt - math.max(0, now - at) * a.limit / a.window)
  if not fits(a.used) then
    a.fits = false
    table.sort(slices, function(x, y) return x[1] < y[1] end)
    local left = a.used
    for _, entry in ipairs(slices) do
      left = left - entry[2]
      if fits(left) then
        a.frees = (entry[1] + 1) * a.slice + a.window
        break
      end
    end
    return
  end
  if a.burst < 0 then return end
  local units = math.max(0, a.units)
  local over = a.debt + units - a.burst
  if over > 0.000001 then
    a.fits = false
    if a.limit > 0 and units <= a.burst then a.frees = math.ceil(now + over * a.window / a.limit) end
  end
end

local refused = false
for _, a in ipairs(accounts) do
  if not a.drawn then
    if a.window == 0 then leases(a) else window(a) end
    if a.blocking and not a.fits then refused = true end
  end
end
local answer = {refused and 'exceeded' or 'granted', ''}
for _, a in ipairs(accounts) do
  answer[#answer + 1] = a.fits and '1' or '0'
  answer[#answer + 1] = whole(a.used)
  answer[#answer + 1] = whole(a.frees)
end
if refused then return answer end

for _, a in ipairs(accounts) do
  if not a.drawn then
    local units, slice = math.max(0, a.units), 0
    if a.window == 0 then
      redis.call('ZADD', a.key, whole(now + lease), attempt)
      redis.call('PEXPIRE', a.key, whole(lease + 1000))
    else
      slice = math.floor(now / a.slice)
      local count = tonumber(redis.call('HGET', a.key, whole(slice)) or '0')
      redis.call('HSET', a.key, whole(slice), whole(count + units))
      if a.burst >= 0 then
        redis.call('HSET', a.key, 'debt', string.format('%.17g', a.debt + units), 'at', whole(now))
      end
      redis.call('PEXPIRE', a.key, whole(a.window + 2 * a.slice))
    end
    redis.call('HSET', KEYS[2], 'e:' .. a.name,
      a.kind .. '|' .. whole(units) .. '|' .. whole(slice) .. '|' .. whole(a.window) .. '|' .. whole(a.slice))
  end
end
if not held[2] then
  redis.call('HSET', KEYS[2], 'until', whole(now + lease))
  redis.call('PEXPIRE', KEYS[2], whole(remember))
end
redis.call('HSET', KEYS[2], 'h:' .. holder, '1')
local left = redis.call('PTTL', KEYS[2])
redis.call('SET', KEYS[3], attempt, 'PX', whole(math.max(1, left)))
return answer
`;

/** No KEYS but the sentinel. ARGV prefix, then per account: key, window ms (0: leases), slice ms. Answers used, resets at (-1) each. */
export const READ = `${NOW}
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local answer = {}
for i = 2, #ARGV, 3 do
  local name, length, slice = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local used, resets = 0, -1
  if length == 0 then
    local key = ARGV[1] .. 'l:' .. name
    used = redis.call('ZCOUNT', key, '(' .. whole(now), '+inf')
    local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
    if used > 0 then resets = tonumber(last[2]) end
  else
    local fields = redis.call('HGETALL', ARGV[1] .. 'a:' .. name)
    for f = 1, #fields, 2 do
      if fields[f] ~= 'debt' and fields[f] ~= 'at' then
        local free = (tonumber(fields[f]) + 1) * slice + length
        local count = tonumber(fields[f + 1])
        if free > now and count > 0 then
          used = used + count
          resets = math.max(resets, free)
        end
      end
    end
  end
  answer[#answer + 1] = whole(used)
  answer[#answer + 1] = whole(resets)
end
return answer
`;

/** Puts another amount in the place of what was drawn. */
const CORRECT = `
local function correct(prefix, attempt, name, entry, amountOf)
  local kind, units, slice, window, length = string.match(entry, '^(%a+)|(%d+)|(%d+)|(%d+)|(%d+)$')
  if window == '0' then
    redis.call('ZREM', prefix .. 'l:' .. name, attempt)
    return
  end
  local key = prefix .. 'a:' .. name
  local drawn = tonumber(units)
  local amount = amountOf(kind, drawn)
  if amount > drawn then
    local current = whole(math.floor(now / tonumber(length)))
    local count = tonumber(redis.call('HGET', key, current) or '0')
    redis.call('HSET', key, current, whole(count + amount - drawn))
    redis.call('PEXPIRE', key, whole(tonumber(window) + 2 * tonumber(length)))
  elseif amount < drawn then
    local count = redis.call('HGET', key, slice)
    if count then redis.call('HSET', key, slice, whole(math.max(0, tonumber(count) - (drawn - amount)))) end
  end
end
`;

/** KEYS attempt, decision. ARGV prefix, attempt, holder. */
export const RELEASE = `${NOW}${CORRECT}
if redis.call('HEXISTS', KEYS[1], 's') == 1 then return 0 end
if redis.call('HDEL', KEYS[1], 'h:' .. ARGV[3]) == 0 then return 0 end
local fields = redis.call('HGETALL', KEYS[1])
for f = 1, #fields, 2 do
  if string.sub(fields[f], 1, 2) == 'h:' then return 0 end
end
for f = 1, #fields, 2 do
  if string.sub(fields[f], 1, 2) == 'e:' then
    correct(ARGV[1], ARGV[2], string.sub(fields[f], 3), fields[f + 1], function() return 0 end)
  end
end
redis.call('DEL', KEYS[1], KEYS[2])
return 1
`;

/**
 * KEYS decision. ARGV prefix, unused 1 or 0, then units of tokens, cost, bytes (-1: not reported). Answers settled, overrun,
 * repeated or unknown.
 */
export const SETTLE = `${NOW}${CORRECT}
local attempt = redis.call('GET', KEYS[1])
if not attempt then return 'unknown' end
local key = ARGV[1] .. 'r:' .. attempt
local fields = redis.call('HGETALL', key)
if #fields == 0 then return 'unknown' end
if redis.call('HEXISTS', key, 's') == 1 then return 'repeated' end
local actual = {tokens = tonumber(ARGV[3]), cost = tonumber(ARGV[4]), bytes = tonumber(ARGV[5])}
local outcome = 'settled'
local function amountOf(kind, drawn)
  if ARGV[2] == '1' then return 0 end
  local reported = actual[kind]
  if reported and reported >= 0 then
    if kind ~= 'bytes' and drawn > 0 and reported > drawn then outcome = 'overrun' end
    return reported
  end
  return drawn
end
for f = 1, #fields, 2 do
  if string.sub(fields[f], 1, 2) == 'e:' then
    correct(ARGV[1], attempt, string.sub(fields[f], 3), fields[f + 1], amountOf)
  end
  if fields[f] ~= 'until' then redis.call('HDEL', key, fields[f]) end
end
redis.call('HSET', key, 's', '1')
return outcome
`;
