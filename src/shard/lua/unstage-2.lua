#!lua flags=allow-oom
-- Removes staged outputs that never became official.
-- KEYS  1 state hash  2 pieces (list)
-- ARGV  1 epoch  2 nonce
-- RETURNS {'ok'} | {'fenced', epoch}
local have = redis.call('HMGET', KEYS[1], 'epoch', 'nonce', 'out')
if have[1] ~= ARGV[1] or have[2] ~= ARGV[2] then return { 'fenced', have[1] or '' } end
if (have[3] or '0') == '0' then
  redis.call('DEL', KEYS[2])
  redis.call('HDEL', KEYS[1], 'stg', 'outTo')
end
return { 'ok' }
