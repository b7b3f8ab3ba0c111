/** What `millrace stream describe --json` prints (contract.md, "Records of a Redis stream"), for sharded and for plain streams. */
import { MillraceError } from '../../src/errors.ts';
import { shardIdOf, toSequenceNumber } from '../../src/record.ts';
import type { Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { FULL_RANGE, readTopology, type StreamShard } from './topology.ts';
import { readStreamInfo } from './stream-info.ts';

export interface DescribedShard {
  readonly shardId: string;
  readonly key: string;
  readonly parents: readonly string[];
  readonly hashKeyRange: { readonly startingHashKey: string; readonly endingHashKey: string };
  readonly state: 'open' | 'closed';
  /** Records that are there now. */
  readonly length: number;
  /** Of the records that are there now; null when there is none. */
  readonly firstSequenceNumber: string | null;
  readonly lastSequenceNumber: string | null;
}

export interface DescribedStream {
  readonly name: string;
  /** null for a plain stream. */
  readonly retentionHours: number | null;
  readonly shards: readonly DescribedShard[];
}

/** Rejects with `stream-not-found` when there is neither a sharded stream nor a key of that name, `stream-wrong-type` when it is no stream. */
export async function describeStream(redis: Redis, keys: Keys, name: string): Promise<DescribedStream> {
  const topology = await readTopology(redis, keys, name);
  if (topology) {
    const shards = await Promise.all(topology.shards.map((shard) => describeShard(redis, shard)));
    return { name, retentionHours: topology.retentionHours, shards };
  }
  const shardId = shardIdOf(0);
  const plain: StreamShard = { shardId, key: name, parents: [], range: FULL_RANGE, closed: false };
  if ((await redis.exists(name)) === 0) {
    throw new MillraceError('stream-not-found', `there is neither a sharded stream nor a Redis key "${name}"`, {
      hint: `create a sharded one with: millrace stream create ${name} --shards N; a plain one begins with its first XADD`,
    });
  }
  return { name, retentionHours: null, shards: [await describeShard(redis, plain)] };
}

async function describeShard(redis: Redis, shard: StreamShard): Promise<DescribedShard> {
  const info = await readStreamInfo(redis, shard.key);
  return {
    shardId: shard.shardId,
    key: shard.key,
    parents: shard.parents,
    hashKeyRange: { startingHashKey: `${shard.range.start}`, endingHashKey: `${shard.range.end}` },
    state: shard.closed ? 'closed' : 'open',
    length: info?.length ?? 0,
    firstSequenceNumber: info?.firstId ? toSequenceNumber(info.firstId) : null,
    lastSequenceNumber: info?.lastId ? toSequenceNumber(info.lastId) : null,
  };
}
