#!lua
-- Creates a sharded stream, all of it or nothing.
-- KEYS[1] topology hash   KEYS[2] set of stream names   KEYS[3] plain key of the same name   KEYS[4..] shard keys
-- ARGV[1] name   ARGV[2] retention in hours   then per shard: shard id, JSON of the shard
-- Returns {'created'} | {'exists'} | {'taken', key}
if redis.call('EXISTS', KEYS[1]) == 1 then return { 'exists' } end
for i = 3, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then return { 'taken', KEYS[i] } end
end

-- An empty stream that NOMKSTREAM accepts: a group creates the key, and leaves no trace in it when it goes.
for i = 4, #KEYS do
  redis.call('XGROUP', 'CREATE', KEYS[i], 'millrace:init', '0', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', KEYS[i], 'millrace:init')
end
local time = redis.call('TIME')
local now = time[1] .. string.format('%03d', math.floor(time[2] / 1000))
local count = #KEYS - 3
for i = 1, count do
  redis.call('HSET', KEYS[1], 'shard:' .. ARGV[1 + 2 * i], ARGV[2 + 2 * i])
end
redis.call('HSET', KEYS[1], 'createdAt', now, 'revision', now, 'createdShards', count, 'nextShard', count,
  'retentionHours', ARGV[2])
redis.call('SADD', KEYS[2], ARGV[1])
return { 'created' }
