/**
 * Approvals inside Redis, one script per operation: the same as `memory.ts`, which the contract test holds both to.
 * Everything is written by the script that decided it, with the server's own clock.
 *
 * Keys, all in one hash slot:
 *   b:<binding>   the id of the newest approval of that binding
 *   p:<id>        one approval (hash; `v:<person>` a vote, `q:<i>` and `c:<i>` quorum and voices of need i, `t:<need>` 1)
 *   o:<tenant>, o:<tenant>/<agent>   ids of open approvals by expiry (sorted sets): the caps
 *   k:<tenant>    ids by creation (sorted set): the list
 *   e             ids of pending approvals by creation (sorted set): what may have to be escalated
 *
 * `run` is the server's run id: an approval that people gave to another run of the server (a restart, a replica that was
 * promoted) may have been used there, so it is void unless the configuration says that this Redis forgets nothing.
 */

const HEAD = `
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local function whole(n) return string.format('%.0f', n) end
local function run_id(wanted)
  if wanted ~= '1' then return '' end
  return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
end
`;

const CLOSE = `
local function close(prefix, id, tenant, agent)
  redis.call('ZREM', prefix .. 'o:' .. tenant, id)
  redis.call('ZREM', prefix .. 'o:' .. tenant .. '/' .. agent, id)
  redis.call('ZREM', prefix .. 'e', id)
end
`;

/**
 * KEYS b:<binding>, u:<attempt>. ARGV prefix, binding, attempt, id, tenant, agent, bundle, seq, definition, needs (JSON),
 * about (JSON), lifetime ms, open per agent, open per tenant, keep ms, bind to the run (1 or 0), the approval that the asker
 * has just used up, basis, then per need: its text, its quorum.
 * Answers outcome, cause or voided id or what the attempt has used up, reason, is new, then the fields of the approval.
 */
export const PRESENT = `${HEAD}${CLOSE}
local prefix, binding, attempt, id, tenant, agent = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local bundle, seq, definition = ARGV[7], tonumber(ARGV[8]), ARGV[9]
local lifetime, keep, bound, basis = tonumber(ARGV[12]), tonumber(ARGV[15]), ARGV[16], ARGV[18]
local function answer(outcome, first, second, isnew, key)
  local fields = key and redis.call('HGETALL', key) or {}
  return {outcome, first, second, isnew, whole(now), unpack(fields)}
end

local drawn = ARGV[17] == '' and redis.call('GET', KEYS[2])
if drawn then return answer('answered', drawn, '', '0') end
local voided, reason = '', ''
local current = redis.call('GET', KEYS[1])
if current then
  local key = prefix .. 'p:' .. current
  local f = redis.call('HMGET', key, 'state', 'expires', 'bundle', 'seq', 'definition', 'run', 'used_by', 'basis')
  local state = f[1]
  if state and tonumber(f[2]) > now then
    if state == 'consumed' and f[7] == attempt and current ~= ARGV[17] then return answer('answered', current, '', '0') end
    if state == 'pending' or state == 'approved' or state == 'denied' then
      if f[3] ~= bundle then
        if seq < tonumber(f[4]) then return answer('unknown', 'behind', '', '0') end
        if basis == '' or f[8] ~= basis then reason = 'release' end
      end
      if reason ~= '' then
      elseif f[5] ~= definition then reason = 'definition'
      else
        for i = 19, #ARGV, 2 do
          if redis.call('HEXISTS', key, 't:' .. ARGV[i]) == 0 then reason = 'terms' end
        end
      end
      if reason == '' and state == 'approved' and f[6] ~= run_id(bound) then reason = 'store' end
      if reason == '' then
        if state == 'denied' then return answer('refused', '', '', '0', key) end
        if state == 'pending' then return answer('pending', '', '', '0', key) end
        redis.call('HSET', key, 'state', 'consumed', 'used_by', attempt)
        close(prefix, current, tenant, agent)
        return answer('consumed', '', '', '0', key)
      end
      if state == 'denied' then reason = ''
      else
        voided = current
        redis.call('HSET', key, 'state', 'revoked', 'why', reason)
        close(prefix, current, tenant, agent)
      end
    end
  end
end

local of_tenant, of_agent = prefix .. 'o:' .. tenant, prefix .. 'o:' .. tenant .. '/' .. agent
redis.call('ZREMRANGEBYSCORE', of_tenant, '-inf', whole(now))
redis.call('ZREMRANGEBYSCORE', of_agent, '-inf', whole(now))
if redis.call('ZCARD', of_agent) >= tonumber(ARGV[13]) or redis.call('ZCARD', of_tenant) >= tonumber(ARGV[14]) then
  return answer('unknown', 'full', '', '0')
end
local key, expires = prefix .. 'p:' .. id, now + lifetime
redis.call('HSET', key, 'id', id, 'binding', binding, 'tenant', tenant, 'agent', agent, 'state', 'pending',
  'bundle', bundle, 'seq', ARGV[8], 'definition', definition, 'needs', ARGV[10], 'about', ARGV[11],
  'created', whole(now), 'expires', whole(expires), 'why', '', 'basis', basis)
local count = 0
for i = 19, #ARGV, 2 do
  count = count + 1
  redis.call('HSET', key, 't:' .. ARGV[i], '1', 'q:' .. count, ARGV[i + 1], 'c:' .. count, '0')
end
redis.call('HSET', key, 'n', count)
redis.call('PEXPIREAT', key, whole(expires + keep))
redis.call('SET', KEYS[1], id, 'PXAT', whole(expires + keep))
for _, set in ipairs({of_tenant, of_agent}) do
  redis.call('ZADD', set, whole(expires), id)
end
local list, late = prefix .. 'k:' .. tenant, prefix .. 'e'
redis.call('ZADD', list, whole(now), id)
redis.call('ZREMRANGEBYRANK', list, 0, -1 - 4 * tonumber(ARGV[14]))
redis.call('ZADD', late, whole(now), id)
-- Longer than any hold lasts: an index of what is gone must not stay for ever.
for _, set in ipairs({of_tenant, of_agent, list, late}) do
  redis.call('PEXPIRE', set, whole(32 * 86400000 + keep))
end
return answer('pending', voided, reason, '1', key)
`;

/** KEYS p:<id>. ARGV tenant. Answers the time and the fields. */
export const FIND = `${HEAD}
if redis.call('HGET', KEYS[1], 'tenant') ~= ARGV[1] then return {whole(now)} end
return {whole(now), unpack(redis.call('HGETALL', KEYS[1]))}
`;

/** KEYS k:<tenant>. ARGV prefix, limit, then the wanted states. Answers the time, then the fields of each, newest first. */
export const LIST = `${HEAD}
local wanted = {}
for i = 3, #ARGV do wanted[ARGV[i]] = true end
local all, limit, found = #ARGV == 2, tonumber(ARGV[2]), {whole(now)}
for _, id in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, -1)) do
  if #found > limit then break end
  local key = ARGV[1] .. 'p:' .. id
  local f = redis.call('HMGET', key, 'state', 'expires')
  if not f[1] then redis.call('ZREM', KEYS[1], id)
  else
    local state = f[1]
    if (state == 'pending' or state == 'approved') and tonumber(f[2]) <= now then state = 'expired' end
    if all or wanted[state] then found[#found + 1] = redis.call('HGETALL', key) end
  end
end
return found
`;

/**
 * KEYS p:<id>. ARGV prefix, tenant, id, person, says, holds (JSON), comment, bind to the run (1 or 0), then the numbers of
 * the needs that it counts for. Answers outcome, time, fields.
 */
export const VOTE = `${HEAD}${CLOSE}
local f = redis.call('HMGET', KEYS[1], 'tenant', 'agent', 'state', 'expires', 'n')
if f[1] ~= ARGV[2] then return {'missing', whole(now)} end
local function answer(outcome) return {outcome, whole(now), unpack(redis.call('HGETALL', KEYS[1]))} end
if f[3] ~= 'pending' or tonumber(f[4]) <= now then return answer('closed') end
if redis.call('HEXISTS', KEYS[1], 'v:' .. ARGV[4]) == 1 then return answer('repeated') end
redis.call('HSET', KEYS[1], 'v:' .. ARGV[4], cjson.encode({ARGV[5], ARGV[6], ARGV[7], whole(now)}))
if ARGV[5] == 'deny' then
  redis.call('HSET', KEYS[1], 'state', 'denied')
  close(ARGV[1], ARGV[3], f[1], f[2])
  return answer('counted')
end
for i = 9, #ARGV do redis.call('HINCRBY', KEYS[1], 'c:' .. ARGV[i], 1) end
for i = 1, tonumber(f[5]) do
  local need = redis.call('HMGET', KEYS[1], 'q:' .. i, 'c:' .. i)
  if tonumber(need[2]) < tonumber(need[1]) then return answer('counted') end
end
redis.call('HSET', KEYS[1], 'state', 'approved', 'run', run_id(ARGV[8]))
redis.call('ZREM', ARGV[1] .. 'e', ARGV[3])
return answer('counted')
`;

/** KEYS p:<id>. ARGV prefix, tenant, id, why. Answers outcome, time, fields. */
export const REVOKE = `${HEAD}${CLOSE}
local f = redis.call('HMGET', KEYS[1], 'tenant', 'agent', 'state', 'expires')
if f[1] ~= ARGV[2] then return {'missing', whole(now)} end
local function answer(outcome) return {outcome, whole(now), unpack(redis.call('HGETALL', KEYS[1]))} end
if (f[3] ~= 'pending' and f[3] ~= 'approved') or tonumber(f[4]) <= now then return answer('closed') end
redis.call('HSET', KEYS[1], 'state', 'revoked', 'why', ARGV[4])
close(ARGV[1], ARGV[3], f[1], f[2])
return answer('counted')
`;

/** KEYS e. ARGV prefix, share in millionths, limit. Answers the time, then the fields of each. */
export const OVERDUE = `${HEAD}
local found, limit = {whole(now)}, tonumber(ARGV[3])
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, 9999)) do
  if #found > limit then break end
  local key = ARGV[1] .. 'p:' .. id
  local f = redis.call('HMGET', key, 'state', 'created', 'expires')
  if f[1] ~= 'pending' or tonumber(f[3]) <= now then redis.call('ZREM', KEYS[1], id)
  elseif now >= tonumber(f[2]) + (tonumber(f[3]) - tonumber(f[2])) * tonumber(ARGV[2]) / 1000000 then
    redis.call('ZREM', KEYS[1], id)
    found[#found + 1] = redis.call('HGETALL', key)
  end
end
return found
`;

/*
 * Grants:
 *   g:<id>       one grant (hash)
 *   gt:<target>  ids of those that may match it, by expiry (sorted set)
 *   gk:<tenant>  ids by expiry (sorted set)
 *   u:<attempt>  the grant that an attempt drew on
 */

/** What can be drawn on. */
const USABLE = `
local function usable(key, bound)
  local f = redis.call('HMGET', key, 'state', 'expires', 'used', 'count', 'run')
  return f[1] == 'active' and tonumber(f[2]) > now and tonumber(f[3]) < tonumber(f[4]) and f[5] == run_id(bound)
end
`;

/**
 * KEYS g:<id>, gt:<target>, gk:<tenant>. ARGV id, tenant, document (JSON), count, budget in millionths (-1: none), lifetime
 * ms, per target, per tenant, keep ms, bind to the run (1 or 0). Answers 1, or 0 when there is no room.
 */
export const KEEP_GRANT = `${HEAD}
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', whole(now))
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', whole(now - tonumber(ARGV[9])))
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[7]) or redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[8]) then return 0 end
local expires = now + tonumber(ARGV[6])
redis.call('HSET', KEYS[1], 'tenant', ARGV[2], 'doc', ARGV[3], 'state', 'active', 'count', ARGV[4], 'used', '0',
  'budget', ARGV[5], 'spent', '0', 'created', whole(now), 'expires', whole(expires), 'run', run_id(ARGV[10]))
redis.call('PEXPIREAT', KEYS[1], whole(expires + tonumber(ARGV[9])))
redis.call('ZADD', KEYS[2], whole(expires), ARGV[1])
redis.call('ZADD', KEYS[3], whole(expires), ARGV[1])
return 1
`;

/** KEYS gt:<target> or gk:<tenant>. ARGV prefix, only usable ones (1 or 0), bind to the run (1 or 0). */
export const GRANTS = `${HEAD}${USABLE}
local found = {whole(now)}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, 9999)) do
  local key = ARGV[1] .. 'g:' .. id
  if redis.call('EXISTS', key) == 0 then redis.call('ZREM', KEYS[1], id)
  elseif ARGV[2] == '0' then found[#found + 1] = redis.call('HGETALL', key)
  elseif usable(key, ARGV[3]) then found[#found + 1] = redis.call('HGETALL', key)
  else redis.call('ZREM', KEYS[1], id) end
end
return found
`;

/**
 * KEYS g:<id>, u:<attempt>. ARGV tenant, millionths, bind to the run (1 or 0), id, how long the attempt is known in ms.
 * Answers drawn, nothing or answered.
 */
export const DRAW = `${HEAD}${USABLE}
if redis.call('EXISTS', KEYS[2]) == 1 then return 'answered' end
local f = redis.call('HMGET', KEYS[1], 'tenant', 'budget', 'spent')
if f[1] ~= ARGV[1] or not usable(KEYS[1], ARGV[3]) then return 'nothing' end
if tonumber(f[2]) >= 0 and tonumber(f[3]) + tonumber(ARGV[2]) > tonumber(f[2]) then return 'nothing' end
redis.call('HINCRBY', KEYS[1], 'used', 1)
redis.call('HINCRBY', KEYS[1], 'spent', ARGV[2])
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
return 'drawn'
`;

/** KEYS g:<id>. ARGV tenant, bind to the run (1 or 0). Answers 1 when it could still be used. */
export const REVOKE_GRANT = `${HEAD}${USABLE}
if redis.call('HGET', KEYS[1], 'tenant') ~= ARGV[1] or not usable(KEYS[1], ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'state', 'revoked')
return 1
`;
