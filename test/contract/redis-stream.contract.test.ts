import { createStream } from '../../connectors/redis-stream/manage.ts';
import { splitShard } from '../../connectors/redis-stream/reshard.ts';
import { Keys } from '../../src/redis/keys.ts';
import type { Source, SourceShard } from '../../src/source/port.ts';
import { openSource } from '../../src/source/registry.ts';
import { silentLog } from '../../src/observe/log.ts';
import { systemClock } from '../../src/time.ts';
import { useRedis } from '../support/redis.ts';
import { type Begun, type SourceHarness, sourceContract } from './source-contract.ts';
import { streamContract } from './stream-contract.ts';

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

streamContract('sharded Redis stream', {
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

streamContract('plain Redis stream', {
  redis: () => redis.client,
  missing: async () => open('absent'),
  create: async () => {
    await redis.client.xgroup('CREATE', 'plain', 'someone', '0', 'MKSTREAM');
    return open('plain');
  },
  append,
  loseOldest,
});

/** Seen as a mapping sees it: its checkpoint in a hash of its own. */
function harness(create: () => Promise<Source>): SourceHarness {
  return {
    missing: async () => open('absent'),
    async create() {
      const source = await create();
      return { source, shard: (await source.describe()).shards[0]! };
    },
    async append(shard, texts) {
      for (const text of texts) await redis.client.xadd(shard.key, '*', 'partitionKey', 'k', 'data', text);
    },
    loseOldest,
    async begin(source, shard, position): Promise<Begun> {
      const state = 'mapping';
      await redis.client.hset(state, 'cp', (await source.start(shard, position)).checkpoint);
      const entries = async (after: string) => redis.client.xrange(shard.key, after, '+');
      const behind = async () => entries(`(${await redis.client.hget(state, 'cp')}`);
      return {
        unsettled: async () => (await behind()).map(([, fields]) => fields.at(-1)!),
        settle: async (count) => void (await redis.client.hset(state, 'cp', (await behind())[count - 1]![0])),
        checkpoint: async () => (await redis.client.hget(state, 'cp'))!,
        async settledBehind(checkpoint) {
          const upTo = (await redis.client.hget(state, 'cp'))!;
          return (await redis.client.xrange(shard.key, `(${checkpoint}`, upTo)).map(([, fields]) => fields.at(-1)!);
        },
        async kept() {
          while ((await source.trim(shard, [state], null)).more);
          return (await entries('-')).map(([, fields]) => fields.at(-1)!);
        },
      };
    },
  };
}

sourceContract(
  'sharded Redis stream',
  harness(async () => {
    await createStream(redis.client, keys, 'clicks', { shards: 2, retentionHours: 24 });
    return open('clicks');
  }),
);
sourceContract(
  'plain Redis stream',
  harness(async () => {
    await redis.client.xgroup('CREATE', 'plain', 'someone', '0', 'MKSTREAM');
    return open('plain');
  }),
);
