#!lua flags=allow-oom
-- A daemon says that it is alive, and hears who else is. Also with the server's memory full: a daemon that settles must not look dead.
-- KEYS  1 the daemon's key  2 sorted set of all daemons by their last heartbeat (ms)
-- ARGV  1 id  2 what the daemon says of itself (JSON)  3 its time to live (ms)  4 now (ms)  5 those silent for longer leave the list (ms)
-- RETURNS the ids of those that are alive
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[4] - ARGV[5])
return redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[4] - ARGV[3], '+inf')
