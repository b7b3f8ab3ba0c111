#!lua flags=allow-oom
-- Orders the versions of a function by their first registration.
-- KEYS  1 hash: version hash -> order, and `last` -> the highest order
-- ARGV  1 version hash  2 '1': give it a new, highest order (a roll-back registers anew)
-- RETURNS the order of this version
local order = redis.call('HGET', KEYS[1], ARGV[1])
local last = tonumber(redis.call('HGET', KEYS[1], 'last')) or 0
if order and (ARGV[2] ~= '1' or tonumber(order) == last) then return tonumber(order) end
redis.call('HSET', KEYS[1], ARGV[1], last + 1, 'last', last + 1)
return last + 1
