#!lua flags=allow-oom
-- The one atomic step that moves a redrive: retry state, outputs that were staged, and the end of a notice. As settle-N.lua: the first half
-- checks everything and writes nothing.
-- KEYS  1 state hash of the redrive  2 its waiting notices (sorted set)  3 tickets of the mapping  4 its shards with a redrive (set)
--       5 mappings with a redrive (set)  6 texts of notices from another system  7 pieces of staged outputs (list)
--       8 failure stream (with an entry of it; else any key that the ACL lets through)  9 state hash of the shard
-- ARGV  1 epoch  2 nonce  3 revision (stored + 1; equal: this step was made already)  4 mapping  5 shard id  6 units (JSON)  7 not before (ms)
--       8 expiry of the head (ms)  9 why  10 notice at work (member of the sorted set, '' when none)  11 what of it failed for good (JSON)
--       12 staged pieces that become official, 0: none  13 name of their stage  14 output stream
--       15 notice that ended (member, '' when none)  16 its ticket's name  17 its ticket from now on (JSON, '' when it needs none)
--       18 entry of the failure stream that goes with the notice that ended; when none did, it is checked whether it could ('' when none)  19 '1': a run begins, which a pause of the shard forbids
--       20 open window of the notice at work (JSON, '' when there is none)
-- RETURNS {'ok', now ms} | {'paused'} | {'repeated', now ms} | {'fenced', epoch} | {'refused', reason, now ms}
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))

-- check ------------------------------------------------------------------------------------------------------------
local have = redis.call('HMGET', KEYS[1], 'epoch', 'nonce', 'rev', 'out', 'stg')
if have[1] ~= ARGV[1] or have[2] ~= ARGV[2] then return { 'fenced', have[1] or '' } end
if have[3] == ARGV[3] then return { 'repeated', now } end
if tonumber(have[3]) + 1 ~= tonumber(ARGV[3]) then return { 'fenced', have[1] } end
if ARGV[19] == '1' and (redis.call('HGET', KEYS[9], 'ps') or '') ~= '' then return { 'paused' } end
if ARGV[12] ~= '0' then
  if (have[4] or '0') ~= '0' then return { 'refused', 'outputs that were staged before are not moved yet', now } end
  if have[5] ~= ARGV[13] or tostring(redis.call('LLEN', KEYS[7])) ~= ARGV[12] then
    return { 'refused', 'outputs that were staged are not there any more', now }
  end
end
if ARGV[18] ~= '' then
  local kind = redis.pcall('TYPE', KEYS[8])
  if kind.err then return { 'refused', 'the ACL refuses TYPE on ' .. KEYS[8], now } end
  if kind.ok ~= 'stream' and kind.ok ~= 'none' then return { 'refused', 'the failure stream ' .. KEYS[8] .. ' is a ' .. kind.ok, now } end
  if not redis.acl_check_cmd('XDEL', KEYS[8], ARGV[18]) then return { 'refused', 'the ACL refuses XDEL on ' .. KEYS[8], now } end
end

-- write ------------------------------------------------------------------------------------------------------------
redis.call('HSET', KEYS[1], 'rev', ARGV[3], 'units', ARGV[6], 'nb', ARGV[7], 'exp', ARGV[8], 'why', ARGV[9], 'cur', ARGV[10], 'gave', ARGV[11], 'win', ARGV[20])
if ARGV[12] ~= '0' then redis.call('HSET', KEYS[1], 'out', ARGV[12], 'outTo', ARGV[14]) end
if ARGV[15] ~= '' then
  if ARGV[18] ~= '' then redis.call('XDEL', KEYS[8], ARGV[18]) end
  redis.call('ZREM', KEYS[2], ARGV[15])
  redis.call('HDEL', KEYS[6], ARGV[16])
  if ARGV[17] == '' then redis.call('HDEL', KEYS[3], ARGV[16]) else redis.call('HSET', KEYS[3], ARGV[16], ARGV[17]) end
end
-- Outputs that are not moved yet keep it in sight: whoever takes it next moves them.
local moved = ARGV[12] == '0' and (have[4] or '0') == '0'
if moved and ARGV[10] == '' and redis.call('ZCARD', KEYS[2]) == 0 then
  redis.call('SREM', KEYS[4], ARGV[5])
  if redis.call('SCARD', KEYS[4]) == 0 then redis.call('SREM', KEYS[5], ARGV[4]) end
end
return { 'ok', now }
