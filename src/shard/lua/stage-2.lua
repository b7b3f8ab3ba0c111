#!lua
-- Lays a piece of a unit's outputs beside the shard, unseen, until the settle makes all of them official (settle-N.lua). Its first piece
-- removes what a crash between staging and settling left behind.
-- KEYS  1 state hash  2 pieces (list)
-- ARGV  1 epoch  2 nonce  3 which settle it is for (the stage's name)  4 number of the piece, from 0  5 packed entries
-- RETURNS {'ok'} | {'fenced', epoch} | {'unmoved'} pieces that are official were not moved yet
local have = redis.call('HMGET', KEYS[1], 'epoch', 'nonce', 'out', 'stg')
if have[1] ~= ARGV[1] or have[2] ~= ARGV[2] then return { 'fenced', have[1] or '' } end
if (have[3] or '0') ~= '0' then return { 'unmoved' } end
local at = tonumber(ARGV[4])
if at == 0 then
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'stg', ARGV[3])
end
local length = redis.call('LLEN', KEYS[2])
-- Sent twice: it is there.
if at > 0 and length > at then return { 'ok' } end
if length ~= at or (at > 0 and have[4] ~= ARGV[3]) then return { 'fenced', have[1] } end
redis.call('RPUSH', KEYS[2], ARGV[5])
return { 'ok' }
