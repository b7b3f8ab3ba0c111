/** What every act on a running mapping needs: its shards as Redis knows them, and the pollers and executors told to look at them anew. */
import { MillraceError } from '../errors.ts';
import type { MappingConfig } from '../mapping/types.ts';
import type { Log } from '../observe/log.ts';
import { SHARDS_TOLD_AT_ONCE } from '../operator-limits.ts';
import { openTurnQueue } from '../queue/turn-queue.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import type { ShardChanged } from '../turn/settings.ts';
import { sourceIdentity } from './registry.ts';

export interface ActingDeps {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly log: Log;
}

/** @throws MillraceError `mapping-not-found` */
export async function shardsOf({ redis, keys }: ActingDeps, mapping: string): Promise<string[]> {
  const [exists, shardIds] = await Promise.all([
    redis.exists(keys.mapping(mapping)),
    redis.zrange(keys.shardIndex(mapping), '0', '-1'),
  ]);
  if (exists === 1) return shardIds;
  throw noSuchMapping(mapping);
}

export function noSuchMapping(mapping: string): MillraceError {
  return new MillraceError('mapping-not-found', `mapping ${mapping}: Redis holds no mapping of that name`, {
    hint: 'millrace status lists the mappings',
  });
}

/** The configuration means the mapping that Redis holds. @throws MillraceError `source-conflict` */
export async function sameSource({ redis, keys }: ActingDeps, { name, source }: MappingConfig): Promise<void> {
  const stored = await redis.hget(keys.mapping(name), 'identity');
  if (stored === sourceIdentity(source)) return;
  throw new MillraceError(
    'source-conflict',
    `mapping ${name} of this file has another source than the one in Redis: ${stored}`,
    {
      hint: 'use the file that its daemons run with',
    },
  );
}

/** One that is not settled to its end. @throws MillraceError `mapping-not-found`, `shard-not-found`, `shard-closed` */
export async function openShard(deps: ActingDeps, mapping: string, shardId: string): Promise<void> {
  const shardIds = await shardsOf(deps, mapping);
  if (!shardIds.includes(shardId)) throw noSuchShard(mapping, shardId, shardIds);
  if ((await deps.redis.hget(deps.keys.shard(mapping, shardId), 'done')) !== '1') return;
  throw new MillraceError('shard-closed', `${shardId} of mapping ${mapping} is closed, and settled to its end`, {
    hint: 'millrace status shows its state; its records go to the shards that it was split or merged into',
  });
}

export function noSuchShard(mapping: string, shardId: string, shardIds: readonly string[]): MillraceError {
  const some = `${shardIds.slice(0, 8).join(', ')}${shardIds.length > 8 ? ', …' : ''}`;
  return new MillraceError('shard-not-found', `mapping ${mapping} has no shard "${shardId}"`, {
    hint: shardIds.length === 0 ? 'it has none yet: no daemon has begun it' : `it has ${some}`,
  });
}

/**
 * After their states were changed: pollers look at them at once instead of with the next sweep, and a turn of each comes (`wake`), also
 * where one was parked for a later attempt (`hurry`).
 */
export async function tellShards(
  deps: ActingDeps,
  mapping: string,
  shardIds: readonly string[],
  how: 'look' | 'wake' | 'hurry',
): Promise<void> {
  const { redis, keys, log } = deps;
  const queue = openTurnQueue({ connection: redis, prefix: keys.queuePrefix(), mapping, log });
  try {
    for (let i = 0; i < shardIds.length; i += SHARDS_TOLD_AT_ONCE) {
      const some = shardIds.slice(i, i + SHARDS_TOLD_AT_ONCE);
      if (how === 'hurry') await Promise.all(some.map((shardId) => queue.hurry(shardId)));
      if (how !== 'look') await queue.wake(some);
      const telling = redis.pipeline();
      for (const shardId of some) {
        const changed: ShardChanged = { mapping, shardId, state: 'changed' };
        telling.publish(keys.watchChannel(), JSON.stringify(changed));
      }
      await telling.exec();
    }
  } finally {
    await queue.close();
  }
}
