#!lua flags=allow-oom
-- One step of sending what is in one of a shard's outboxes: what was acknowledged goes, the outcome is noted, and the caller takes or
-- renews its lease. An entry goes by its id alone, so that a step made twice, or late, removes nothing that was not sent.
-- KEYS  1 state hash  2 outbox
-- ARGV  1 caller  2 lease (ms; 0: gives it back)  3 what went wrong ('': nothing did; '-': not known)  4 most entries to be read
--       5 most bytes (one entry comes whatever its size)  6 beginning of the fields' names in the state  7 name of the shard's sending,
--       for when it has none ('': it needs none)  8.. ids that were acknowledged
-- RETURNS {'gone'} the shard has no state | {'other'} somebody else sends | {'held', name of the sending, id, {field, value...}, id, ...}
if redis.call('EXISTS', KEYS[1]) == 0 then return { 'gone' } end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 8, #ARGV do redis.call('XDEL', KEYS[2], ARGV[i]) end
local by, till, wrong, name = ARGV[6] .. ':by', ARGV[6] .. ':until', ARGV[6] .. ':err', ARGV[6] .. ':name'
local lease = redis.call('HMGET', KEYS[1], by, till)
if lease[1] and lease[1] ~= ARGV[1] and tonumber(lease[2]) > now then return { 'other' } end
if ARGV[7] ~= '' then redis.call('HSETNX', KEYS[1], name, ARGV[7]) end
redis.call('HSET', KEYS[1], by, ARGV[1], till, string.format('%.0f', now + tonumber(ARGV[2])))
if ARGV[3] ~= '-' then redis.call('HSET', KEYS[1], wrong, ARGV[3]) end
local out, bytes, from = { 'held', redis.call('HGET', KEYS[1], name) or '' }, 0, '-'
while #out / 2 - 1 < tonumber(ARGV[4]) do
  local few = math.min(8, tonumber(ARGV[4]) - (#out / 2 - 1))
  local found = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', few)
  for _, entry in ipairs(found) do
    for _, text in ipairs(entry[2]) do bytes = bytes + #text end
    if #out > 2 and bytes > tonumber(ARGV[5]) then return out end
    out[#out + 1] = entry[1]
    out[#out + 1] = entry[2]
  end
  if #found < few then return out end
  from = '(' .. found[few][1]
end
return out
