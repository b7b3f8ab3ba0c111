/** Redis streams behind the source port: a sharded stream if one of that name was created, else the plain key. */
import { shardIdOf } from '../../src/record.ts';
import type { Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import type {
  ReadShard,
  RewindTo,
  Sought,
  Source,
  SourceDescription,
  SourceShard,
  StartingPosition,
} from '../../src/source/port.ts';
import { HOUR } from '../../src/time.ts';
import { MillraceError } from '../../src/errors.ts';
import { seekIn } from './seek.ts';
import { startOf, type Arrival } from './start.ts';
import { trim } from './trim.ts';
import { readTopology, wrongTypeOr } from './topology.ts';

export interface RedisStreamSourceOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly stream: string;
  /** `settled`: a plain stream's records go as soon as every mapping settled them. A sharded stream has its retention. */
  readonly trim?: 'never' | 'settled' | undefined;
  readonly arrival?: Arrival | undefined;
}

function streamArn(stream: string): string {
  return `arn:millrace:redis:::stream/${stream}`;
}

export function createRedisStreamSource(options: RedisStreamSourceOptions): Source {
  const { redis, keys, stream } = options;
  const arn = streamArn(stream);
  let cached: { revision: string; description: SourceDescription } | null = null;

  async function describe(): Promise<SourceDescription> {
    // One small reply while nothing changes: a topology of 10,000 shards is a megabyte.
    const revision = await redis.hget(keys.stream(stream), 'revision').catch((error: unknown) => {
      throw wrongTypeOr(error, keys.stream(stream), 'the topology of a sharded stream');
    });
    if (revision === null) {
      // Its shards are still what the mapping's positions are of: a plain key of that name is another stream.
      if (cached) throw goneStream(stream);
      return describePlain(options, arn);
    }
    if (cached?.revision === revision) return cached.description;
    const topology = await readTopology(redis, keys, stream);
    // Deleted between the two reads.
    if (!topology) throw goneStream(stream);
    const description: SourceDescription = {
      exists: true,
      arn,
      shards: topology.shards.map(({ shardId, key, parents, closed }) => ({ shardId, key, parents, closed })),
      revision: topology.revision,
      retentionMs: topology.retentionHours * HOUR,
    };
    cached = { revision: String(topology.revision), description };
    return description;
  }

  return {
    describe,
    start: (shard: SourceShard, position: StartingPosition) =>
      startOf(redis, shard.key, position, options.arrival ?? 'id'),
    async seek(shards: readonly ReadShard[], to: RewindTo) {
      const found = new Map<string, Sought>();
      // One after the other: each counts, and the server has others to serve.
      for (const shard of shards) {
        const sought = await seekIn(redis, shard, to, options.arrival ?? 'id');
        if (sought) found.set(shard.shardId, sought);
      }
      return found;
    },
    trim: (shard, stateKeys, beforeMs) => trim(redis, { streamKey: shard.key, stateKeys, beforeMs }),
  };
}

function goneStream(name: string): MillraceError {
  return new MillraceError(
    'stream-not-found',
    `the sharded stream "${name}" is gone: its topology was deleted, or lost`,
    {
      hint: `create it anew with: millrace stream create ${name} --shards N; a daemon that starts without it reads a plain stream of that name`,
    },
  );
}

async function describePlain(options: RedisStreamSourceOptions, arn: string): Promise<SourceDescription> {
  const type = await options.redis.type(options.stream);
  if (type !== 'stream' && type !== 'none') {
    throw new MillraceError('stream-wrong-type', `the Redis key "${options.stream}" is a ${type}, not a stream`, {
      hint: 'another program uses this key: choose another stream name',
    });
  }
  return {
    exists: type === 'stream',
    arn,
    shards: [{ shardId: shardIdOf(0), key: options.stream, parents: [], closed: false }],
    revision: 0,
    retentionMs: options.trim === 'settled' ? 'settled' : null,
  };
}
