#!lua flags=allow-oom
-- How spools stand, for the poller that holds them: what may be committed, and whether they are whole. What is settled is removed.
-- KEYS  pairs of (state hash, spool)
-- ARGV  triples of (generation, poller epoch, the source's end, '' where nothing new is known), as the poller has them
-- RETURNS per pair {checkpoint, next, end, generation, unsettled records, damaged (1 or 0), fenced (1 or 0), closed (1 or 0)}; {''} without state
local out = {}
for i = 1, #KEYS, 2 do
  local s = redis.call('HMGET', KEYS[i], 'cp', 'sp:next', 'sp:end', 'gen', 'read', 'sp:last', 'sp:epoch', 'done')
  if not s[1] then
    out[#out + 1] = { '' }
  else
    local added, generated = tonumber(s[5]), ''
    local info = redis.pcall('XINFO', 'STREAM', KEYS[i + 1])
    if not info.err then
      for j = 1, #info, 2 do
        if info[j] == 'entries-added' then added = info[j + 1] elseif info[j] == 'last-generated-id' then generated = info[j + 1] end
      end
    end
    -- A closed one is not held any more.
    local damaged = generated ~= s[6] and s[8] ~= '1' and 1 or 0
    if not info.err then redis.call('XTRIM', KEYS[i + 1], 'MINID', string.format('%.0f', tonumber(string.match(s[1], '^(%d+)-')) + 1) .. '-0') end
    local a = (i - 1) / 2 * 3 + 1
    local fenced = (s[4] ~= ARGV[a] or s[7] ~= ARGV[a + 1]) and 1 or 0
    if fenced == 0 and ARGV[a + 2] ~= '' then
      -- What has an end is there, whatever was thought before.
      redis.call('HSET', KEYS[i], 'sp:end', ARGV[a + 2], 'done', '')
      s[3], s[8] = ARGV[a + 2], ''
    end
    local unsettled = s[6] == '' and 0 or math.max(0, added - tonumber(s[5]))
    -- The count may be wrong where somebody else removed records; the ids are not.
    if s[6] == s[1] then unsettled = 0 elseif s[6] ~= '' and unsettled == 0 and damaged == 0 then unsettled = 1 end
    out[#out + 1] = { s[1], s[2] or '0', s[3] or '0', s[4], unsettled, damaged, fenced, s[8] == '1' and 1 or 0 }
  end
end
return out
