#!lua flags=allow-oom
-- Fetching goes on behind records that the source lost before they were fetched: notice, count and next position in one step. What is
-- spooled before them stays and is settled in its order.
-- KEYS  1 state hash  2 failure stream
-- ARGV  1 generation  2 poller epoch  3 next position as the caller knows it  4 next position from now on  5 how many (a bound)
--       6 notice (JSON)  7 bound of the failure stream in bytes (0: none)  8 'notice', or 'message' where it is the shard's outbox
-- RETURNS {'ok'} | {'fenced'} | {'refused', reason}
local have = redis.call('HMGET', KEYS[1], 'gen', 'sp:epoch', 'sp:next', 'n:lostBySource')
if have[1] ~= ARGV[1] or have[2] ~= ARGV[2] then return { 'fenced' } end
-- Made already: the answer was lost on its way.
if have[3] == ARGV[4] then return { 'ok' } end
if have[3] ~= ARGV[3] then return { 'fenced' } end
local refusal = refusesNotice(KEYS[2], ARGV[6], ARGV[7], ARGV[8])
if refusal then return { 'refused', refusal } end
redis.call('XADD', KEYS[2], '*', ARGV[8], ARGV[6])
redis.call('HSET', KEYS[1], 'sp:next', ARGV[4], 'n:lostBySource', string.format('%.0f', (tonumber(have[4]) or 0) + tonumber(ARGV[5])))
return { 'ok' }
