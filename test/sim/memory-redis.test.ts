/** The simulation's model of Redis against a real one: the same commands, sent straight and from within Lua, have the same replies. */
import { expect, it } from 'vitest';
import { Random } from '../chaos/lab/random.ts';
import { useRedis } from '../support/redis.ts';
import { MemoryRedis } from './memory-redis.ts';
import { ReplyError, valueOf } from './reply.ts';

const redis = useRedis();
const RUNS = 40;
const COMMANDS = 100;

/** Every reply passes from Redis to Lua and back, and the kind of each is told. (Halves are not: this Lua's `%.0f` rounds 1.5 to 1; scripts format whole numbers.) */
const THROUGH_LUA = `
local reply = redis.pcall(unpack(ARGV))
local kind = type(reply)
if kind == 'table' and reply.err then return { 'err', string.match(reply.err, '^%S+') } end
if kind == 'table' and reply.ok then return { 'ok', reply.ok } end
if kind == 'table' then return { 'list', reply, #reply } end
if kind == 'number' then return { 'number', reply, tostring(reply), string.format('%.0f', reply * 1000000) } end
return { kind, reply }`;

/** Of few keys and fields, so that they meet; each key may be asked for as any type. */
function draw(random: Random): string[] {
  const key = random.pick(['h', 's', 'x', 'v', 'none']);
  const [field, other] = [random.pick(['a', 'b', 'c']), random.pick(['a', 'd'])];
  const text = random.pick(['', '0', '17', 'text with blanks', '[{"a":"ü"}]', '9007199254740993']);
  const id = `${random.between(1, 60)}-${random.between(0, 2)}`;
  const [group, read] = [random.pick(['g', 'k']), String(random.between(0, 9))];
  return random.pick([
    ['SET', 'v', text],
    ['GET', key],
    ['DEL', key],
    ['EXISTS', key, 'h'],
    ['TYPE', key],
    ['HSET', 'h', field, text, other, read],
    ['HSET', key, field, text],
    ['HDEL', key, field, other],
    ['HGET', key, field],
    ['HMGET', key, field, 'z', other],
    ['HGETALL', 'h'],
    ['HSETNX', key, field, text],
    ['SADD', key, field, other],
    ['ZADD', 'z', '0', field],
    ['XADD', 'x', id, 'f', text],
    ['XADD', 'x', id, 'f', text],
    ['XADD', key, id, 'f', text],
    ['XLEN', key],
    ['XRANGE', key, random.pick(['-', id, `(${id}`]), random.pick(['+', id]), 'COUNT', random.pick(['1', '5'])],
    ['XREVRANGE', key, '+', '-', 'COUNT', '1'],
    ['XTRIM', key, 'MINID', id],
    ['XTRIM', 'x', 'MAXLEN', read],
    ['XINFO', 'STREAM', key],
    ['XGROUP', 'CREATE', key, group, id, 'ENTRIESREAD', read],
    ['XGROUP', 'SETID', key, group, id, 'ENTRIESREAD', read],
    ['LLEN', key],
  ]);
}

/** Of an error the code; of XINFO nothing of how the server stores a stream. */
function plain(command: readonly string[], reply: unknown): unknown {
  if (reply instanceof Error) return `error ${reply.message.split(' ')[0]}`;
  if (command[0] !== 'XINFO' || !Array.isArray(reply)) return reply;
  const list = (Array.isArray(reply[1]) ? reply[1] : reply) as unknown[];
  const pairs = list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1]] as const] : []));
  return pairs.filter(([name]) => !String(name).startsWith('radix-tree'));
}

it('the model of Redis answers as Redis does', { timeout: 60_000 }, async () => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const random = new Random(seed);
    const model = new MemoryRedis(() => 1_800_000_000_000_000);
    await redis.client.flushdb();
    const done: string[] = [];
    for (let n = 0; n < COMMANDS; n++) {
      const command = draw(random);
      const sent = random.chance(0.5) ? command : ['EVAL', THROUGH_LUA, '0', ...command];
      done.push(command.join(' '));
      const real = await redis.client.call(sent[0]!, ...sent.slice(1)).catch((error: unknown) => error);
      const reply = model.run(sent);
      const modelled = reply instanceof ReplyError ? reply : valueOf(reply);
      expect(plain(command, modelled), `seed ${seed}: ${done.slice(-8).join(' | ')}`).toEqual(plain(command, real));
    }
  }
});
