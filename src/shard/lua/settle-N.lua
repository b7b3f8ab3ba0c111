#!lua flags=allow-oom
-- The one atomic step that moves a shard: checkpoint, retry state, notices, counters, group marker.
-- A script does not roll back, so it has two halves: the first checks everything and writes nothing, the second consists of
-- commands that cannot fail after the checks; what is only cosmetic comes last, under pcall.
-- KEYS  1 state hash  2 stream key  3 failure stream (with notices; else any key that the ACL lets through)
--       with outputs: 4 pieces of staged ones (list)  5 topology hash of the output stream  6.. its keys that outputs go to
-- ARGV  1 epoch  2 nonce  3 revision (stored + 1; equal: this settle was made already)  4 generation  5 checkpoint ('' keeps it)
--       6 entries-read  7 units (JSON)  8 not before (ms)  9 expiry of the head (ms)  10 blocked view (JSON or '')
--       11 last processing result ('' keeps it)  12 why (reason shown in status)  13 done ('1' or '')  14 consumer group
--       15 bound of the failure stream in bytes (0: none)  16 notices older than this may go to make room (ms; 0: none)
--       17 succeeded  18 expired  19 given up  20 filtered  21 lost by source (all to be added)  22 how many notices
--       23 'notice', or 'message' where KEYS 3 is the shard's outbox: beyond its bound it takes one settle, when it is empty  24.. these (JSON)
--       then, with outputs: a name of the output stream  b staged pieces that become official, 0: none  c name of their stage
--       d revision of the topology, '' where there is none  e index of each entry's key among KEYS 6.., from 0, as 16-bit numbers
--       f the entries, packed: 4 texts each, a big-endian 32-bit length before each (partition key, data, origin, headers)
--       then the lanes (JSON, 'none': there are none any more, '' keeps them)  where those begin that are free to go on ('': none is)
--       the last three  the newest window (JSON, '' keeps it)  when it ends without records (ms)  its state (JSON, '' keeps it)
-- RETURNS {'ok', now ms, '1' when an operator paused the shard since it was taken, or let it run again} | {'repeated', the same}
--         | {'paused', now ms} likewise, so that nothing may expire now | {'stale', now ms} the output stream was resharded | {'fenced', epoch} | {'refused', reason, now ms}
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))

-- check ------------------------------------------------------------------------------------------------------------
local have = redis.pcall('HMGET', KEYS[1], 'epoch', 'nonce', 'rev', 'gen', 'cp',
  'n:succeeded', 'n:expired', 'n:givenUp', 'n:filtered', 'n:lostBySource', 'n:redelivered', 'chg')
if have.err then return { 'refused', 'the state of the shard is of the wrong type: ' .. have.err, now } end
if have[1] ~= ARGV[1] or have[2] ~= ARGV[2] then return { 'fenced', have[1] or '' } end
if have[3] == ARGV[3] then return { 'repeated', now, have[12] or '' } end
if tonumber(have[3]) + 1 ~= tonumber(ARGV[3]) then return { 'fenced', have[1] } end
if have[12] and tonumber(ARGV[18]) > 0 then return { 'paused', now } end
if not redis.acl_check_cmd('HSET', KEYS[1], 'cp', '') then return { 'refused', 'the ACL refuses HSET on the state of the shard', now } end

local function parts(id)
  local dash = string.find(id, '-', 1, true)
  return string.sub(id, 1, dash - 1), string.sub(id, dash + 1)
end
-- Decimal texts without leading zeros: 64-bit numbers do not fit into Lua's.
local function below(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end
local checkpoint = ARGV[5]
if checkpoint ~= '' and ARGV[4] == have[4] then
  local ms, seq = parts(checkpoint)
  local oldMs, oldSeq = parts(have[5])
  if below(ms, oldMs) or (ms == oldMs and below(seq, oldSeq)) then
    return { 'refused', 'the checkpoint would go back from ' .. have[5] .. ' to ' .. checkpoint, now }
  end
end

local outputs = 24 + tonumber(ARGV[22])
local what = ARGV[23] == 'message' and 'outbox' or 'failure stream'
local function destination()
  local refusal, kind = unfit(KEYS[3], what)
  if refusal or kind == 'none' then return refusal end
  local bound = tonumber(ARGV[15])
  if bound == 0 then return nil end
  -- However large a unit is, it must be able to end.
  if what == 'outbox' and redis.call('XLEN', KEYS[3]) == 0 then return nil end
  local size = 0
  for i = 24, outputs - 1 do size = size + #ARGV[i] end
  local used = redis.pcall('MEMORY', 'USAGE', KEYS[3])
  if type(used) == 'table' and used.err then return 'the ACL refuses MEMORY USAGE on ' .. KEYS[3] end
  if (used or 0) + size <= bound then return nil end
  return what == 'outbox' and 'outbox-full' or 'failure-stream-full'
end
if outputs > 24 then
  local refusal = destination()
  if refusal == 'failure-stream-full' and tonumber(ARGV[16]) > 0 then
    -- Notices past their keeping time make room first; this is no part of the settle and harmless by itself.
    redis.pcall('XTRIM', KEYS[3], 'MINID', string.format('%.0f', tonumber(now) - tonumber(ARGV[16])))
    refusal = destination()
  end
  if refusal then return { 'refused', refusal, now } end
end
local staged = '0'
if #KEYS > 3 then
  staged = ARGV[outputs + 1]
  local stage = redis.call('HMGET', KEYS[1], 'out', 'stg')
  if (stage[1] or '0') ~= '0' then return { 'refused', 'outputs that were staged before are not moved yet', now } end
  if staged ~= '0' and (stage[2] ~= ARGV[outputs + 2] or tostring(redis.call('LLEN', KEYS[4])) ~= staged) then
    return { 'refused', 'outputs that were staged are not there any more', now }
  end
  if staged == '0' and (redis.call('HGET', KEYS[5], 'revision') or '') ~= ARGV[outputs + 3] then return { 'stale', now } end
  for i = 6, #KEYS do
    local refusal = unfitForOutputs(KEYS[i], ARGV[outputs + 3] ~= '')
    if refusal then return { 'refused', refusal, now } end
  end
end

-- write ------------------------------------------------------------------------------------------------------------
local fields = { 'rev', ARGV[3], 'gen', ARGV[4], 'units', ARGV[7], 'nb', ARGV[8], 'exp', ARGV[9], 'blk', ARGV[10], 'why', ARGV[12], 'done', ARGV[13] }
local function set(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
if checkpoint ~= '' then
  set('cp', checkpoint)
  set('read', ARGV[6])
  set('at', now)
end
if ARGV[4] ~= have[4] then
  -- The stream was made anew: what was seen of the old one is reported by now.
  set('seenAdded', 0)
  set('seenLast', '')
  set('marks', '[]')
  set('rwTo', '')
end
if ARGV[11] ~= '' then set('res', ARGV[11]) end
if ARGV[#ARGV - 2] ~= '' then
  set('win', ARGV[#ARGV - 2])
  set('winDue', ARGV[#ARGV - 1])
  if ARGV[#ARGV] ~= '' then set('winState', ARGV[#ARGV]) end
end
local lanes = ARGV[#ARGV - 4]
if lanes ~= '' then
  set('lanes', lanes == 'none' and '' or lanes)
  set('free', lanes == 'none' and '' or ARGV[#ARGV - 3])
end
local counters = { 'n:succeeded', 'n:expired', 'n:givenUp', 'n:filtered', 'n:lostBySource' }
for i, name in ipairs(counters) do
  local more = tonumber(ARGV[16 + i])
  if more > 0 then set(name, string.format('%.0f', (tonumber(have[5 + i]) or 0) + more)) end
end
if staged ~= '0' then
  set('out', staged)
  set('outTo', ARGV[outputs])
end
redis.call('HSET', KEYS[1], unpack(fields))
for i = 24, outputs - 1 do redis.call('XADD', KEYS[3], '*', ARGV[23], ARGV[i]) end
if #KEYS > 5 then
  local index, packed, at = ARGV[outputs + 4], ARGV[outputs + 5], 1
  for n = 0, #index / 2 - 1 do
    local k, d, o, h
    k, d, o, h, at = struct.unpack('>I4c0I4c0I4c0I4c0', packed, at)
    addOutput(KEYS[6 + struct.unpack('>H', index, 2 * n + 1)], k, d, o, h)
  end
end

-- cosmetic ---------------------------------------------------------------------------------------------------------
if checkpoint ~= '' then
  local moved = redis.pcall('XGROUP', 'SETID', KEYS[2], ARGV[14], checkpoint, 'ENTRIESREAD', ARGV[6])
  if type(moved) == 'table' and moved.err then
    redis.pcall('XGROUP', 'CREATE', KEYS[2], ARGV[14], checkpoint, 'ENTRIESREAD', ARGV[6])
  end
end
return { 'ok', now, have[12] or '' }
