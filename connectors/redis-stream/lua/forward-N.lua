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
  local refusal = unfitForOutputs(KEYS[i], ARGV[3] ~= '')
  if refusal then return { 'refused', refusal } end
end
redis.call('HSET', KEYS[1], 'last', ARGV[2])
for at = 4, #ARGV, 5 do
  addOutput(KEYS[3 + tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
end
return { 'ok', redis.call('HINCRBY', KEYS[1], 'count', (#ARGV - 3) / 5) }
