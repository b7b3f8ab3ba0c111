import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkServer, connectRedis, scrubUrl } from '../../src/redis/connect.ts';
import { freePort, startRedisServer } from '../../src/redis/server.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();

describe('connectRedis', () => {
  it('gives a named connection that is ready', async () => {
    const client = await connectRedis(redis.url, { role: 'unit test' });
    expect(client.status).toBe('ready');
    expect(await client.client('GETNAME')).toBe('millrace:unit-test');
    client.disconnect();
  });

  it('waits for a server that is started meanwhile', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'millrace-late-'));
    const port = await freePort();
    const connecting = connectRedis(`redis://127.0.0.1:${port}`, { role: 'late' });
    const server = await startRedisServer({ dir, port });
    const client = await connecting;
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  });

  it('says which server does not answer, without its password', async () => {
    const port = await freePort();
    const attempt = connectRedis(`redis://user:hunter22@127.0.0.1:${port}/0`, { role: 'x', timeoutMs: 300 });
    await expect(attempt).rejects.toMatchObject({
      code: 'redis-unreachable',
      message: expect.stringMatching(
        /^the Redis server at redis:\/\/user:\*\*\*@127\.0\.0\.1:\d+\/0 does not answer: .*ECONNREFUSED/,
      ),
    });
  });

  it('fails at once on a refused login', async () => {
    const started = performance.now();
    const attempt = connectRedis(redis.url.replace('//', '//nobody:wrong@'), { role: 'x' });
    await expect(attempt).rejects.toMatchObject({
      code: 'redis-unsuitable',
      message: expect.stringContaining('WRONGPASS'),
    });
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('refuses what is no Redis URL, without repeating it', async () => {
    await expect(connectRedis('localhost 6379 hunter22', { role: 'x' })).rejects.toMatchObject({ code: 'redis-url' });
    await expect(connectRedis('http://localhost', { role: 'x' })).rejects.toMatchObject({ code: 'redis-url' });
    expect(scrubUrl('localhost hunter22')).toBe('(malformed URL)');
  });
});

describe('checkServer', () => {
  it('accepts a plain server', async () => {
    await checkServer(redis.client);
  });

  it('refuses an eviction policy', async () => {
    await redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(checkServer(redis.client)).rejects.toMatchObject({
      code: 'redis-unsuitable',
      message: expect.stringContaining('maxmemory-policy allkeys-lru'),
    });
    await redis.client.config('SET', 'maxmemory-policy', 'noeviction');
  });

  it('refuses old, clustered and read-only servers', async () => {
    const saying = (info: string) => checkServer({ info: async () => info } as unknown as typeof redis.client);
    await expect(saying('redis_version:6.2.14\r\n')).rejects.toThrow('version 6.2.14; Millrace needs 7.0');
    await expect(saying('redis_version:7.2.0\r\ncluster_enabled:1\r\n')).rejects.toThrow('cluster mode');
    await expect(saying('redis_version:7.2.0\r\nrole:slave\r\nmaster_host:h\r\n')).rejects.toThrow('replica');
  });
});
