/** Fills a sharded stream for an example, from nothing. */
import { createStream } from '../connectors/redis-stream/manage.ts';
import { createProducer } from '../connectors/redis-stream/producer.ts';
import { connectRedis, type Redis } from '../src/redis/connect.ts';
import type { Keys } from '../src/redis/keys.ts';

export interface Filling {
  readonly stream: string;
  readonly shards: number;
  /** In the order in which they are put. */
  readonly records: Iterable<{ readonly key: string; readonly data: unknown }>;
  /** Streams of the stages behind it, with as many shards. */
  readonly further?: readonly string[];
}

/** Begins anew: what an earlier run left in the example's namespace is removed first. */
export async function fillStream(url: string, keys: Keys, filling: Filling): Promise<void> {
  const redis = await connectRedis(url, { role: 'demo' });
  try {
    await removeNamespace(redis, keys);
    for (const name of [filling.stream, ...(filling.further ?? [])]) {
      await createStream(redis, keys, name, { shards: filling.shards, retentionHours: 24 });
    }
  } finally {
    redis.disconnect();
  }
  const producer = await createProducer({ url, keys, stream: filling.stream });
  for (const { key, data } of filling.records) await producer.put(key, JSON.stringify(data));
  await producer.close();
}

/** What an earlier run left. */
export async function removeNamespace(redis: Redis, keys: Keys): Promise<void> {
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', `${keys.namespace}:*`, 'COUNT', 1_000);
    if (found.length > 0) await redis.unlink(...found);
    cursor = next;
  } while (cursor !== '0');
}
