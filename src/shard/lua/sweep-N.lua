#!lua flags=allow-oom
-- Looks at many shards at once: the pollers' safety net and what lag and age are computed from.
-- Also notes the stream's present end in the state, so that a key deleted with unsettled records can be reported as a gap.
-- KEYS  pairs of (state hash, stream key)
-- RETURNS {now ms, per pair: {cp, read, owner, nb, exp, done, at, exists, length, entries-added, first id, last id, last-generated-id,
--          first id after the checkpoint, head unit or staged outputs pending (1 or 0), seenAdded, epoch,
--          blocked (1 or 0), of a spool: next position, the source's end, arrival of the first record after the checkpoint,
--          paused since or '', past pauses (JSON) or '', rewound up to or '', rewound at,
--          when the open window ends without records, 0: none, with lanes: where the first begins that is free, ''}}; a pair without state (or with one of the wrong type) gives {''}
local time = redis.call('TIME')
local out = { string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)) }
for i = 1, #KEYS, 2 do
  -- One state of the wrong type must not keep the others from being looked at.
  local s = redis.pcall('HMGET', KEYS[i], 'cp', 'read', 'owner', 'nb', 'exp', 'done', 'at', 'units', 'seenAdded', 'epoch', 'blk', 'sp:next', 'sp:end', 'out', 'ps', 'pz', 'rwTo', 'rwAt', 'winDue', 'free')
  if s.err or not s[1] then
    out[#out + 1] = { '' }
  else
    local row = { s[1], s[2], s[3], s[4], s[5], s[6], s[7], 0, 0, 0, '', '', '', '', s[8] == '[]' and (s[14] or '0') == '0' and 0 or 1, s[9] or '', s[10], s[11] == '' and 0 or 1, s[12] or '', s[13] or '', '', s[15] or '', s[16] or '', s[17] or '', s[18] or '', s[19] or '0', s[20] or '' }
    local info = redis.pcall('XINFO', 'STREAM', KEYS[i + 1])
    if not info.err then
      row[8] = 1
      for j = 1, #info, 2 do
        local name, value = info[j], info[j + 1]
        if name == 'length' then row[9] = value
        elseif name == 'entries-added' then row[10] = value
        elseif name == 'first-entry' then row[11] = value and value[1] or ''
        elseif name == 'last-entry' then row[12] = value and value[1] or ''
        elseif name == 'last-generated-id' then row[13] = value end
      end
      if row[9] > 0 and row[12] ~= s[1] then
        if s[12] then
          row[14], row[21] = spooledAfter(KEYS[i + 1], s[1])
        else
          local nextOne = redis.call('XRANGE', KEYS[i + 1], '(' .. s[1], '+', 'COUNT', 1)
          row[14] = nextOne[1] and nextOne[1][1] or ''
        end
      end
      -- A smaller number, or more records behind the checkpoint than were added since, belong to a stream made anew: the next turn has to see what the old one held.
      local anew = row[14] ~= '' and row[14] == row[11] and row[10] - tonumber(s[2]) < row[9]
      if not anew and row[10] > (tonumber(s[9]) or 0) then redis.call('HSET', KEYS[i], 'seenAdded', row[10], 'seenLast', row[12]) end
    end
    out[#out + 1] = row
  end
end
return out
