#!lua
-- Appends what was fetched to a spool: in order, each record once, by the poller that holds it and nobody else.
-- A position that Redis refuses would be no proof that the record is there (after 200, a late 152 is refused although it is missing), so
-- what is there already is told by the stored next position alone.
-- KEYS  1 state hash  2 spool
-- ARGV  1 generation  2 poller epoch  3 after: where the fetch began  4 where the next fetch begins  5 the source's end
--       6 most unsettled records  7 most bytes of the spool
--       then per entry (spool-block.ts): 'b', how many records, number of the last one's id, block
--                                     or 'r', number of its id, then the values of SPOOL_FIELDS
-- RETURNS {'ok', next position, 1 when all before was settled, else 0} | {'skipped' | 'ahead', next position} | {'full'} | {'damaged'} | {'fenced'}
local have = redis.call('HMGET', KEYS[1], 'gen', 'sp:epoch', 'sp:next', 'sp:last', 'cp', 'read')
if have[1] ~= ARGV[1] or have[2] ~= ARGV[2] then return { 'fenced' } end
local after, upTo, stored = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(have[3])
if after > stored then return { 'ahead', have[3] } end
if upTo <= stored then return { 'skipped', have[3] } end

local length, generated, count = 0, '', tonumber(have[6])
local info = redis.pcall('XINFO', 'STREAM', KEYS[2])
local exists = not info.err
if exists then
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then generated = info[i + 1] elseif info[i] == 'entries-added' then count = info[i + 1] end
  end
end
if generated ~= have[4] then return { 'damaged' } end
if exists then
  -- What is settled goes, so that the bound counts what is not.
  redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f', tonumber(string.match(have[5], '^(%d+)-')) + 1) .. '-0')
  length = redis.call('XLEN', KEYS[2])
  -- An empty spool takes whatever comes: one record may be larger than the bound.
  if length > 0 and (count - tonumber(have[6]) >= tonumber(ARGV[6]) or (redis.call('MEMORY', 'USAGE', KEYS[2]) or 0) >= tonumber(ARGV[7])) then
    return { 'full' }
  end
end

local last, i = have[4], 8
while i <= #ARGV do
  if ARGV[i] == 'b' then
    local records, block, at = tonumber(ARGV[i + 1]), ARGV[i + 3], 1
    -- Those at its beginning that are there already.
    while records > 0 do
      local size, number = struct.unpack('>I4d', block, at)
      if number > stored then break end
      at, records = at + size, records - 1
    end
    if records > 0 then
      last = ARGV[i + 2] .. '-0'
      redis.call('XADD', KEYS[2], last, 'b', at == 1 and block or string.sub(block, at))
      count = count + records
    end
    i = i + 4
  else
    if tonumber(ARGV[i + 1]) > stored then
      last = ARGV[i + 1] .. '-0'
      redis.call('XADD', KEYS[2], last, 'a', ARGV[i + 2], 't', ARGV[i + 3], 'f', ARGV[i + 4], 'k', ARGV[i + 5], 'v', ARGV[i + 6], 'h', ARGV[i + 7])
      count = count + 1
    end
    i = i + 8
  end
end
-- Entries are counted by their records: lag and losses are told by that count, which goes on where it was, also when the key was lost.
if last ~= have[4] then redis.call('XSETID', KEYS[2], last, 'ENTRIESADDED', string.format('%.0f', count)) end
redis.call('HSET', KEYS[1], 'sp:next', ARGV[4], 'sp:last', last, 'sp:end', ARGV[5])
return { 'ok', ARGV[4], length == 0 and 1 or 0 }
