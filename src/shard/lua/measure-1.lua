#!lua flags=no-writes
-- Counts and weighs the records after an id: whether a batch is full before its window has passed.
-- KEYS  1 stream key
-- ARGV  1 after (exclusive)  2 most records to look at
-- RETURNS {records, bytes of their names and values, last id looked at or ''}
local found = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])
local bytes = 0
for i = 1, #found do
  local fields = found[i][2]
  for j = 1, #fields do bytes = bytes + #fields[j] end
end
return { #found, bytes, #found > 0 and found[#found][1] or '' }
