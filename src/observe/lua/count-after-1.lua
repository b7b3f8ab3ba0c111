#!lua flags=no-writes
-- Counts records after a position, a bounded step at a time.
-- KEYS  1 stream key
-- ARGV  1 entry id  2 most records to look at
-- RETURNS {how many were found, id of the last of them or ''}
local found = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])
return { #found, #found > 0 and found[#found][1] or '' }
