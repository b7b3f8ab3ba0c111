#!lua flags=allow-oom
-- A spool lost what it held: everything behind the checkpoint is fetched again. Ids, units and counts stay as they are.
-- KEYS  1 state hash  2 spool
-- ARGV  1 generation  2 poller epoch
-- RETURNS {'ok'} | {'fenced'}
local have = redis.call('HMGET', KEYS[1], 'gen', 'sp:epoch', 'cp')
if have[1] ~= ARGV[1] or have[2] ~= ARGV[2] then return { 'fenced' } end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'sp:next', string.match(have[3], '^(%d+)-'), 'sp:last', '')
return { 'ok' }
