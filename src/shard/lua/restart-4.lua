#!lua flags=allow-oom
-- The next generation of a spooled shard: its topic was made anew, its log cut, or somebody set the group's offset.
-- Whoever has a turn is fenced, and the group marker begins anew with the first settle.
-- KEYS  1 state hash  2 spool  3 failure stream (without a notice: any key)  4 audit log
-- ARGV  1 generation  2 poller epoch  3 next position  4 drop what is unsettled ('1' or '')  5 count for the counter  6 counter's field or ''
--       7 notice (JSON or '')  8 bound of the failure stream in bytes (0: none)
--       9 positions that run again  10 identity of what is read from now on
--       11 'notice', or 'message' where KEYS 3 is the shard's outbox  12 '1': an operator's act, which is audited
--       13.. most entries of the audit log, who, host, command, mapping, shard, detail
-- RETURNS {'ok'} | {'fenced'} | {'unsettled'} | {'refused', reason}
local time = redis.call('TIME')
local have = redis.call('HMGET', KEYS[1], 'gen', 'sp:epoch', 'units', 'cp', 'sp:last', 'epoch', 'n:redelivered', 'rwTo')
if have[2] ~= ARGV[2] or have[1] ~= ARGV[1] then return { 'fenced' } end
if ARGV[4] == '' and (have[3] ~= '[]' or (have[5] ~= '' and have[5] ~= have[4])) then return { 'unsettled' } end
if ARGV[7] ~= '' then
  local refusal = refusesNotice(KEYS[3], ARGV[7], ARGV[8], ARGV[11])
  if refusal then return { 'refused', refusal } end
end
local counted = ARGV[6] ~= '' and (tonumber(redis.call('HGET', KEYS[1], ARGV[6])) or 0) + tonumber(ARGV[5])
local epoch = string.format('%.0f', math.max(tonumber(have[6]) + 1, time[1] * 1000000 + time[2]))
if ARGV[12] == '1' then writeAudit(KEYS[4], 13) end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'cp', ARGV[3] .. '-0', 'read', 0, 'gen', tonumber(ARGV[1]) + 1, 'epoch', epoch, 'nonce', '', 'owner', '',
  'units', '[]', 'lanes', '', 'free', '', 'nb', 0, 'exp', 0, 'blk', '', 'why', '', 'done', '', 'seenAdded', 0, 'seenLast', '', 'sp:next', ARGV[3], 'sp:last', '', 'sp:origin', ARGV[10])
-- The age of what runs again counts from now. Without an operator's act it is another log, whose positions are not those of before.
if ARGV[12] ~= '1' then redis.call('HDEL', KEYS[1], 'rwTo', 'rwAt') end
if tonumber(ARGV[9]) > 0 then
  local function place(id) return tonumber(string.match(id or '', '^(%d+)-')) or 0 end
  local upTo = place(have[8]) > place(have[4]) and have[8] or have[4]
  redis.call('HSET', KEYS[1], 'rwTo', upTo, 'rwAt', time[1] * 1000 + math.floor(time[2] / 1000))
  -- What runs again is counted again.
  redis.call('HDEL', KEYS[1], 'win', 'winDue', 'winState')
  redis.call('HSET', KEYS[1], 'n:redelivered', string.format('%.0f', (tonumber(have[7]) or 0) + tonumber(ARGV[9])))
elseif string.find(have[3], '"closes"', 1, true) then
  -- The final invocation that was to come went with the other units, and nothing else would end its window.
  redis.call('HSET', KEYS[1], 'winDue', time[1] * 1000 + math.floor(time[2] / 1000))
end
if counted then redis.call('HSET', KEYS[1], ARGV[6], string.format('%.0f', counted)) end
if ARGV[7] ~= '' then redis.call('XADD', KEYS[3], '*', ARGV[11], ARGV[7]) end
return { 'ok' }
