-- Removes a turn that exists but sits in no set (a queue key was lost): its de-duplication key would swallow every wake for ever.
-- KEYS  1 de-duplication key  2 wait  3 active  4 delayed  5 paused  6 prioritized  7 key of the waiting successor (dn:)
-- ARGV  1 prefix of the queue's job keys
-- RETURNS 1 when something was removed, else 0
local job = redis.call('GET', KEYS[1])
if not job then return 0 end
if redis.call('LPOS', KEYS[2], job) or redis.call('LPOS', KEYS[3], job) or redis.call('ZSCORE', KEYS[4], job)
  or redis.call('LPOS', KEYS[5], job) or redis.call('ZSCORE', KEYS[6], job) then
  return 0
end
redis.call('DEL', KEYS[1], KEYS[7], ARGV[1] .. job, ARGV[1] .. job .. ':lock')
return 1
