#!lua flags=allow-oom
-- Remembers when the records up to the stream's present end were first seen, for shards whose ids are no times
-- (contract.md, "arrival"). At most one mark per second; beyond the bound every second mark goes, which makes records younger, never older.
-- KEYS  1 state hash  2 stream key
-- ARGV  1 most marks to keep
-- RETURNS the marks as JSON: [[entry id, ms], ...], ascending
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local text = redis.call('HGET', KEYS[1], 'marks') or '[]'
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
if #last == 0 then return text end
local marks = cjson.decode(text)
local newest = marks[#marks]
if newest and (newest[1] == last[1][1] or now - newest[2] < 1000) then return text end
marks[#marks + 1] = { last[1][1], now }
if #marks > tonumber(ARGV[1]) then
  local kept = {}
  for i = 2, #marks, 2 do kept[#kept + 1] = marks[i] end
  if kept[#kept] ~= marks[#marks] then kept[#kept + 1] = marks[#marks] end
  marks = kept
end
text = cjson.encode(marks)
redis.call('HSET', KEYS[1], 'marks', text)
return text
