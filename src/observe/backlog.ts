/** What the slowest mapping on a stream has not settled: what whoever writes there waits for, and `status` shows. */
import { BACKLOG_SHARDS_PER_CALL } from '../limits.ts';
import type { Backlog } from '../output.ts';
import { shardIdOf } from '../record.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript } from '../redis/scripts.ts';

const readersScript = loadScript(new URL('./lua/', import.meta.url), 'readers-N.lua');
const SHARD_FIELD = 'shard:';

/** Null: nobody reads it. Closed shards count as well: what they hold comes before what their children do. */
export async function readBacklog(redis: Redis, keys: Keys, stream: string): Promise<Backlog | null> {
  const fields = await redis.hkeys(keys.stream(stream));
  const ids = fields.flatMap((field) => (field.startsWith(SHARD_FIELD) ? [field.slice(SHARD_FIELD.length)] : []));
  const shards =
    ids.length > 0
      ? ids.map((shardId) => ({ shardId, key: keys.streamShard(stream, shardId) }))
      : [{ shardId: shardIdOf(0), key: stream }];
  const added = new Map<string, number>();
  const mappings = new Set<string>();
  for (let i = 0; i < shards.length; i += BACKLOG_SHARDS_PER_CALL) {
    const some = shards.slice(i, i + BACKLOG_SHARDS_PER_CALL);
    const pairs = some.flatMap(({ key }) => [key, keys.readers(key)]);
    const rows = (await readersScript.run(redis, pairs, [])) as [number, ...string[]][];
    rows.forEach(([entries, ...readers], at) => {
      added.set(some[at]!.shardId, Number(entries));
      for (const mapping of readers) mappings.add(mapping);
    });
  }
  return await slowestOf(mappings, (mapping) => unsettledOf(redis, keys, mapping, added));
}

/** `unsettledOf` null: it does not read. */
export async function slowestOf(
  mappings: Iterable<string>,
  unsettledOf: (mapping: string) => Promise<number | null>,
): Promise<Backlog | null> {
  let slowest: Backlog | null = null;
  for (const mapping of mappings) {
    const unsettled = await unsettledOf(mapping);
    if (unsettled !== null && (!slowest || unsettled > slowest.unsettled)) slowest = { mapping, unsettled };
  }
  return slowest;
}

/** A shard that the mapping has no state for yet counts whole: it is read from its beginning. */
async function unsettledOf(
  redis: Redis,
  keys: Keys,
  mapping: string,
  added: ReadonlyMap<string, number>,
): Promise<number> {
  const asking = redis.pipeline();
  for (const shardId of added.keys()) asking.hget(keys.shard(mapping, shardId), 'read');
  const replies = (await asking.exec()) ?? [];
  let total = 0;
  [...added.values()].forEach((entries, i) => {
    const [error, read] = replies[i]!;
    if (error) throw error;
    total += Math.max(0, entries - Number(read ?? 0));
  });
  return total;
}
