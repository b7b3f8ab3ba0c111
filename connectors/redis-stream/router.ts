/** Partition key → the Redis key it is written to, for one state of a stream's topology. */
import { hash } from 'node:crypto';
import { MillraceError } from '../../src/errors.ts';
import { ROUTE_CACHE_KEYS } from '../../src/limits.ts';
import type { Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { hashKeyOf } from './hash-range.ts';
import { readTopology, type Topology } from './topology.ts';

export interface Router {
  /** Of the topology; '' for a plain stream. */
  readonly revision: string;
  /** The Redis keys that records may go to. */
  readonly keys: readonly string[];
  /** Index into `keys`. */
  indexOf(partitionKey: string): number;
  /** The key of a record that has none: made of its data on a sharded stream, so that such records spread; none on a plain one. */
  keyFor(data: string | Buffer): string | null;
}

/** A stream that does not exist is a plain one, whose key comes with its first record. Rejects with `stream-wrong-type`. */
export async function loadRouter(redis: Redis, keys: Keys, stream: string): Promise<Router> {
  const topology = await readTopology(redis, keys, stream);
  if (topology) return shardedRouter(topology);
  const type = await redis.type(stream);
  if (type === 'stream' || type === 'none')
    return { revision: '', keys: [stream], indexOf: () => 0, keyFor: () => null };
  throw new MillraceError('stream-wrong-type', `the Redis key "${stream}" is a ${type}, not a stream`, {
    hint: 'another program uses this key: choose another stream name',
  });
}

export function shardedRouter(topology: Topology): Router {
  const open = topology.shards.filter((shard) => !shard.closed);
  open.sort((a, b) => (a.range.start < b.range.start ? -1 : 1));
  const starts = open.map((shard) => shard.range.start);
  const known = new Map<string, number>();
  return {
    revision: String(topology.revision),
    keys: open.map((shard) => shard.key),
    indexOf(partitionKey) {
      let index = known.get(partitionKey);
      if (index === undefined) {
        index = lastAtOrBelow(starts, hashKeyOf(partitionKey));
        if (known.size >= ROUTE_CACHE_KEYS) known.clear();
        known.set(partitionKey, index);
      }
      return index;
    },
    keyFor: (data) => hash('md5', data, 'hex'),
  };
}

/** The open ranges leave no gap, so the range that a hash key is in is the last one that begins at or below it. */
function lastAtOrBelow(starts: readonly bigint[], hashKey: bigint): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= hashKey) low = middle;
    else high = middle - 1;
  }
  return low;
}
