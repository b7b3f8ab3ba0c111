#!lua
-- Closes two adjacent shards and opens their child, if the topology is still the one that the caller saw.
-- KEYS[1] topology hash   KEYS[2] parent's key   KEYS[3] adjacent parent's key   KEYS[4] child's key
-- ARGV[1] revision seen   ARGV[2] next shard index after this   then field, JSON of: parent, adjacent parent, child
-- Returns {'done'} | {'conflict'} | {'missing', key} | {'taken', key}
if redis.call('HGET', KEYS[1], 'revision') ~= ARGV[1] then return { 'conflict' } end
for i = 2, 3 do
  if redis.call('TYPE', KEYS[i]).ok ~= 'stream' then return { 'missing', KEYS[i] } end
end
if redis.call('EXISTS', KEYS[4]) == 1 then return { 'taken', KEYS[4] } end

for i = 2, 3 do
  redis.call('XSETID', KEYS[i], '18446744073709551615-18446744073709551615')
end
redis.call('XGROUP', 'CREATE', KEYS[4], 'millrace:init', '0', 'MKSTREAM')
redis.call('XGROUP', 'DESTROY', KEYS[4], 'millrace:init')
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], 'nextShard', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'revision', 1)
return { 'done' }
