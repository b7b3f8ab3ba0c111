#!lua flags=no-writes
-- Counts and weighs the records after an id: whether a batch is full before its window has passed.
-- KEYS  1 stream key
-- ARGV  1 after (exclusive)  2 most records to look at  3 '1' where the key is a spool (their names are not weighed there), else ''
-- RETURNS {records, bytes of their names and values, last id looked at or ''}
local most, records, bytes, last = tonumber(ARGV[2]), 0, 0, ''
if ARGV[3] == '' then
  local found = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', most)
  for i = 1, #found do
    local fields = found[i][2]
    for j = 1, #fields do bytes = bytes + #fields[j] end
  end
  return { #found, bytes, #found > 0 and found[#found][1] or '' }
end
local function see(number, _, size)
  records, bytes, last = records + 1, bytes + size, string.format('%.0f-0', number)
  return records == most
end
repeat
  local after = last == '' and ARGV[1] or last
  local entry = redis.call('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT', 1)[1]
until not entry or walkSpool(entry, after, see)
return { records, bytes, last }
