#!lua flags=allow-oom
-- Orders the versions of a function by their first registration. Orders are times of the server, so that they rise also where earlier ones
-- were lost: daemons that registered theirs before would take every later version for an older one.
-- KEYS  1 hash: version hash -> order, and `last` -> the highest order
-- ARGV  1 version hash  2 '1': give it a new, highest order (a roll-back registers anew)
-- RETURNS the order of this version
local order = redis.call('HGET', KEYS[1], ARGV[1])
local last = tonumber(redis.call('HGET', KEYS[1], 'last')) or 0
if order and (ARGV[2] ~= '1' or tonumber(order) == last) then return tonumber(order) end
local time = redis.call('TIME')
local new = math.max(last + 1, time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', new), 'last', string.format('%.0f', new))
return new
