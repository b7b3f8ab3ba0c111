/** The place of one figure: a Redis of its own, a directory for configurations and handlers, and streams with records in them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { stringify } from 'yaml';
import { createStream } from '../../connectors/redis-stream/manage.ts';
import { createProducer } from '../../connectors/redis-stream/producer.ts';
import { loadRouter } from '../../connectors/redis-stream/router.ts';
import { shardIdOf } from '../../src/record.ts';
import { Keys } from '../../src/redis/keys.ts';
import type { RedisServer } from '../../src/redis/server.ts';
import { fillShard } from '../../test/support/fill-shard.ts';
import { startBenchRedis } from './redis.ts';

/** Partition keys per shard: enough that nothing is decided by one of them. */
const KEYS_PER_SHARD = 16;
const AGAIN_MS = 20;

interface More {
  readonly functions?: Readonly<Record<string, object>>;
  readonly connections?: Readonly<Record<string, object>>;
}

interface Filling {
  readonly texts: readonly string[];
  readonly count: number;
}

export interface Lab {
  readonly server: RedisServer;
  readonly redis: Redis;
  readonly keys: Keys;
  readonly redisVersion: string;
  /** Writes handlers and configuration; `mappings` by name, `more` beside them, its functions beside `f` or in its place. Answers the configuration's path. */
  configure(handler: string, mappings: Readonly<Record<string, object>>, more?: More): string;
  /** A sharded stream; answers its shards' Redis keys, in order. */
  createStream(name: string, shards: number): Promise<string[]>;
  /** The same with records in each shard, put there by Redis itself: `texts` again and again, `count` in all. */
  createFilled(name: string, shards: number, of: (shard: number) => Filling): Promise<string[]>;
  /** Partition keys that belong to each shard of the stream. */
  partitionKeys(stream: string): Promise<string[][]>;
  /** Puts so many records into each shard. `text` makes a record's data. */
  fill(stream: string, perShard: (shard: number) => number, text: (shard: number, n: number) => string): Promise<void>;
  /** Records that the mapping has settled as succeeded, over its first `shards` shards. */
  succeeded(mapping: string, shards: number): Promise<number>;
  /** The same of one shard. */
  shardSucceeded(mapping: string, shard: number): Promise<number>;
  /** Kills Redis and starts it again on what its log has; resolves when it answers. */
  crashRedis(): Promise<void>;
  close(): Promise<void>;
}

export async function openLab(): Promise<Lab> {
  const dir = mkdtempSync(path.join(tmpdir(), 'millrace-bench-'));
  let server = await startBenchRedis(path.join(dir, 'redis'));
  // Soon there again after a crash, by what it measures: its default waits a second or more for a server that still reads its log.
  const redis = new Redis(server.url, {
    ...{ retryStrategy: () => AGAIN_MS, maxLoadingRetryTime: AGAIN_MS, maxRetriesPerRequest: null },
  });
  const keys = new Keys('millrace');
  const openStream = async (name: string, shards: number): Promise<string[]> => {
    await createStream(redis, keys, name, { shards, retentionHours: 24 });
    return Array.from({ length: shards }, (_, n) => keys.streamShard(name, shardIdOf(n)));
  };
  const redisVersion = /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? 'unknown';
  return {
    get server() {
      return server;
    },
    ...{ redis, keys, redisVersion },
    configure: (handler, mappings, more) => writeConfiguration(dir, server.url, handler, mappings, more),
    createStream: openStream,
    async createFilled(name, shards, of) {
      const places = await openStream(name, shards);
      const partitions = await partitionKeys(redis, keys, name);
      for (const [shard, key] of places.entries()) {
        const { texts, count } = of(shard);
        await fillShard(redis, key, partitions[shard]![0]!, texts, count);
      }
      return places;
    },
    partitionKeys: (stream) => partitionKeys(redis, keys, stream),
    async fill(stream, perShard, text) {
      const byShard = await partitionKeys(redis, keys, stream);
      const producer = await createProducer({ url: server.url, keys, stream });
      const most = Math.max(...byShard.map((_, shard) => perShard(shard)));
      for (let n = 0; n < most; n++) {
        for (const [shard, partition] of byShard.entries()) {
          if (n < perShard(shard)) await producer.put(partition[n % partition.length]!, text(shard, n));
        }
      }
      await producer.close();
    },
    async succeeded(mapping, shards) {
      const pipeline = redis.pipeline();
      for (let n = 0; n < shards; n++) pipeline.hget(keys.shard(mapping, shardIdOf(n)), 'n:succeeded');
      const replies = (await pipeline.exec()) ?? [];
      return replies.reduce((sum, [, count]) => sum + Number(count ?? 0), 0);
    },
    shardSucceeded: async (mapping, shard) =>
      Number((await redis.hget(keys.shard(mapping, shardIdOf(shard)), 'n:succeeded')) ?? 0),
    async crashRedis() {
      // The connection tells that it is gone; it comes back by itself.
      redis.on('error', () => undefined);
      server.kill('SIGKILL');
      await server.exited;
      server = await startBenchRedis(path.join(dir, 'redis'), { port: server.port });
    },
    async close() {
      redis.disconnect();
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function writeConfiguration(
  dir: string,
  redis: string,
  handler: string,
  mappings: Readonly<Record<string, object>>,
  { functions, ...others }: More = {},
): string {
  const file = path.join(dir, 'millrace.yaml');
  const f = { code: 'handler.mjs', handler: 'handler', timeout: 10 };
  writeFileSync(path.join(dir, 'handler.mjs'), handler);
  writeFileSync(file, stringify({ redis, functions: { f, ...functions }, mappings, ...others }));
  return file;
}

async function partitionKeys(redis: Redis, keys: Keys, stream: string): Promise<string[][]> {
  const router = await loadRouter(redis, keys, stream);
  const found = router.keys.map(() => [] as string[]);
  const wanted = router.keys.length > 1_000 ? 1 : KEYS_PER_SHARD;
  for (let n = 0, missing = found.length; missing > 0; n++) {
    const list = found[router.indexOf(`key-${n}`)]!;
    if (list.length === wanted) continue;
    list.push(`key-${n}`);
    if (list.length === wanted) missing--;
  }
  return found;
}

/** The mapping of a sharded stream, from its beginning. */
export function mappingOf(stream: string, batchSize: number, more: object = {}): object {
  return {
    function: 'f',
    source: { type: 'redis-stream', stream },
    startingPosition: 'TRIM_HORIZON',
    batchSize,
    ...more,
  };
}

/** A record of exactly 200 bytes of JSON. */
export function record200(shard: number, n: number): string {
  const head = `{"id":${n},"shard":${shard},"kind":"measurement","value":${(n % 1_000) / 8},"text":"`;
  return `${head}${'x'.repeat(200 - head.length - 2)}"}`;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
