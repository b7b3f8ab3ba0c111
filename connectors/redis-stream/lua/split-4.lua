#!lua
-- Closes one shard and opens two children, if the topology is still the one that the caller saw.
-- KEYS[1] topology hash   KEYS[2] parent's key   KEYS[3] lower child's key   KEYS[4] upper child's key
-- ARGV[1] revision seen   ARGV[2] next shard index after this   then field, JSON of: parent, lower child, upper child
-- Returns {'done'} | {'conflict'} | {'missing', key} | {'taken', key}
if redis.call('HGET', KEYS[1], 'revision') ~= ARGV[1] then return { 'conflict' } end
if redis.call('TYPE', KEYS[2]).ok ~= 'stream' then return { 'missing', KEYS[2] } end
for i = 3, 4 do
  if redis.call('EXISTS', KEYS[i]) == 1 then return { 'taken', KEYS[i] } end
end

-- The seal comes first: should a later command be refused (an ACL), no record slips into a parent that has children.
redis.call('XSETID', KEYS[2], '18446744073709551615-18446744073709551615')
for i = 3, 4 do
  redis.call('XGROUP', 'CREATE', KEYS[i], 'millrace:init', '0', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', KEYS[i], 'millrace:init')
end
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], 'nextShard', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'revision', 1)
return { 'done' }
