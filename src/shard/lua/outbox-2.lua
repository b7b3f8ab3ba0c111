#!lua flags=allow-oom
-- One step of sending what is in one of a shard's outboxes: what was acknowledged goes, the outcome is noted, and the caller takes or
-- renews its lease. Entries go by their ids, and only while the last read is the one that they came with: a Redis that comes back without
-- its last writes gives ids anew, and has no such read. So a step made twice, or late, removes nothing that was not sent.
-- KEYS  1 state hash  2 outbox
-- ARGV  1 caller  2 lease (ms; 0: gives it back)  3 what went wrong ('': nothing did; '-': not known)  4 most entries to be read
--       5 most bytes (one entry comes whatever its size)  6 beginning of the fields' names in the state  7 name of the shard's sending,
--       for when it has none ('': it needs none)  8 name of this read, of any step that reads  9 name of the read that 10.. came with
--       10.. ids that were acknowledged
-- RETURNS {'gone'} the shard has no state | {'other'} somebody else sends | {'held', name of the sending, id, {field, value...}, id, ...}
if redis.call('EXISTS', KEYS[1]) == 0 then return { 'gone' } end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local by, till, wrong, name, read = ARGV[6] .. ':by', ARGV[6] .. ':until', ARGV[6] .. ':err', ARGV[6] .. ':name', ARGV[6] .. ':read'
local lease = redis.call('HMGET', KEYS[1], by, till, read)
if lease[3] and lease[3] == ARGV[9] then
  for i = 10, #ARGV do redis.call('XDEL', KEYS[2], ARGV[i]) end
end
local left = (tonumber(lease[2]) or 0) - now
-- One that lasts longer than a lease does was given by a server whose clock was ahead.
local reads = ARGV[4] ~= '0'
if lease[1] and lease[1] ~= ARGV[1] and left > 0 and not (reads and left > tonumber(ARGV[2])) then return { 'other' } end
if ARGV[7] ~= '' then redis.call('HSETNX', KEYS[1], name, ARGV[7]) end
redis.call('HSET', KEYS[1], by, ARGV[1], till, string.format('%.0f', now + tonumber(ARGV[2])))
if reads then redis.call('HSET', KEYS[1], read, ARGV[8]) end
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
