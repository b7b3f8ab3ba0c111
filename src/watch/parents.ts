/** Children are not read before their parents are settled to their end (esm-semantics.md §4.1). */
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import type { PolledShard } from './polled-shard.ts';

export async function parentsDone(
  deps: { readonly redis: Redis; readonly keys: Keys },
  polled: PolledShard,
): Promise<boolean> {
  const { mapping, shard } = polled;
  for (const parent of shard.parents) {
    const [checkpoint, done] = await deps.redis.hmget(deps.keys.shard(mapping.name, parent), 'cp', 'done');
    // A parent that this mapping never had cannot be waited for.
    if (checkpoint !== null && done !== '1') return false;
  }
  return true;
}
