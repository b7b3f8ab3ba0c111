/** A shard that a daemon hears of by a turn: it is looked for at once, and who watches hears of it as of any other. */
import { expect, test } from 'vitest';
import { createStream } from '../../connectors/redis-stream/manage.ts';
import { splitShard } from '../../connectors/redis-stream/reshard.ts';
import { ServedMapping } from '../../src/daemon/served-mapping.ts';
import type { MappingConfig } from '../../src/mapping/types.ts';
import { silentLog } from '../../src/observe/log.ts';
import { Keys } from '../../src/redis/keys.ts';
import type { FunctionVersion } from '../../src/sandbox/types.ts';
import { systemClock } from '../../src/time.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const shard = (n: number) => `shardId-${String(n).padStart(12, '0')}`;

test('many turns of shards that are new ask at once, and each is found; the next refresh tells of them, once', async () => {
  const keys = new Keys('new-shard');
  const { client } = redis;
  await createStream(client, keys, 'clicks', { shards: 1, retentionHours: 24 });
  const source = { type: 'redis-stream', stream: 'clicks' };
  const config = { name: 'm', function: 'f', source, startingPosition: 'TRIM_HORIZON' } as unknown as MappingConfig;
  const deps = { redis: client, keys, clock: systemClock, log: silentLog, feeds: false };
  const mapping = new ServedMapping(deps, config, { name: 'f', hash: 'v' } as FunctionVersion);
  try {
    expect(await mapping.refresh()).toBe(true);
    expect(await mapping.refresh()).toBe(false);

    // One look is under way already when the stream is split: it may not see the new ones.
    const before = mapping.lookFor(shard(7));
    await splitShard(client, keys, 'clicks', shard(0));
    expect([mapping.shard(shard(1)), mapping.shard(shard(2))]).toEqual([undefined, undefined]);
    const found = await Promise.all([1, 2, 1, 7].map((n) => mapping.lookFor(shard(n))));
    expect(found.map((one) => one?.shardId)).toEqual([shard(1), shard(2), shard(1), undefined]);
    expect(await before).toBeUndefined();
    expect(await client.exists(keys.shard('m', shard(1)), keys.shard('m', shard(2)))).toBe(2);

    expect(await mapping.refresh()).toBe(true);
    expect(await mapping.refresh()).toBe(false);
  } finally {
    await mapping.close();
  }
});
