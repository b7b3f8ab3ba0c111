#!lua flags=allow-oom
-- Makes a mapping known by its name, or says that the name is taken by another one.
-- KEYS  1 mapping hash  2 set of all mappings' names
-- ARGV  1 name  2 pinned fields (JSON)  3 what source it is (JSON: type and name)  4 function  5 function version  6 state
--       7 '1': other pinned fields (never another source) may replace the stored ones  8 all settings of the source (JSON), for status
--       9 the output (JSON, or '' without one), for status
-- RETURNS {'ok'} | {'conflict', stored pinned} | {'source', stored pinned}
local time = redis.call('TIME')
local stored = redis.call('HMGET', KEYS[1], 'pinned', 'identity')
if stored[1] and stored[1] ~= ARGV[2] then
  if stored[2] ~= ARGV[3] then return { 'source', stored[1] } end
  if ARGV[7] ~= '1' then return { 'conflict', stored[1] } end
end
if not stored[1] then redis.call('HSET', KEYS[1], 'createdAt', time[1] * 1000 + math.floor(time[2] / 1000)) end
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], 'pinned', ARGV[2], 'identity', ARGV[3], 'source', ARGV[8], 'function', ARGV[4], 'functionVersion', ARGV[5], 'state', ARGV[6], 'output', ARGV[9])
return { 'ok' }
