#!lua flags=allow-oom
-- Makes the caller the one poller that fills a spool: every earlier claim is void from here on.
-- KEYS  1 state hash
-- ARGV  1 identity of what is read; noted when none is, else what is noted stays ('': not known)
-- RETURNS {'missing'} | {'ok', now ms, poller epoch, noted identity}
local time = redis.call('TIME')
local before = redis.call('HGET', KEYS[1], 'sp:epoch')
if not before then return { 'missing' } end
local epoch = string.format('%.0f', math.max(tonumber(before) + 1, time[1] * 1000000 + time[2]))
local origin = redis.call('HGET', KEYS[1], 'sp:origin') or ''
if origin == '' then origin = ARGV[1] end
redis.call('HSET', KEYS[1], 'sp:epoch', epoch, 'sp:origin', origin)
return { 'ok', string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), epoch, origin }
