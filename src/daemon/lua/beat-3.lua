#!lua flags=allow-oom
-- A daemon says that it is alive, and hears who else is. Also with the server's memory full: a daemon that settles must not look dead.
-- KEYS  1 the daemon's key  2 sorted set of all daemons by their last heartbeat (ms)  3 what it says of its functions
-- ARGV  1 id  2 what the daemon says of itself (JSON)  3 its time to live (ms)  4 now (ms)  5 those silent for longer leave the list (ms)
--       6 its functions (JSON), or '' when there is nothing to say
-- RETURNS the ids of those that are alive
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if ARGV[6] ~= '' then redis.call('SET', KEYS[3], ARGV[6], 'PX', ARGV[3]) end
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[4] - ARGV[5])
return redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[4] - ARGV[3], '+inf')
