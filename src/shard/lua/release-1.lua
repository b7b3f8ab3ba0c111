#!lua flags=allow-oom
-- Ends a turn: nobody owns the shard, and the pollers hear where its watch begins. Harmless when the shard was lost meanwhile.
-- KEYS  1 state hash
-- ARGV  1 epoch  2 nonce  3 channel  4 message for the pollers
-- RETURNS 1 when it was ours to release, else 0
local have = redis.call('HMGET', KEYS[1], 'epoch', 'nonce')
if have[1] ~= ARGV[1] or have[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'owner', '')
redis.pcall('PUBLISH', ARGV[3], ARGV[4])
return 1
