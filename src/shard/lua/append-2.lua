#!lua
-- Appends what was fetched to a spool: in order, each record once, by the poller that holds it and nobody else.
-- A position that Redis refuses would be no proof that the record is there (after 200, a late 152 is refused although it is missing), so
-- what is there already is told by the stored next position alone.
-- KEYS  1 state hash  2 spool
-- ARGV  1 generation  2 poller epoch  3 after: where the fetch began  4 where the next fetch begins  5 the source's end
--       6 most unsettled records  7 most bytes of the spool  8 records, packed: 7 texts each, a big-endian 32-bit length before each
--         (position, then the values of SPOOL_FIELDS)  9 how many
-- RETURNS {'ok', next position, 1 when all before was settled, else 0} | {'skipped' | 'ahead', next position} | {'full'} | {'damaged'} | {'fenced'}
local have = redis.call('HMGET', KEYS[1], 'gen', 'sp:epoch', 'sp:next', 'sp:last', 'cp', 'read')
if have[1] ~= ARGV[1] or have[2] ~= ARGV[2] then return { 'fenced' } end
local after, upTo, stored = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(have[3])
if after > stored then return { 'ahead', have[3] } end
if upTo <= stored then return { 'skipped', have[3] } end

local length, generated = 0, ''
local info = redis.pcall('XINFO', 'STREAM', KEYS[2])
local exists = not info.err
if exists then
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then generated = info[i + 1] end
  end
end
if generated ~= have[4] then return { 'damaged' } end
if exists then
  -- What is settled goes, so that the bound counts what is not.
  redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f', tonumber(string.match(have[5], '^(%d+)-')) + 1) .. '-0')
  length = redis.call('XLEN', KEYS[2])
  -- An empty spool takes whatever comes: one record may be larger than the bound.
  if length > 0 and (length >= tonumber(ARGV[6]) or (redis.call('MEMORY', 'USAGE', KEYS[2]) or 0) >= tonumber(ARGV[7])) then
    return { 'full' }
  end
end

local last, added, packed, at = have[4], 0, ARGV[8], 1
for _ = 1, tonumber(ARGV[9]) do
  local position, a, t, f, k, v, h
  position, a, t, f, k, v, h, at = struct.unpack('>I4c0I4c0I4c0I4c0I4c0I4c0I4c0', packed, at)
  if tonumber(position) >= stored then
    last = string.format('%.0f', tonumber(position) + 1) .. '-0'
    redis.call('XADD', KEYS[2], last, 'a', a, 't', t, 'f', f, 'k', k, 'v', v, 'h', h)
    added = added + 1
  end
end
-- A spool that begins again (its key was lost) goes on counting where the settled records end: lag and losses are told by that count.
if not exists and added > 0 then redis.call('XSETID', KEYS[2], last, 'ENTRIESADDED', string.format('%.0f', tonumber(have[6]) + added)) end
redis.call('HSET', KEYS[1], 'sp:next', ARGV[4], 'sp:last', last, 'sp:end', ARGV[5])
return { 'ok', ARGV[4], length == 0 and 1 or 0 }
