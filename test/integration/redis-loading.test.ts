/** A Redis that was started again reads its files first, and says so: whoever waits for it asks again and again, not when it guessed to be done. */
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { connectRedis, disconnect } from '../../src/redis/connect.ts';
import { startRedisServer } from '../../src/redis/server.ts';
import { configDir } from '../support/daemon.ts';

/** Each takes so long to be read again, in µs: four seconds for all of them. */
const [COMMANDS, DELAY_US] = [20_000, 200];

test('a connection to a server that reads its log asks at least twice a second whether it is done', async () => {
  const dir = await configDir({});
  const first = await startRedisServer({ dir });
  const writer = new Redis(first.url);
  const writing = writer.pipeline();
  for (let n = 0; n < COMMANDS; n++) writing.set(`key ${n}`, 'x'.repeat(100));
  await writing.exec();
  writer.disconnect();
  await first.stop();

  const again = startRedisServer({ dir, port: first.port, args: ['--key-load-delay', String(DELAY_US)] });
  const redis = await connectRedis(first.url, { role: 'test', timeoutMs: 25_000 });
  try {
    const asked = /cmdstat_info:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1];
    expect(Number(asked)).toBeGreaterThanOrEqual(6);
    expect(await redis.dbsize()).toBe(COMMANDS);
  } finally {
    disconnect(redis);
    await (await again).stop();
  }
});
