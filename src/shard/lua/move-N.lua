#!lua flags=allow-oom
-- Moves one official piece of staged outputs to where they go: appended and removed in one step, so that a crash between two pieces repeats
-- nothing. It frees what it adds.
-- KEYS  1 state hash  2 pieces (list)  3 topology hash  4.. stream keys that the piece goes to
-- ARGV  1 epoch  2 nonce  3 pieces that are left, as the caller knows it  4 revision of the topology, '' where there is none
--       5 index of each entry's key among KEYS 4.., from 0, as 16-bit numbers
-- RETURNS {'ok', left} | {'fenced', epoch} | {'stale'} | {'refused', reason}
local have = redis.call('HMGET', KEYS[1], 'epoch', 'nonce', 'out')
if have[1] ~= ARGV[1] or have[2] ~= ARGV[2] then return { 'fenced', have[1] or '' } end
-- Moved already: the answer was lost on its way.
if (have[3] or '0') ~= ARGV[3] then return { 'ok', have[3] or '0' } end
if (redis.call('HGET', KEYS[3], 'revision') or '') ~= ARGV[4] then return { 'stale' } end
for i = 4, #KEYS do
  local refusal = unfitForOutputs(KEYS[i], ARGV[4] ~= '')
  if refusal then return { 'refused', refusal } end
end
local packed, at, left = redis.call('LINDEX', KEYS[2], 0), 1, tonumber(ARGV[3]) - 1
if not packed then return { 'refused', 'staged outputs were deleted from ' .. KEYS[2] } end
for n = 0, #ARGV[5] / 2 - 1 do
  local k, d, o, h
  k, d, o, h, at = struct.unpack('>I4c0I4c0I4c0I4c0', packed, at)
  addOutput(KEYS[4 + struct.unpack('>H', ARGV[5], 2 * n + 1)], k, d, o, h)
end
redis.call('LPOP', KEYS[2])
if left == 0 then
  redis.call('DEL', KEYS[2])
  redis.call('HDEL', KEYS[1], 'out', 'stg', 'outTo')
else
  redis.call('HSET', KEYS[1], 'out', left)
end
return { 'ok', tostring(left) }
