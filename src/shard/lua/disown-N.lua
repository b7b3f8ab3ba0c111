#!lua flags=allow-oom
-- Takes shards whose state is gone out of their mapping's index, so that they are given a new one as shards are that it meets for the first time.
-- KEYS  1 shard index of the mapping (zset)  2.. state hashes
-- ARGV  1.. shard ids
-- RETURNS the ids that were taken out
local out = {}
for i, id in ipairs(ARGV) do
  -- One of the wrong type is somebody's mistake, and not gone.
  if redis.pcall('HEXISTS', KEYS[i + 1], 'cp') == 0 and redis.call('ZREM', KEYS[1], id) == 1 then out[#out + 1] = id end
end
return out
