/** Sharded streams: what create, split, merge, delete and trim do to Redis, and what they refuse. */
import { beforeEach, describe, expect, it } from 'vitest';
import { describeStream } from '../../connectors/redis-stream/describe.ts';
import { createStream, deleteStream, listStreams } from '../../connectors/redis-stream/manage.ts';
import { mergeShards, splitShard } from '../../connectors/redis-stream/reshard.ts';
import { readStreamInfo } from '../../connectors/redis-stream/stream-info.ts';
import { readTopology } from '../../connectors/redis-stream/topology.ts';
import { AFTER_ALL, shardIdOf, toSequenceNumber } from '../../src/record.ts';
import { Keys } from '../../src/redis/keys.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('t');
const MAX = (1n << 128n) - 1n;
const [S0, S1, S2, S3] = [0, 1, 2, 3].map(shardIdOf) as [string, string, string, string];
const keyOf = (shardId: string) => keys.streamShard('clicks', shardId);
const create = (shards: number, retentionHours = 24) =>
  createStream(redis.client, keys, 'clicks', { shards, retentionHours });
const topology = async () => (await readTopology(redis.client, keys, 'clicks'))!;

/** Every hash key belongs to exactly one open shard. */
async function expectFullCover(): Promise<void> {
  const open = (await topology()).shards.filter((shard) => !shard.closed).map((shard) => shard.range);
  open.sort((a, b) => (a.start < b.start ? -1 : 1));
  expect(open[0]!.start).toBe(0n);
  expect(open.at(-1)!.end).toBe(MAX);
  for (let i = 1; i < open.length; i++) expect(open[i]!.start).toBe(open[i - 1]!.end + 1n);
}

describe('create', () => {
  it('makes empty keys that XADD NOMKSTREAM accepts, as if never touched', async () => {
    expect(await create(4)).toBe(true);
    await expectFullCover();
    for (const shard of (await topology()).shards) {
      expect(await readStreamInfo(redis.client, shard.key)).toEqual({
        ...{ length: 0, entriesAdded: 0, lastGeneratedId: '0-0', firstId: null, lastId: null },
      });
      expect(await redis.client.xinfo('GROUPS', shard.key)).toEqual([]);
      expect(await redis.client.xadd(shard.key, 'NOMKSTREAM', '*', 'data', 'x')).toMatch(/-0$/);
    }
    expect(await listStreams(redis.client, keys)).toEqual(['clicks']);
  });

  it('divides as Kinesis does', async () => {
    await create(3);
    const described = await describeStream(redis.client, keys, 'clicks');
    expect(described.shards.map((shard) => shard.hashKeyRange)).toEqual([
      { startingHashKey: '0', endingHashKey: '113427455640312821154458202477256070484' },
      {
        startingHashKey: '113427455640312821154458202477256070485',
        endingHashKey: '226854911280625642308916404954512140969',
      },
      {
        startingHashKey: '226854911280625642308916404954512140970',
        endingHashKey: '340282366920938463463374607431768211455',
      },
    ]);
  });

  it('is done already when the same shape is there, also after a split; another shape is refused', async () => {
    await create(2);
    await splitShard(redis.client, keys, 'clicks', S0);
    expect(await create(2)).toBe(false);
    await expect(create(3)).rejects.toMatchObject({
      code: 'stream-exists',
      message: expect.stringContaining('2 shards'),
    });
    await expect(create(2, 48)).rejects.toMatchObject({ code: 'stream-exists' });
  });

  it('refuses names, counts and retentions out of range, and writes nothing', async () => {
    const make = (name: string, shards: number, retentionHours: number) =>
      createStream(redis.client, keys, name, { shards, retentionHours });
    for (const name of ['', 'a:b', 'a b', 'é', 'x'.repeat(129)])
      await expect(make(name, 1, 24)).rejects.toMatchObject({ code: 'stream-name' });
    for (const shards of [0, -1, 1.5, 10_001, NaN])
      await expect(make('s', shards, 24)).rejects.toMatchObject({ code: 'stream-shape' });
    for (const hours of [23, 8_761, 24.5])
      await expect(make('s', 1, hours)).rejects.toMatchObject({ code: 'stream-shape' });
    expect(await redis.client.dbsize()).toBe(0);
  });

  it('refuses to hide a plain key of the same name, or to take over a key', async () => {
    await redis.client.xadd('clicks', '*', 'data', 'x');
    await expect(create(1)).rejects.toMatchObject({
      code: 'stream-exists',
      message: expect.stringContaining('plain stream'),
    });
    await redis.client.flushall();
    await redis.client.set(keyOf(S1), 'x');
    await expect(create(2)).rejects.toMatchObject({
      code: 'stream-exists',
      message: expect.stringContaining(keyOf(S1)),
    });
    expect(await redis.client.dbsize()).toBe(1);
  });

  it('says so when the topology key is something else', async () => {
    await redis.client.set(keys.stream('clicks'), 'x');
    await expect(topology()).rejects.toMatchObject({ code: 'stream-wrong-type' });
  });
});

describe('split and merge', () => {
  beforeEach(() => create(2));

  it('seals the parent without touching its records or counts', async () => {
    const ids = [];
    for (const data of ['a', 'b', 'c']) ids.push(await redis.client.xadd(keyOf(S0), '*', 'data', data));
    await redis.client.xtrim(keyOf(S0), 'MAXLEN', 2);
    const before = (await topology()).revision;
    expect(await splitShard(redis.client, keys, 'clicks', S0)).toEqual({ closed: [S0], opened: [S2, S3] });

    expect(await readStreamInfo(redis.client, keyOf(S0))).toEqual({
      ...{ length: 2, entriesAdded: 3, lastGeneratedId: AFTER_ALL, firstId: ids[1], lastId: ids[2] },
    });
    for (const options of [[], ['NOMKSTREAM']]) {
      const late = redis.client.call('XADD', [keyOf(S0), ...options, '*', 'data', 'late']);
      await expect(late).rejects.toThrow('exhausted the last possible ID');
    }
    expect(await redis.client.xadd(keyOf(S2), 'NOMKSTREAM', '*', 'data', 'x')).toMatch(/-0$/);
    const after = await topology();
    expect(after.revision).toBe(before + 1);
    expect(after.shards.find((shard) => shard.shardId === S3)!.parents).toEqual([S0]);
    await expectFullCover();
    // Groups go on working on a sealed key: the visible marker of a mapping.
    await redis.client.xgroup('CREATE', keyOf(S0), 'g', ids[1]!);
  });

  it('splits at a given hash key: the upper child begins there', async () => {
    await splitShard(redis.client, keys, 'clicks', S0, '1000');
    const { shards } = await topology();
    expect(shards[2]!.range).toEqual({ start: 0n, end: 999n });
    expect(shards[3]!.range).toEqual({ start: 1000n, end: MAX / 2n });
    await expectFullCover();
  });

  it('splits down to a single hash key and no further', async () => {
    await splitShard(redis.client, keys, 'clicks', S0, '1');
    await expect(splitShard(redis.client, keys, 'clicks', S2)).rejects.toMatchObject({
      code: 'stream-shape',
      message: expect.stringContaining('single hash key'),
    });
  });

  it('refuses bad hash keys with the range that would do', async () => {
    for (const at of ['0', '-1', '01', 'x', `${MAX}`, `${MAX + 1n}`, '1e3', '']) {
      await expect(splitShard(redis.client, keys, 'clicks', S0, at)).rejects.toMatchObject({
        ...{ code: 'stream-shape', hint: expect.stringContaining(`from 1 to ${MAX / 2n}`) },
      });
    }
  });

  it('merges adjacent shards in either order, and records both parents', async () => {
    expect(await mergeShards(redis.client, keys, 'clicks', S1, S0)).toEqual({ closed: [S1, S0], opened: [S2] });
    const { shards } = await topology();
    expect(shards[2]).toMatchObject({ parents: [S1, S0], range: { start: 0n, end: MAX }, closed: false });
    await expectFullCover();
    for (const parent of [S0, S1]) {
      await expect(redis.client.xadd(keyOf(parent), '*', 'data', 'x')).rejects.toThrow(
        'exhausted the last possible ID',
      );
    }
  });

  it('refuses unknown, closed and not adjacent shards, each with a sentence', async () => {
    await splitShard(redis.client, keys, 'clicks', S0);
    const merge = (a: string, b: string) => mergeShards(redis.client, keys, 'clicks', a, b);
    await expect(merge(S2, S1)).rejects.toMatchObject({ code: 'shard-not-adjacent' });
    await expect(merge(S1, S1)).rejects.toMatchObject({ code: 'shard-not-adjacent' });
    await expect(merge(S0, S1)).rejects.toMatchObject({
      code: 'shard-closed',
      hint: expect.stringContaining(`${S2} and ${S3}`),
    });
    await expect(merge('shardId-9', S1)).rejects.toMatchObject({
      code: 'shard-not-found',
      hint: expect.stringContaining(S1),
    });
    await expect(splitShard(redis.client, keys, 'nope', S0)).rejects.toMatchObject({ code: 'stream-not-found' });
  });

  it('does not hide that a key was deleted', async () => {
    await redis.client.del(keyOf(S0));
    await expect(splitShard(redis.client, keys, 'clicks', S0)).rejects.toMatchObject({ code: 'shard-key-missing' });
    expect((await topology()).shards).toHaveLength(2);
  });

  it('keeps the ranges whole when many reshard at once', async () => {
    const results = await Promise.allSettled([
      ...Array.from({ length: 6 }, () => splitShard(redis.client, keys, 'clicks', S0)),
      ...Array.from({ length: 6 }, () => mergeShards(redis.client, keys, 'clicks', S0, S1)),
    ]);
    const done = results.filter((result) => result.status === 'fulfilled');
    const codes = results.flatMap((result) =>
      result.status === 'rejected' ? [(result.reason as { code: string }).code] : [],
    );
    expect(done).toHaveLength(1);
    expect(new Set(codes)).toEqual(new Set(['shard-closed']));
    await expectFullCover();
  });
});

describe('describe', () => {
  it('has exactly the documented members', async () => {
    await create(1);
    const id = await redis.client.xadd(keyOf(S0), '*', 'partitionKey', 'k', 'data', Buffer.from([255, 0]));
    expect(await describeStream(redis.client, keys, 'clicks')).toEqual({
      name: 'clicks',
      retentionHours: 24,
      shards: [
        {
          shardId: S0,
          key: keyOf(S0),
          parents: [],
          hashKeyRange: { startingHashKey: '0', endingHashKey: `${MAX}` },
          state: 'open',
          length: 1,
          firstSequenceNumber: toSequenceNumber(id!),
          lastSequenceNumber: toSequenceNumber(id!),
        },
      ],
    });
  });

  it('shows a plain key as one shard, and says when there is none or it is no stream', async () => {
    await redis.client.xadd('plain', '5-1', 'data', 'x');
    expect(await describeStream(redis.client, keys, 'plain')).toMatchObject({
      ...{
        retentionHours: null,
        shards: [{ shardId: S0, key: 'plain', firstSequenceNumber: '500000000000000000001' }],
      },
    });
    await expect(describeStream(redis.client, keys, 'none')).rejects.toMatchObject({ code: 'stream-not-found' });
    await redis.client.set('text', 'x');
    await expect(describeStream(redis.client, keys, 'text')).rejects.toMatchObject({ code: 'stream-wrong-type' });
  });
});

describe('delete', () => {
  it('leaves nothing behind; the same name made anew has a higher revision', async () => {
    await create(2);
    const { revision } = await topology();
    await deleteStream(redis.client, keys, 'clicks');
    expect(await redis.client.dbsize()).toBe(0);
    await expect(deleteStream(redis.client, keys, 'clicks')).rejects.toMatchObject({ code: 'stream-not-found' });
    await expect
      .poll(async () => {
        await create(2);
        const again = (await topology()).revision;
        if (again === revision) await deleteStream(redis.client, keys, 'clicks');
        return again;
      })
      .toBeGreaterThan(revision);
  });
});
