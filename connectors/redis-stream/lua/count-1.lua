#!lua flags=no-writes
-- Counts entries of a range, some at a time and without sending them anywhere.
-- KEYS[1] stream key   ARGV[1] XRANGE start   ARGV[2] XRANGE end   ARGV[3] how many at most
-- Returns {count, id of the last one counted or ''}
local entries = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3])
if #entries == 0 then return { 0, '' } end
return { #entries, entries[#entries][1] }
