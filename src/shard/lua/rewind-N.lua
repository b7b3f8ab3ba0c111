#!lua flags=allow-oom
-- Makes shards run again from earlier positions, each as its next generation. Whoever has a turn of them is fenced, and so is whoever has one
-- of their children, who wait for them again.
-- KEYS  1 audit log  2.. pairs of (state hash, stream key)
-- ARGV  1 '1': this is the first step of the act, which is audited  2.. most entries of the audit log, who, host, command, mapping, shard
--       or '', detail  9 consumer group  10.. per pair seven: 'stream' | 'spool' | 'child' (which is only fenced), and what was found when it
--       was planned: generation, entries-read, the position to go back to (as a checkpoint), records behind it that are settled, the first of
--       these ('' for a spool), records above the checkpoint that lanes had settled
-- RETURNS {'ok', records that run again} | {'moved', number of the pair from 0}, and nothing is changed: it has to be planned anew
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local function below(a, b)
  local am, as = string.match(a, '^(%d+)-(%d+)$')
  local bm, bs = string.match(b, '^(%d+)-(%d+)$')
  if am == bm then am, bm = as, bs end
  if #am ~= #bm then return #am < #bm end
  return am < bm
end
local function place(id) return tonumber(string.match(id, '^(%d+)-')) end

-- check ------------------------------------------------------------------------------------------------------------
local states = {}
for n = 0, (#KEYS - 1) / 2 - 1 do
  local a = 10 + 7 * n
  local have = redis.call('HMGET', KEYS[2 + 2 * n], 'cp', 'gen', 'read', 'epoch', 'n:redelivered', 'rwTo', 'sp:next', 'lanes')
  if not have[1] or have[2] ~= ARGV[a + 1] then return { 'moved', n } end
  if ARGV[a] ~= 'child' and not below(ARGV[a + 3], have[1]) then return { 'moved', n } end
  if (ARGV[a] == 'spool') ~= (have[7] ~= false) and ARGV[a] ~= 'child' then return { 'moved', n } end
  if ARGV[a] == 'stream' then
    -- Removed meanwhile: its loss would be reported, of records that are settled.
    local first = redis.call('XRANGE', KEYS[3 + 2 * n], '(' .. ARGV[a + 3], '+', 'COUNT', 1)
    if not first[1] or first[1][1] ~= ARGV[a + 5] then return { 'moved', n } end
  end
  states[n] = have
end

-- write ------------------------------------------------------------------------------------------------------------
if ARGV[1] == '1' then writeAudit(KEYS[1], 2) end
local total = 0
for n = 0, (#KEYS - 1) / 2 - 1 do
  local a, state, have = 10 + 7 * n, KEYS[2 + 2 * n], states[n]
  local epoch = string.format('%.0f', math.max(tonumber(have[4]) + 1, time[1] * 1000000 + time[2]))
  redis.call('HSET', state, 'epoch', epoch, 'nonce', '', 'owner', '')
  if ARGV[a] ~= 'child' then
    local target, read = ARGV[a + 3], math.max(0, tonumber(ARGV[a + 2]) - tonumber(ARGV[a + 4]))
    -- What was settled since it was planned runs again, too.
    local again = tonumber(ARGV[a + 4]) + tonumber(have[3]) - tonumber(ARGV[a + 2])
    if ARGV[a] == 'spool' then
      again, read = place(have[1]) - place(target), 0
      redis.call('DEL', KEYS[3 + 2 * n])
      -- The poller that fills it is fenced by the generation, and fetches from here on.
      redis.call('HSET', state, 'sp:next', string.format('%.0f', place(target)), 'sp:last', '', 'seenAdded', 0, 'seenLast', '')
    end
    -- As far as the checkpoint has not passed it since.
    local passed = again - tonumber(ARGV[a + 4])
    again = again + math.max(0, tonumber(ARGV[a + 6]) - passed)
    -- The age of all that runs again counts from now.
    local upTo = have[1]
    local lanes = (have[8] or '') ~= '' and cjson.decode(have[8]).lanes or {}
    for _, lane in ipairs(lanes) do
      if below(upTo, lane.checkpoint) then upTo = lane.checkpoint end
    end
    if (have[6] or '') ~= '' and below(upTo, have[6]) then upTo = have[6] end
    redis.call('HSET', state, 'cp', target, 'read', string.format('%.0f', read), 'gen', tonumber(have[2]) + 1, 'units', '[]', 'lanes', '', 'free', '', 'nb', 0,
      'exp', 0, 'blk', '', 'why', '', 'done', '', 'rwTo', upTo, 'rwAt', now,
      'n:redelivered', string.format('%.0f', (tonumber(have[5]) or 0) + again))
    -- What a window held is counted again.
    redis.call('HDEL', state, 'win', 'winDue', 'winState')
    total = total + again
    if ARGV[a] == 'stream' then
      redis.pcall('XGROUP', 'SETID', KEYS[3 + 2 * n], ARGV[9], target, 'ENTRIESREAD', string.format('%.0f', read))
    end
  end
end
return { 'ok', string.format('%.0f', total) }
