#!lua flags=no-writes
-- What `millrace status` shows of many shards: state and stream of each at one instant.
-- KEYS  pairs of (state hash, stream key)
-- ARGV  names of the state's fields to give back; `cp`, `units` and `sp:next` (a spool has it) are among them
-- RETURNS {now ms, per pair: {{field values}, exists (1 or 0), length, entries-added, first id, last id, last-generated-id,
--          max-deleted-id, first id after the checkpoint, first id after the head unit, of a spool the arrivals (ms) of these two and of
--          the head unit's last record}}; what there is none of is ''
local time = redis.call('TIME')
local out = { string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)) }
local cp, units, spool
for i, name in ipairs(ARGV) do
  if name == 'cp' then cp = i elseif name == 'units' then units = i elseif name == 'sp:next' then spool = i end
end

local function firstAfter(key, id, spooled)
  if spooled then return spooledAfter(key, id) end
  local found = redis.call('XRANGE', key, '(' .. id, '+', 'COUNT', 1)
  return found[1] and found[1][1] or '', ''
end

for i = 1, #KEYS, 2 do
  local fields = redis.call('HMGET', KEYS[i], unpack(ARGV))
  local row = { fields, 0, 0, 0, '', '', '', '', '', '', '', '', '' }
  -- A key of another type counts as missing: the turn reports it.
  local info = redis.pcall('XINFO', 'STREAM', KEYS[i + 1])
  if not info.err then
    row[2] = 1
    for j = 1, #info, 2 do
      local name, value = info[j], info[j + 1]
      if name == 'length' then row[3] = value
      elseif name == 'entries-added' then row[4] = value
      elseif name == 'first-entry' then row[5] = value and value[1] or ''
      elseif name == 'last-entry' then row[6] = value and value[1] or ''
      elseif name == 'last-generated-id' then row[7] = value
      elseif name == 'max-deleted-entry-id' then row[8] = value end
    end
    local last = '18446744073709551615-18446744073709551615'
    local checkpoint = fields[cp]
    if checkpoint and row[3] > 0 and row[6] ~= checkpoint and checkpoint ~= last then
      local spooled = fields[spool]
      row[9], row[11] = firstAfter(KEYS[i + 1], checkpoint, spooled)
      local stack = fields[units]
      if row[9] ~= '' and stack and stack ~= '[]' and stack ~= '' then
        local unit = cjson.decode(stack)[1]
        local head = unit.last
        -- What a filter passes over behind the unit belongs to it.
        row[10], row[12] = firstAfter(KEYS[i + 1], unit.passes and unit.passes['end'] or head, spooled)
        if spooled then
          local before = string.format('%.0f', tonumber(string.match(head, '^(%d+)-')) - 1) .. '-18446744073709551615'
          local id, arrival = spooledAfter(KEYS[i + 1], before)
          row[13] = id == head and arrival or ''
        end
      end
    end
  end
  out[#out + 1] = row
end
return out
