#!lua flags=allow-oom
-- One step of sending a shard's messages: what was acknowledged goes, the outcome is noted, and the caller takes or renews its lease.
-- A message goes by its id alone, so that a step made twice, or late, removes nothing that was not sent.
-- KEYS  1 state hash  2 outbox
-- ARGV  1 caller  2 lease (ms; 0: gives it back)  3 what went wrong ('': nothing did; '-': not known)  4 most messages to be read
--       5 most bytes (one message comes whatever its size)  6.. ids that were acknowledged
-- RETURNS {'gone'} the shard has no state | {'other'} somebody else sends | {'held', id, message, id, message...}
if redis.call('EXISTS', KEYS[1]) == 0 then return { 'gone' } end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 6, #ARGV do redis.call('XDEL', KEYS[2], ARGV[i]) end
local lease = redis.call('HMGET', KEYS[1], 'ob:by', 'ob:until')
if lease[1] and lease[1] ~= ARGV[1] and tonumber(lease[2]) > now then return { 'other' } end
redis.call('HSET', KEYS[1], 'ob:by', ARGV[1], 'ob:until', string.format('%.0f', now + tonumber(ARGV[2])))
if ARGV[3] ~= '-' then redis.call('HSET', KEYS[1], 'ob:err', ARGV[3]) end
local out, bytes, from = { 'held' }, 0, '-'
while (#out - 1) / 2 < tonumber(ARGV[4]) do
  local few = math.min(8, tonumber(ARGV[4]) - (#out - 1) / 2)
  local found = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', few)
  for _, entry in ipairs(found) do
    bytes = bytes + #entry[2][2]
    if #out > 1 and bytes > tonumber(ARGV[5]) then return out end
    out[#out + 1] = entry[1]
    out[#out + 1] = entry[2][2]
  end
  if #found < few then return out end
  from = '(' .. found[few][1]
end
return out
