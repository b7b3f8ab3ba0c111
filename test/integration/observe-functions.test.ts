/** What live daemons said of their functions, as `status` sums it up. */
import { describe, expect, it } from 'vitest';
import { collectStatus } from '../../src/observe/status.ts';
import { shardIdOf } from '../../src/record.ts';
import { Keys } from '../../src/redis/keys.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('millrace');
const S0 = shardIdOf(0);
const T0 = 1_732_370_000_000;

async function mapping(name: string): Promise<void> {
  await redis.client.sadd(keys.mappings(), name);
  await redis.client.hset(keys.mapping(name), { function: 'enrich', functionVersion: 'f00d', source: '{}' });
}

/** Heard of half a second after T0. */
async function daemon(id: string): Promise<void> {
  await redis.client.set(
    keys.daemon(id),
    JSON.stringify({ id, host: 'h', pid: 7, roles: ['executor'], since: T0 }),
    'EX',
    5,
  );
  await redis.client.zadd(keys.daemons(), T0 + 500, id);
}

describe('functions', () => {
  const share = (more: object) => ({
    ...{ name: 'enrich', version: 'f00d', children: 1, rssBytes: 100, coldStarts: 2, delayMs: 0, slowedForMs: 0 },
    ...{ lost: { timeout: 1, outOfMemory: 0, exit: 0, protocol: 0, startFailed: 0 }, lastLoss: null },
    ...more,
  });
  const loss = (agoMs: number, reason: string) => ({
    ...{ agoMs, reason, errorType: 'E', errorMessage: reason, mapping: 'clicks', shardId: S0 },
  });

  it('are summed over the daemons that are alive; the last loss is the latest of all', async () => {
    await mapping('clicks');
    await daemon('d1');
    await daemon('d2');
    const said = { d1: [share({ lastLoss: loss(300, 'timeout') })], gone: [share({ children: 50 })] };
    for (const [id, shares] of Object.entries(said))
      await redis.client.set(keys.daemonFunctions(id), JSON.stringify(shares), 'EX', 5);
    const other = share({ lastLoss: loss(100, 'exit'), slowedForMs: 2_000, delayMs: 4_000 });
    const d2 = [other, share({ name: 'other', version: 'cafe' })];
    await redis.client.set(keys.daemonFunctions('d2'), JSON.stringify(d2), 'EX', 5);

    const { functions } = await collectStatus(redis.client, keys);
    expect(functions.map((one) => [one.name, one.version])).toEqual([
      ['enrich', 'f00d'],
      ['other', 'cafe'],
    ]);
    expect(functions[0]).toEqual({
      ...{ name: 'enrich', version: 'f00d', children: 2, rssBytes: 200, coldStarts: 4, delayMs: 4_000 },
      lost: { timeout: 2, outOfMemory: 0, exit: 0, protocol: 0, startFailed: 0 },
      lastLoss: {
        ...{ time: new Date(T0 + 400).toISOString(), reason: 'exit', errorType: 'E', errorMessage: 'exit' },
        ...{ mapping: 'clicks', shardId: S0 },
      },
      slowedUntil: new Date(T0 + 2_500).toISOString(),
    });
    expect((await collectStatus(redis.client, keys, { mapping: 'clicks' })).functions).toHaveLength(1);
  });

  it('that run nowhere are there, with zeros', async () => {
    await mapping('clicks');
    expect((await collectStatus(redis.client, keys)).functions).toEqual([
      {
        ...{ name: 'enrich', version: 'f00d', children: 0, rssBytes: 0, coldStarts: 0, lastLoss: null, delayMs: 0 },
        ...{ lost: { timeout: 0, outOfMemory: 0, exit: 0, protocol: 0, startFailed: 0 }, slowedUntil: null },
      },
    ]);
  });
});
