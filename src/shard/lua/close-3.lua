#!lua flags=allow-oom
-- Closes a spooled shard whose part of the source is gone, once everything of it is settled. Its position and counts stay; the next
-- generation opens it again, should its part come back.
-- KEYS  1 state hash  2 spool  3 failure stream (without a notice: any key)
-- ARGV  1 generation  2 poller epoch  3 how many were lost  4 notice (JSON or '')  5 bound of the failure stream in bytes (0: none)
--       6 'notice', or 'message' where KEYS 3 is the shard's outbox
-- RETURNS {'ok'} | {'fenced'} | {'unsettled'} | {'refused', reason}
local time = redis.call('TIME')
local have = redis.call('HMGET', KEYS[1], 'gen', 'sp:epoch', 'units', 'cp', 'sp:last', 'epoch', 'done', 'sp:end', 'n:lostBySource', 'out', 'win')
if have[1] ~= ARGV[1] or have[2] ~= ARGV[2] then return { 'fenced' } end
-- Made already: the answer was lost on its way.
if have[7] == '1' then return { 'ok' } end
-- Nobody takes a closed shard: what a turn still has to move, or a window that is open, comes first.
if have[10] or (have[11] or '') ~= '' then return { 'unsettled' } end
if have[3] ~= '[]' or (have[5] ~= '' and have[5] ~= have[4]) then return { 'unsettled' } end
if ARGV[4] ~= '' then
  local refusal = refusesNotice(KEYS[3], ARGV[4], ARGV[5], ARGV[6])
  if refusal then return { 'refused', refusal } end
end
-- Whoever is about to end a turn that ran dry must not open it again.
local epoch = string.format('%.0f', math.max(tonumber(have[6]) + 1, time[1] * 1000000 + time[2]))
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'epoch', epoch, 'nonce', '', 'owner', '', 'nb', 0, 'exp', 0, 'blk', '', 'why', '', 'done', '1')
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[1], 'sp:next', have[8], 'n:lostBySource', string.format('%.0f', (tonumber(have[9]) or 0) + tonumber(ARGV[3])))
  redis.call('XADD', KEYS[3], '*', ARGV[6], ARGV[4])
end
return { 'ok' }
