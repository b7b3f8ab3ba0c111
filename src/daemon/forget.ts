/** Removes what Redis holds of a mapping: state, groups, queue. Records and failure notices stay. */
import type { Redis } from '../redis/connect.ts';
import { HEARTBEAT_MS } from '../limits.ts';
import { redriveLineOf } from '../redrive-line.ts';
import { MillraceError } from '../errors.ts';
import { audit } from '../observe/audit.ts';
import type { Log } from '../observe/log.ts';
import { readOutboxes } from '../observe/outboxes.ts';
import { BOXES } from '../outbox.ts';
import { openTurnQueue } from '../queue/turn-queue.ts';
import type { Keys } from '../redis/keys.ts';
import { outboxKey } from '../shard/outbox.ts';
import type { Member } from './membership.ts';

export interface ForgetDeps {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly log: Log;
}

/** Null when there is none of that name. Refused while a daemon serves it. With `really` false it only looks. */
export async function forgetMapping(
  deps: ForgetDeps,
  name: string,
  really: boolean,
): Promise<{ shards: number } | null> {
  const { redis, keys, log } = deps;
  if ((await redis.exists(keys.mapping(name))) === 0) return null;
  const shardIds = await redis.zrange(keys.shardIndex(name), '0', '-1');
  if (!really) return { shards: shardIds.length };
  await refuseWhileServed(redis, keys, name);
  await refuseWhileUnsent(redis, keys, name, shardIds);
  // Before it begins: it may end halfway, and is then made again.
  await audit(redis, keys, { command: 'mapping forget', mapping: name, detail: `${shardIds.length} shards` });
  for (const shardId of shardIds) {
    const stateKey = keys.shard(name, shardId);
    const streamKey = await redis.hget(stateKey, 'key');
    const removing = redis
      .multi()
      .del(stateKey, keys.staged(name, shardId), keys.outbox(name, shardId), keys.unsent(name, shardId))
      .zrem(keys.shardIndex(name), shardId);
    if (streamKey !== null) removing.srem(keys.readers(streamKey), name);
    await removing.exec();
    // A spool is ours alone.
    if (streamKey === keys.spool(name, shardId)) await redis.del(streamKey);
    // The stream may be gone, and its group with it.
    else if (streamKey !== null && (await redis.exists(streamKey)) === 1)
      await redis.xgroup('DESTROY', streamKey, keys.group(name));
  }
  await forgetRedrives(redis, keys, name, shardIds);
  const queue = openTurnQueue({ connection: redis, prefix: keys.queuePrefix(), mapping: name, log });
  await queue.obliterate();
  await queue.close();
  await redis.multi().del(keys.mapping(name), keys.shardIndex(name)).srem(keys.mappings(), name).exec();
  return { shards: shardIds.length };
}

/** Their notices stay where they are. */
async function forgetRedrives(redis: Redis, keys: Keys, name: string, shardIds: readonly string[]): Promise<void> {
  const redriven = new Set([...shardIds, ...(await redis.smembers(keys.redriveShards(name)))]);
  const lines = [...redriven].flatMap((shardId) => [
    keys.shard(name, redriveLineOf(shardId)),
    keys.staged(name, redriveLineOf(shardId)),
    keys.redrive(name, shardId),
  ]);
  const ofMapping = [keys.redriveShards(name), keys.redriveTickets(name), keys.redriveTexts(name)];
  await redis.multi().del(lines.concat(ofMapping)).srem(keys.redrives(), name).exec();
}

/** Notices and outputs stay when a mapping is forgotten; those in an outbox would not. */
async function refuseWhileUnsent(redis: Redis, keys: Keys, name: string, shardIds: readonly string[]): Promise<void> {
  for (const box of BOXES) {
    const [first] = await readOutboxes(redis, keys, name, shardIds, box);
    if (!first) continue;
    const [shardId, { messages }] = first;
    const key = outboxKey(keys, { mapping: name, shardId, box });
    throw new MillraceError('messages-unsent', `${messages} messages of ${name}, shard ${shardId}, are not sent yet`, {
      hint: `\`millrace status\` says why; without them it can be forgotten once ${key} is deleted`,
    });
  }
}

async function refuseWhileServed(redis: Redis, keys: Keys, name: string): Promise<void> {
  const ids = await redis.zrange(keys.daemons(), '0', '-1');
  if (ids.length === 0) return;
  const texts = await redis.mget(ids.map((id) => keys.daemon(id)));
  const serving = texts
    .filter((t) => t !== null)
    .map((t) => JSON.parse(t) as Member)
    .filter((m) => name in m.mappings);
  if (serving.length === 0) return;
  const who = serving.map((m) => `${m.host} (pid ${m.pid})`).join(', ');
  throw new MillraceError('mapping-served', `mapping ${name} is served by ${who}`, {
    hint: `take it out of their configuration or stop them, wait ${HEARTBEAT_MS / 1000} s, and try again`,
  });
}
