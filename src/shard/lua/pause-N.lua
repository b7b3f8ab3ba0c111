#!lua flags=allow-oom
-- Pauses shards of a mapping: from here on no turn begins and nothing expires. A turn that is at work hears of it with its next settle.
-- KEYS  1 mapping hash  2 audit log  3.. state hashes
-- ARGV  1 '1': the mapping itself is paused, so that shards that appear are, too  2 '1': this is the first step of the act, which is audited
--       3.. most entries of the audit log, who, host, command, mapping, shard or '', detail
-- RETURNS {'missing'} there is no such mapping | {'ok', 1 or 0 for each shard: whether it runs no more because of this}
if redis.call('EXISTS', KEYS[1]) == 0 then return { 'missing' } end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
if ARGV[2] == '1' then writeAudit(KEYS[2], 3) end
if ARGV[1] == '1' then redis.call('HSET', KEYS[1], 'paused', '1') end
local out = { 'ok' }
for i = 3, #KEYS do
  local have = redis.call('HMGET', KEYS[i], 'cp', 'done', 'ps')
  local runs = have[1] and have[2] ~= '1' and (have[3] or '') == ''
  if runs then redis.call('HSET', KEYS[i], 'ps', now, 'chg', '1') end
  out[#out + 1] = runs and 1 or 0
end
return out
