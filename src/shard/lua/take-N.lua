#!lua flags=allow-oom
-- Takes a shard: raises the epoch, so that every earlier holder is fenced from here on.
-- The epoch is the larger of (stored + 1) and Redis TIME in microseconds: it rises even if a failover lost the stored one.
-- The nonce tells two takes apart that a lossy failover made equal.
-- KEYS  1 state hash  2.. state hashes of the parents  then, with a token, the queue's lock
-- ARGV  1 owner (daemon id)  2 nonce  3 'turn' | 'idle' (only when nobody owns it, or the daemon of 4 does, which is dead) | 'act' (an
--         operator's: also while it is paused)  4 dead owner or ''  5 token in the lock, or ''
-- RETURNS {'ok', now ms, epoch, owner before, field, value, ...} | {'missing'} | {'pending-parent'} | {'done'} | {'owned'} | {'paused'}
--         | {'superseded'} the lock is another's by now, or nobody's
local time = redis.call('TIME')
local have = redis.call('HMGET', KEYS[1], 'cp', 'epoch', 'owner', 'done', 'ps')
if not have[1] then return { 'missing' } end
if have[4] == '1' then return { 'done' } end
if ARGV[3] ~= 'act' and (have[5] or '') ~= '' then return { 'paused' } end
if ARGV[3] == 'idle' and have[3] ~= '' and have[3] ~= ARGV[4] then return { 'owned' } end
-- A process that stood still sends this late: it must not take the shard from the one that has the turn by now.
local locked = ARGV[5] ~= ''
if locked and redis.call('GET', KEYS[#KEYS]) ~= ARGV[5] then return { 'superseded' } end
for i = 2, locked and #KEYS - 1 or #KEYS do
  local parent = redis.call('HMGET', KEYS[i], 'cp', 'done')
  -- A parent without state was never read by this mapping and cannot be waited for (esm-semantics.md 4.1, rule 3).
  if parent[1] and parent[2] ~= '1' then return { 'pending-parent' } end
end
local epoch = math.max(tonumber(have[2]) + 1, time[1] * 1000000 + time[2])
local text = string.format('%.0f', epoch)
redis.call('HSET', KEYS[1], 'epoch', text, 'nonce', ARGV[2], 'owner', ARGV[1])
-- The taker sees the state as it is now, with what operators did (pause-N.lua).
redis.call('HDEL', KEYS[1], 'chg')
local out = redis.call('HGETALL', KEYS[1])
table.insert(out, 1, have[3])
table.insert(out, 1, text)
table.insert(out, 1, string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)))
table.insert(out, 1, 'ok')
return out
