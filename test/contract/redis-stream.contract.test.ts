import { createStream } from '../../connectors/redis-stream/manage.ts';
import { splitShard } from '../../connectors/redis-stream/reshard.ts';
import { Keys } from '../../src/redis/keys.ts';
import type { SourceShard } from '../../src/source/port.ts';
import { openSource } from '../../src/source/registry.ts';
import { silentLog } from '../../src/observe/log.ts';
import { systemClock } from '../../src/time.ts';
import { useRedis } from '../support/redis.ts';
import { sourceContract } from './source-contract.ts';

const redis = useRedis();
const keys = new Keys('contract');
const open = (stream: string) =>
  openSource({ type: 'redis-stream', stream }, { redis: redis.client, keys, clock: systemClock, log: silentLog });

async function append(shard: SourceShard, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await redis.client.xadd(shard.key, '*', 'partitionKey', `k${i}`, 'data', `${i}`);
}
async function loseOldest(shard: SourceShard, count: number): Promise<void> {
  await redis.client.xtrim(shard.key, 'MAXLEN', (await redis.client.xlen(shard.key)) - count);
}

sourceContract('sharded Redis stream', {
  redis: () => redis.client,
  missing: async () => open('absent'),
  create: async (shards) => {
    await createStream(redis.client, keys, 'clicks', { shards, retentionHours: 24 });
    return open('clicks');
  },
  append,
  loseOldest,
  reshard: async (shard) => void (await splitShard(redis.client, keys, 'clicks', shard.shardId)),
});

sourceContract('plain Redis stream', {
  redis: () => redis.client,
  missing: async () => open('absent'),
  create: async () => {
    await redis.client.xgroup('CREATE', 'plain', 'someone', '0', 'MKSTREAM');
    return open('plain');
  },
  append,
  loseOldest,
});
