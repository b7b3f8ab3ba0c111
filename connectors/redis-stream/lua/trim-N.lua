#!lua flags=allow-oom
-- Removes records that every reader settled and that are older than the retention, some at a time.
-- KEYS[1] stream key   KEYS[2..] state hashes of the readers (field cp: entry id of the checkpoint)
-- ARGV[1] ms before which records may go, '' when age does not matter   ARGV[2] about how many to remove at most
-- Returns {removed, 1 when more remain to be removed now}
-- A reader without a checkpoint holds everything back; so does having neither an age nor a reader.
-- Markers of mappings hold back as well, for those of other namespaces: groups without consumers that have a count of entries read.

-- Ids are compared and raised as text: Lua's numbers lose the low digits of large ones.
local function less_text(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local function less(a, b)
  local am, as = string.match(a, '^(%d+)-(%d+)$')
  local bm, bs = string.match(b, '^(%d+)-(%d+)$')
  if am ~= bm then return less_text(am, bm) end
  return less_text(as, bs)
end

local function plus_one(digits)
  local head, nines = string.match(digits, '^(%d-)(9*)$')
  local zeros = string.rep('0', #nines)
  if head == '' then return '1' .. zeros end
  return string.sub(head, 1, -2) .. (tonumber(string.sub(head, -1)) + 1) .. zeros
end

local function next_id(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  if seq == '18446744073709551615' then
    if ms == seq then return id end
    return plus_one(ms) .. '-0'
  end
  return ms .. '-' .. plus_one(seq)
end

local bound = nil
if ARGV[1] ~= '' then bound = ARGV[1] .. '-0' end
for i = 2, #KEYS do
  local checkpoint = redis.call('HGET', KEYS[i], 'cp')
  if not checkpoint then return { 0, 0 } end
  local settled = next_id(checkpoint)
  if not bound or less(settled, bound) then bound = settled end
end
if not bound then return { 0, 0 } end
-- Mappings of other namespaces are no reader of ours, but their markers are here: groups without consumers that were told how much is read.
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
for _, group in ipairs(groups.err and {} or groups) do
  local facts = {}
  for i = 1, #group, 2 do facts[group[i]] = group[i + 1] end
  if facts['consumers'] == 0 and facts['entries-read'] then
    local marked = next_id(facts['last-delivered-id'])
    if less(marked, bound) then bound = marked end
  end
end

-- Whole nodes first, under a limit, so that a long backlog does not hold the server up; then the few that share a node with kept ones.
local limit = tonumber(ARGV[2])
local removed = redis.call('XTRIM', KEYS[1], 'MINID', '~', bound, 'LIMIT', limit)
local first = redis.call('XRANGE', KEYS[1], '-', '(' .. bound, 'COUNT', 1)
if #first == 0 then return { removed, 0 } end
if removed > 0 and limit - removed < 1000 then return { removed, 1 } end
return { removed + redis.call('XTRIM', KEYS[1], 'MINID', '=', bound), 0 }
