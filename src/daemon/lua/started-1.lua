#!lua flags=allow-oom
-- From here on shards that appear are read from their beginning, whatever startingPosition says.
-- KEYS  1 mapping hash
-- RETURNS 1 when it was not so before, else 0
return redis.call('HSET', KEYS[1], 'started', '1')
