/** Starting positions and descriptions of Redis streams, beyond what the contract suite asks of every source. */
import { describe, expect, it } from 'vitest';
import { createStream, deleteStream } from '../../connectors/redis-stream/manage.ts';
import { splitShard } from '../../connectors/redis-stream/reshard.ts';
import { trim } from '../../connectors/redis-stream/trim.ts';
import { COUNT_RECORDS_PER_CALL } from '../../src/limits.ts';
import { shardIdOf } from '../../src/record.ts';
import { Keys } from '../../src/redis/keys.ts';
import { openSource, type RedisStreamSpec } from '../../src/source/registry.ts';
import { silentLog } from '../../src/observe/log.ts';
import { HOUR, systemClock } from '../../src/time.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('t');
const open = (spec: Partial<RedisStreamSpec> = {}) =>
  openSource(
    { type: 'redis-stream', stream: 's', ...spec },
    { redis: redis.client, keys, clock: systemClock, log: silentLog },
  );
const plainShard = { shardId: shardIdOf(0), key: 's', parents: [], closed: false };
const at = (timestampMs: number) => ({ kind: 'AT_TIMESTAMP', timestampMs }) as const;
const MAY = Date.UTC(2026, 4, 1);

/** Entries with the ids `<from + 0>-0`, `<from + 1>-0`, … */
async function fill(from: number, count: number): Promise<void> {
  const lua = "for i = 0, ARGV[2] - 1 do redis.call('XADD', 's', string.format('%d-0', ARGV[1] + i), 'data', 'x') end";
  await redis.client.eval(lua, 0, from, count);
}

describe('start', () => {
  it('counts exactly over many steps', async () => {
    const total = COUNT_RECORDS_PER_CALL * 2 + 17;
    await fill(MAY, total);
    await redis.client.xtrim('s', 'MAXLEN', total - 5);
    expect(await open().start(plainShard, at(MAY + 10))).toEqual({ checkpoint: `${MAY + 9}-0`, entriesRead: 10 });
    const [middle, end] = [total / 2 - 0.5, total - 1].map((i) => MAY + i) as [number, number];
    expect(await open().start(plainShard, at(middle))).toEqual({
      checkpoint: `${middle - 1}-0`,
      entriesRead: middle - MAY,
    });
    expect(await open().start(plainShard, at(end))).toEqual({ checkpoint: `${end - 1}-0`, entriesRead: total - 1 });
  });

  it('counts deleted entries as read, so that they are no gap later', async () => {
    await fill(MAY, 10);
    await redis.client.xdel('s', `${MAY + 7}-0`);
    // 5, 6, 8 and 9 are there from the checkpoint on: 10 added - 4.
    expect(await open().start(plainShard, at(MAY + 5))).toEqual({ checkpoint: `${MAY + 4}-0`, entriesRead: 6 });
  });

  it('begins at the beginning where ids are no times: those records arrive now', async () => {
    await fill(1, 5);
    await fill(MAY, 5);
    expect(await open().start(plainShard, at(MAY + 3))).toEqual({ checkpoint: '0-0', entriesRead: 0 });
    await redis.client.xtrim('s', 'MINID', `${MAY}-0`);
    expect(await open({ arrival: 'first-seen' }).start(plainShard, at(MAY + 3))).toEqual({
      checkpoint: '0-0',
      entriesRead: 5,
    });
    expect(await open().start(plainShard, at(MAY + 3))).toEqual({ checkpoint: `${MAY + 2}-0`, entriesRead: 8 });
  });

  it('has a position also on a sealed shard whose records are gone', async () => {
    await createStream(redis.client, keys, 's', { shards: 1, retentionHours: 24 });
    const [shard] = (await open().describe()).shards;
    await redis.client.xadd(shard!.key, '*', 'data', 'x');
    await splitShard(redis.client, keys, 's', shard!.shardId);
    expect(await trim(redis.client, { streamKey: shard!.key, stateKeys: [], beforeMs: Date.now() + HOUR })).toEqual({
      removed: 1,
      more: false,
    });
    for (const position of [{ kind: 'TRIM_HORIZON' }, { kind: 'LATEST' }, at(Date.now())] as const) {
      expect(await open().start(shard!, position)).toEqual({ checkpoint: '0-0', entriesRead: 1 });
    }
  });

  it('says so when the key is no stream', async () => {
    await redis.client.set('s', 'x');
    await expect(open().start(plainShard, { kind: 'LATEST' })).rejects.toMatchObject({ code: 'stream-wrong-type' });
    await expect(open().describe()).rejects.toMatchObject({
      code: 'stream-wrong-type',
      message: 'the Redis key "s" is a string, not a stream',
    });
  });
});

describe('describe', () => {
  it('follows a name from nothing to a plain stream and to a sharded one, whose positions no plain stream of that name takes over', async () => {
    const source = open();
    expect(await source.describe()).toMatchObject({
      exists: false,
      shards: [plainShard],
      arn: 'arn:millrace:redis:::stream/s',
    });
    await fill(MAY, 1);
    expect(await source.describe()).toMatchObject({ exists: true, shards: [plainShard], retentionMs: null });
    await redis.client.del('s');
    await createStream(redis.client, keys, 's', { shards: 2, retentionHours: 48 });
    const sharded = await source.describe();
    expect(sharded).toMatchObject({ exists: true, retentionMs: 48 * HOUR });
    expect(sharded.shards.map(({ key }) => key)).toEqual([
      keys.streamShard('s', shardIdOf(0)),
      keys.streamShard('s', shardIdOf(1)),
    ]);
    await deleteStream(redis.client, keys, 's');
    await expect(source.describe()).rejects.toThrow('the sharded stream "s" is gone');
    expect(await open().describe()).toMatchObject({ exists: false, shards: [plainShard] });
  });

  it('trims a plain stream only when the mapping says so', async () => {
    expect((await open({ trim: 'settled' }).describe()).retentionMs).toBe('settled');
    expect((await open({ trim: 'never' }).describe()).retentionMs).toBeNull();
  });
});
