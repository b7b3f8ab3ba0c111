/** Gives shards their state when a mapping first meets them. */
import type { Redis } from '../redis/connect.ts';
import type { EntryId } from '../record.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript } from '../redis/scripts.ts';

const lua = new URL('./lua/', import.meta.url);
const script = loadScript(lua, 'init-5.lua');
const disownScript = loadScript(lua, 'disown-N.lua');

export interface NewShard {
  readonly shardId: string;
  readonly key: string;
  readonly parents: readonly string[];
  readonly checkpoint: EntryId;
  readonly entriesRead: number;
  /** The shard is a spool: the source's end. */
  readonly end?: number;
}

/** True when the state is new; a shard that has state keeps it, so that calling again is harmless. */
export async function initShard(redis: Redis, keys: Keys, mapping: string, shard: NewShard): Promise<boolean> {
  const created = await script.run(
    redis,
    [
      ...[keys.shard(mapping, shard.shardId), keys.shardIndex(mapping), keys.readers(shard.key), shard.key],
      keys.mapping(mapping),
    ],
    [
      shard.shardId,
      shard.checkpoint,
      shard.entriesRead,
      JSON.stringify(shard.parents),
      mapping,
      keys.group(mapping),
      shard.key,
      shard.end ?? '',
    ],
  );
  return created === 1;
}

/** Of shards whose state is gone those that nobody has noticed before; `initShard` begins them anew. */
export async function disownLost(
  redis: Redis,
  keys: Keys,
  mapping: string,
  shardIds: readonly string[],
): Promise<readonly string[]> {
  const states = shardIds.map((shardId) => keys.shard(mapping, shardId));
  return (await disownScript.run(redis, [keys.shardIndex(mapping), ...states], shardIds)) as string[];
}
