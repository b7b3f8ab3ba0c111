#!lua flags=allow-oom
-- Lets paused shards run again. The pause is noted, because its time does not count towards the age of records.
-- KEYS  1 mapping hash  2 audit log  3.. state hashes
-- ARGV  1 '1': the mapping itself runs again, and so do shards that appear  2 '1': this is the first step of the act, which is audited
--       3.. most entries of the audit log, who, host, command, mapping, shard or '', detail  10 most pauses that are kept
-- RETURNS {'missing'} there is no such mapping | {'ok', 1 or 0 for each shard: whether it was paused}
if redis.call('EXISTS', KEYS[1]) == 0 then return { 'missing' } end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[2] == '1' then writeAudit(KEYS[2], 3) end
if ARGV[1] == '1' then redis.call('HDEL', KEYS[1], 'paused') end
local out = { 'ok' }
for i = 3, #KEYS do
  local have = redis.call('HMGET', KEYS[i], 'ps', 'pz', 'exp', 'blk', 'lanes')
  local since = tonumber(have[1] or '')
  if since then
    local pauses = cjson.decode(have[2] or '[]')
    pauses[#pauses + 1] = { since, now }
    -- Beyond the bound the two oldest become one, which makes records younger, never older.
    if #pauses > tonumber(ARGV[10]) then
      pauses[2][1] = pauses[1][1]
      table.remove(pauses, 1)
    end
    -- What the head's expiry was before; who looks at it next computes it anew.
    local expiry = tonumber(have[3] or '0')
    if expiry > 0 then expiry = expiry + now - since end
    local function later(at) return string.format('%.0f', tonumber(at) + now - since) end
    local blocked = string.gsub(have[4] or '', '"overdueAt":(%d+)}$', function(at) return '"overdueAt":' .. later(at) .. '}' end)
    -- Of lanes it is a text within a text.
    local lanes = string.gsub(have[5] or '', '"expiresAt":([1-9]%d*)', function(at) return '"expiresAt":' .. later(at) end)
    lanes = string.gsub(lanes, '\\"overdueAt\\":(%d+)}"', function(at) return '\\"overdueAt\\":' .. later(at) .. '}"' end)
    redis.call('HDEL', KEYS[i], 'ps')
    redis.call('HSET', KEYS[i], 'pz', cjson.encode(pauses), 'exp', string.format('%.0f', expiry), 'blk', blocked, 'lanes', lanes, 'chg', '1')
  end
  out[#out + 1] = since and 1 or 0
end
return out
