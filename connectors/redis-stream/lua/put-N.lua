#!lua
-- Appends one batch of a producer's session: all of it or nothing, and once, however often it is sent.
-- KEYS[1] session key   KEYS[2] topology hash   KEYS[3..] stream keys of the batch
-- ARGV[1] number of the batch in its session, from 1   ARGV[2] records of the session with this batch   ARGV[3] life of the session key, ms
-- ARGV[4] revision of the topology, '' where there is none (then a missing stream key is created)
-- then groups: index of the stream key from 1, 'k' or 'd', number of records, and per record: partition key (only 'k') and data
-- Returns {'done'} | {'stale'} topology changed | {'missing', key} deleted | {'type', key} no stream
--   | {'behind', batches, records} what the session holds when this batch is not the next one
--   | {'failed', key, error, records} an XADD was refused after that many of the batch's records; the session is over
local stored = redis.call('GET', KEYS[1])
local batches, records = '0', '0'
if stored then
  local key, why, written = string.match(stored, '^failed\n(.-)\n(.-)\n(%d+)$')
  if key then return { 'failed', key, why, written } end
  batches, records = string.match(stored, '^(%d+) (%d+)$')
end
local seq = tonumber(ARGV[1])
if tonumber(batches) >= seq then return { 'done' } end
if tonumber(batches) + 1 ~= seq then return { 'behind', batches, records } end

local plain = ARGV[4] == ''
if (redis.call('HGET', KEYS[2], 'revision') or '') ~= ARGV[4] then return { 'stale' } end
for i = 3, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind == 'none' then
    if not plain then return { 'missing', KEYS[i] } end
  elseif kind ~= 'stream' then
    return { 'type', KEYS[i] }
  end
end

-- From here on only a stream that somebody sealed by hand, or an ACL, can refuse.
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
local pcall_redis = redis.pcall
local at, written = 5, 0
while ARGV[at] do
  local key = KEYS[2 + tonumber(ARGV[at])]
  local keyed = ARGV[at + 1] == 'k'
  local count = tonumber(ARGV[at + 2])
  at = at + 3
  for i = 1, count do
    local reply
    if keyed then
      reply = pcall_redis('XADD', key, '*', 'partitionKey', ARGV[at], 'data', ARGV[at + 1])
      at = at + 2
    else
      reply = pcall_redis('XADD', key, '*', 'data', ARGV[at])
      at = at + 1
    end
    if type(reply) == 'table' and reply.err then
      redis.call('SET', KEYS[1], 'failed\n' .. key .. '\n' .. reply.err .. '\n' .. written, 'PX', ARGV[3])
      return { 'failed', key, reply.err, tostring(written) }
    end
    written = written + 1
  end
end
return { 'done' }
