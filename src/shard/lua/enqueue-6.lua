#!lua
-- Puts notices of one shard into its redrive, unless they are in it already: two redrives at once run nothing twice.
-- KEYS  1 state hash of the redrive  2 its waiting notices (sorted set)  3 tickets of the mapping  4 its shards with a redrive (set)
--       5 mappings with a redrive (set)  6 texts of notices that come from another system
-- ARGV  1 mapping  2 shard id  3.. triples: member of the sorted set, its ticket's name, text of the notice ('' when it is read where it is)
-- RETURNS 1 or 0 for each notice: whether it was put there now
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local out = {}
for i = 3, #ARGV, 3 do
  local known = redis.call('HGET', KEYS[3], ARGV[i + 1])
  local ticket = known and cjson.decode(known) or {}
  local taken = ticket.state == 'waiting' or ticket.state == 'done'
  if not taken then
    local text = string.format('{"state":"waiting","at":%.0f', now)
    -- What of it succeeded before does not run again.
    if ticket.left then text = text .. ',"left":' .. cjson.encode(ticket.left) end
    redis.call('HSET', KEYS[3], ARGV[i + 1], text .. '}')
    redis.call('ZADD', KEYS[2], 0, ARGV[i])
    if ARGV[i + 2] ~= '' then redis.call('HSET', KEYS[6], ARGV[i + 1], ARGV[i + 2]) end
  end
  out[#out + 1] = taken and 0 or 1
end
if redis.call('ZCARD', KEYS[2]) == 0 then return out end
redis.call('SADD', KEYS[4], ARGV[2])
redis.call('SADD', KEYS[5], ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'cp', '0-0', 'epoch', 0, 'nonce', '', 'owner', '', 'rev', 0, 'gen', 1, 'units', '[]', 'nb', 0, 'exp', 0, 'done', '')
end
return out
