#!lua flags=no-writes
-- Who reads some shards of a stream, and how many entries each shard ever had.
-- KEYS  pairs of (stream key, readers of it)
-- RETURNS per pair {entries-added, mapping, mapping, ...}
local out = {}
for i = 1, #KEYS, 2 do
  local added = 0
  local info = redis.pcall('XINFO', 'STREAM', KEYS[i])
  if not info.err then
    for j = 1, #info, 2 do
      if info[j] == 'entries-added' then added = info[j + 1] end
    end
  end
  local row = redis.call('SMEMBERS', KEYS[i + 1])
  table.insert(row, 1, added)
  out[#out + 1] = row
end
return out
