#!lua flags=allow-oom
-- Deletes a sharded stream with its records, if the topology is still the one that the caller saw.
-- KEYS[1] topology hash   KEYS[2] set of stream names   KEYS[3..] shard keys
-- ARGV[1] revision seen   ARGV[2] name
-- Returns {'done'} | {'conflict'}
if redis.call('HGET', KEYS[1], 'revision') ~= ARGV[1] then return { 'conflict' } end
for i = 3, #KEYS do
  redis.call('UNLINK', KEYS[i])
end
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[2])
return { 'done' }
