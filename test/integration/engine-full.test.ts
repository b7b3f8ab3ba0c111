/** Redis over its memory bound: intake stops first, and settling makes room again. */
import { expect, test } from 'vitest';
import { eventually } from '../support/daemon.ts';
import { world } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();

test('a full Redis takes no records, turns go on, and what is settled and trimmed makes room', async () => {
  const w = await world(redis, {
    handler: 'export const handler = async () => {};',
    source: { trim: 'settled' },
    mapping: { batchSize: 100 },
  });
  const fill = w.redis.pipeline();
  for (let i = 0; i < 20_000; i++) fill.xadd('s', '*', 'data', 'x'.repeat(200));
  await fill.exec();
  const used = Number(/used_memory:(\d+)/.exec(await w.redis.info('memory'))![1]);
  await w.redis.config('SET', 'maxmemory', used - 1_000_000);
  try {
    await expect(w.redis.xadd('s', '*', 'data', 'one more')).rejects.toThrow(/OOM/);
    const daemon = w.start();
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '20000',
      { what: 'all settled', withinMs: 25_000 },
    );
    const add = () => w.redis.xadd('s', '*', 'data', 'room again').catch((error: Error) => error.message);
    const id = await eventually(add, (answer) => !String(answer).startsWith('OOM'), {
      what: 'room again',
      everyMs: 250,
    });
    expect(id).toMatch(/^\d+-\d+$/);
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '20001',
      { what: 'the new one settled' },
    );
    expect(await w.redis.xlen('s')).toBeLessThan(20_000);
    expect(await daemon.stop()).toBe(0);
  } finally {
    await w.redis.config('SET', 'maxmemory', 0);
  }
});
