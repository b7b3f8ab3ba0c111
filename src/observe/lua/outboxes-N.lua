#!lua flags=no-writes
-- What is still to be sent of many shards.
-- KEYS  pairs of (state hash, outbox)
-- ARGV  1 beginning of the fields' names in the state
-- RETURNS for each that is not empty {number of the pair from 0, how many entries, bytes, id of the oldest, what went wrong or '', who
--         sends or ''}
local out = {}
for i = 1, #KEYS, 2 do
  local length = redis.pcall('XLEN', KEYS[i + 1])
  if type(length) == 'number' and length > 0 then
    local first = redis.call('XRANGE', KEYS[i + 1], '-', '+', 'COUNT', 1)
    local fields = redis.call('HMGET', KEYS[i], ARGV[1] .. ':err', ARGV[1] .. ':by')
    local bytes = redis.pcall('MEMORY', 'USAGE', KEYS[i + 1])
    out[#out + 1] = { (i - 1) / 2, length, type(bytes) == 'number' and bytes or 0, first[1][1], fields[1] or '', fields[2] or '' }
  end
end
return out
