#!lua flags=allow-oom
-- Makes a mapping known by its name, or says that the name is taken by another one. What is new or changed by it goes into the audit log.
-- KEYS  1 mapping hash  2 set of all mappings' names  3 audit log
-- ARGV  1 name  2 pinned fields (JSON)  3 what source it is (JSON: type and name)  4 function  5 function version  6 state
--       7 '1': other pinned fields (never another source) may replace the stored ones  8 all settings of the source (JSON), for status
--       9 the output (JSON, or '' without one), for status  10 hash of the whole configuration of the mapping
--       11.. most entries of the audit log, who, host, command (observe/audit.ts)
-- RETURNS {'ok'} | {'conflict', stored pinned} | {'source', stored pinned}
local time = redis.call('TIME')
local stored = redis.call('HMGET', KEYS[1], 'pinned', 'identity', 'function', 'functionVersion', 'state', 'config')
if stored[1] and stored[1] ~= ARGV[2] then
  if stored[2] ~= ARGV[3] then return { 'source', stored[1] } end
  if ARGV[7] ~= '1' then return { 'conflict', stored[1] } end
end

local told = {}
local function changed(what, before, after)
  if before and before ~= after then told[#told + 1] = what .. ' ' .. before .. ' → ' .. after end
end
if stored[1] then
  if stored[1] ~= ARGV[2] then told[1] = 'pinned fields' end
  changed('configuration', stored[6], ARGV[10])
  changed('function', stored[3], ARGV[4])
  changed('function version', stored[4] and string.sub(stored[4], 1, 12), string.sub(ARGV[5], 1, 12))
  changed('state', stored[5], ARGV[6])
else
  told[1] = 'new, configuration ' .. ARGV[10] .. ', function version ' .. string.sub(ARGV[5], 1, 12)
end
if #told > 0 then
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[11], '*', 'who', ARGV[12], 'host', ARGV[13], 'command', ARGV[14],
    'mapping', ARGV[1], 'shard', '', 'detail', table.concat(told, ', '))
end
if not stored[1] then redis.call('HSET', KEYS[1], 'createdAt', time[1] * 1000 + math.floor(time[2] / 1000)) end
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], 'pinned', ARGV[2], 'identity', ARGV[3], 'source', ARGV[8], 'function', ARGV[4], 'functionVersion', ARGV[5], 'state', ARGV[6],
  'output', ARGV[9], 'config', ARGV[10])
return { 'ok' }
