#!lua flags=no-writes,allow-oom
-- The reader's view of a stream where MULTI is refused: with the server's memory full nothing may be queued.
-- KEYS  1 stream key
-- ARGV  1 from (exclusive with a bracket, as XRANGE has it)  2 to  3 most records
-- RETURNS {records, XINFO STREAM}, as EXEC would; an error in the second place when there is no such stream
return { redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3]), redis.pcall('XINFO', 'STREAM', KEYS[1]) }
