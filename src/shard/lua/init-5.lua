#!lua flags=allow-oom
-- Gives a shard its state for one mapping, once; a shard that has state keeps it.
-- KEYS  1 state hash  2 shard index of the mapping (zset)  3 readers of the stream key (set)  4 stream key  5 mapping hash
-- ARGV  1 shard id  2 checkpoint  3 entries-read at the checkpoint  4 parents (JSON list)  5 mapping  6 consumer group  7 stream key as text
--       8 of a spool, the source's end; else ''
-- RETURNS 1 when the state is new, 0 when it was there
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('SADD', KEYS[3], ARGV[5])
local created = redis.call('HSETNX', KEYS[1], 'cp', ARGV[2])
if created == 1 then
  redis.call('HSET', KEYS[1], 'read', ARGV[3], 'gen', 1, 'epoch', 0, 'nonce', '', 'owner', '', 'rev', 0, 'units', '[]',
    'nb', 0, 'exp', 0, 'blk', '', 'res', 'No records processed', 'at', 0, 'done', '', 'why', '', 'born', now, 'key', ARGV[7], 'parents', ARGV[4])
  -- One of a paused mapping waits with the others (pause-N.lua).
  if redis.call('HGET', KEYS[5], 'paused') == '1' then redis.call('HSET', KEYS[1], 'ps', now) end
  -- The checkpoint `<n>-0` means that fetching begins at n.
  if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'sp:epoch', 0, 'sp:next', string.match(ARGV[2], '^(%d+)-'), 'sp:last', '', 'sp:end', ARGV[8]) end
end
-- Cosmetic, so it may fail (the key may not exist yet, the group may): settle repairs it.
redis.pcall('XGROUP', 'CREATE', KEYS[4], ARGV[6], ARGV[2], 'ENTRIESREAD', ARGV[3])
return created
