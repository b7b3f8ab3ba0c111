/** One real Redis per test file (`useRedis()` in a describe or at the top of a file); flushed before each test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type RedisServer, type RedisServerOptions, startRedisServer } from '../../src/redis/server.ts';

export interface TestRedis {
  readonly server: RedisServer;
  readonly url: string;
  readonly client: Redis;
}

export function useRedis(options: Partial<RedisServerOptions> = {}): TestRedis {
  let server: RedisServer | undefined;
  let client: Redis | undefined;
  let dir = '';
  beforeAll(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'millrace-redis-'));
    server = await startRedisServer({ dir, appendfsync: 'no', ...options });
    client = new Redis(server.url, { maxRetriesPerRequest: null });
  });
  beforeEach(async () => {
    await client!.flushall();
  });
  afterAll(async () => {
    client?.disconnect();
    await server?.stop();
    await rm(dir, { recursive: true, force: true });
  });
  return {
    get server() {
      return server!;
    },
    get url() {
      return server!.url;
    },
    get client() {
      return client!;
    },
  };
}
