#!lua
-- Appends outputs that come from another Redis, and notes which of them was the last one, in one step. Only behind the entry that the caller
-- takes for the last: a step made twice, or by a sender that others went past, writes nothing.
-- KEYS  1 position of the sending shard (hash: last, count)  2 topology hash  3.. stream keys that the entries go to
-- ARGV  1 mark of the last entry that is here, as the caller knows it ('': none)  2 mark of the last one of these
--       3 revision of the topology, '' where there is none
--       4.. of each entry: index of its key among KEYS 3.., from 0; partition key; data; origin; headers ('': none)
-- RETURNS {'ok', count} | {'moved'} another entry is the last one | {'stale'} | {'refused', reason}
if (redis.call('HGET', KEYS[1], 'last') or '') ~= ARGV[1] then return { 'moved' } end
if (redis.call('HGET', KEYS[2], 'revision') or '') ~= ARGV[3] then return { 'stale' } end
for i = 3, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind == 'none' and ARGV[3] ~= '' then return { 'refused', 'the output stream’s key ' .. KEYS[i] .. ' was deleted' } end
  if kind ~= 'none' and kind ~= 'stream' then return { 'refused', 'the output stream ' .. KEYS[i] .. ' is a ' .. kind } end
  if not redis.acl_check_cmd('XADD', KEYS[i], '*', 'data', '') then return { 'refused', 'the ACL refuses XADD on ' .. KEYS[i] } end
  if kind == 'stream' then
    local info = redis.call('XINFO', 'STREAM', KEYS[i])
    for j = 1, #info, 2 do
      if info[j] == 'last-generated-id' and string.sub(info[j + 1], 1, 20) == '18446744073709551615' then
        return { 'refused', 'the output stream ' .. KEYS[i] .. ' has used up its ids' }
      end
    end
  end
end
redis.call('HSET', KEYS[1], 'last', ARGV[2])
for at = 4, #ARGV, 5 do
  local key, k, d, o, h = KEYS[3 + tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  if h == '' then redis.call('XADD', key, '*', 'partitionKey', k, 'data', d, 'origin', o)
  else redis.call('XADD', key, '*', 'partitionKey', k, 'data', d, 'origin', o, 'headers', h) end
end
return { 'ok', redis.call('HINCRBY', KEYS[1], 'count', (#ARGV - 3) / 5) }
