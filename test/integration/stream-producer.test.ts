/** What a producer promises: in order, each once, and an exact report of what is not known. */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { createStream, deleteStream } from '../../connectors/redis-stream/manage.ts';
import { createProducer, type Producer } from '../../connectors/redis-stream/producer.ts';
import { mergeShards, splitShard } from '../../connectors/redis-stream/reshard.ts';
import { readTopology, type StreamShard } from '../../connectors/redis-stream/topology.ts';
import { AFTER_ALL, shardIdOf } from '../../src/record.ts';
import { Keys } from '../../src/redis/keys.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('t');
const KEYS_PER_RUN = 40;
const shardKey = (index: number) => keys.streamShard('clicks', shardIdOf(index));
const open = (options: { stream?: string; timeoutMs?: number } = {}) =>
  createProducer({ url: redis.url, keys, stream: 'clicks', ...options });

async function putNumbers(producer: Producer, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    const wait = producer.put(`key-${i % KEYS_PER_RUN}`, `${i}`);
    if (wait) await wait;
  }
}

/** Partition key → the numbers put under it, in the order in which a mapping would see them: parents first. */
async function readByKey(): Promise<Map<string, number[]>> {
  const { shards } = (await readTopology(redis.client, keys, 'clicks'))!;
  const done = new Set<string>();
  const seen = new Map<string, number[]>();
  const visit = async (shard: StreamShard): Promise<void> => {
    if (done.has(shard.shardId)) return;
    done.add(shard.shardId);
    for (const parent of shard.parents) await visit(shards.find(({ shardId }) => shardId === parent)!);
    for (const [, fields] of await redis.client.xrange(shard.key, '-', '+')) {
      const [, partitionKey, , data] = fields as [string, string, string, string];
      const hashKey = BigInt(`0x${createHash('md5').update(partitionKey).digest('hex')}`);
      expect(hashKey >= shard.range.start && hashKey <= shard.range.end).toBe(true);
      seen.set(partitionKey, [...(seen.get(partitionKey) ?? []), Number(data)]);
    }
  };
  for (const shard of shards) await visit(shard);
  return seen;
}

async function expectEachOnceInOrder(total: number): Promise<void> {
  const seen = await readByKey();
  for (let k = 0; k < KEYS_PER_RUN; k++) {
    const expected = Array.from({ length: Math.ceil((total - k) / KEYS_PER_RUN) }, (_, i) => k + i * KEYS_PER_RUN);
    expect(seen.get(`key-${k}`) ?? []).toEqual(expected);
  }
}

async function count(): Promise<number> {
  return [...(await readByKey()).values()].reduce((sum, list) => sum + list.length, 0);
}

describe('producer on a sharded stream', () => {
  beforeEach(() => createStream(redis.client, keys, 'clicks', { shards: 4, retentionHours: 24 }).then(() => undefined));

  it('puts each record once, in order per key, into the shard of its MD5', async () => {
    const producer = await open();
    await putNumbers(producer, 0, 20_000);
    expect(await producer.flush()).toEqual({ accepted: 20_000 });
    expect(await producer.close()).toEqual({ accepted: 20_000, unknown: 0 });
    await expectEachOnceInOrder(20_000);
    expect(await redis.client.keys('t:producer:*')).toEqual([]);
  });

  it('a single record leaves without waiting for others', async () => {
    const producer = await open();
    void producer.put('key-0', '0');
    await expect.poll(count).toBe(1);
    await producer.close();
  });

  it('keeps order and count across splits and merges meanwhile', async () => {
    const producer = await open();
    const putting = putNumbers(producer, 0, 60_000);
    await expect.poll(() => producer.report().accepted, { interval: 1 }).toBeGreaterThan(3_000);
    await splitShard(redis.client, keys, 'clicks', shardIdOf(0));
    await mergeShards(redis.client, keys, 'clicks', shardIdOf(1), shardIdOf(2));
    await splitShard(redis.client, keys, 'clicks', shardIdOf(6));
    expect(producer.report().accepted).toBeLessThan(60_000);
    await putting;
    await producer.close();
    await expectEachOnceInOrder(60_000);
    expect((await readTopology(redis.client, keys, 'clicks'))!.shards).toHaveLength(9);
  });

  it('neither doubles nor loses a record when its connection is cut again and again', async () => {
    const producer = await open();
    let cuts = 0;
    let cutting = true;
    const cutter = (async () => {
      while (cutting) {
        const list = String(await redis.client.client('LIST')).split('\n');
        const id = /^id=(\d+)/.exec(list.find((line) => line.includes('name=millrace:producer')) ?? '')?.[1];
        if (!id) continue;
        const before = producer.report().accepted;
        cuts += Number(await redis.client.client('KILL', 'ID', id));
        // The next cut meets it at work again, not while it connects.
        while (cutting && producer.report().accepted === before) await setImmediate();
      }
    })();
    for (let from = 0; cuts < 25; from += 2_000) await putNumbers(producer, from, from + 2_000);
    cutting = false;
    await cutter;
    const { accepted } = await producer.close();
    await expectEachOnceInOrder(accepted);
  });

  it('says when a shard was deleted, and what was accepted before', async () => {
    const producer = await open();
    await putNumbers(producer, 0, 100);
    await producer.flush();
    await redis.client.del(shardKey(0), shardKey(1), shardKey(2), shardKey(3));
    void producer.put('key-0', 'x');
    await expect(producer.flush()).rejects.toMatchObject({ code: 'shard-key-missing' });
    expect(producer.report()).toEqual({ accepted: 100, unknown: 0 });
    expect(() => producer.put('key-0', 'x')).toThrow('was deleted');
  });

  it('does not turn a deleted stream into a plain one', async () => {
    const producer = await open();
    await putNumbers(producer, 0, 10);
    await producer.flush();
    await deleteStream(redis.client, keys, 'clicks');
    void producer.put('key-0', 'x');
    await expect(producer.flush()).rejects.toMatchObject({ code: 'stream-not-found' });
    expect(await redis.client.exists('clicks')).toBe(0);
  });

  it('counts a batch that was taken in part as unknown, and names the reason', async () => {
    const producer = await open();
    await redis.client.call('XSETID', [shardKey(2), AFTER_ALL]);
    await putNumbers(producer, 0, 100);
    await expect(producer.flush()).rejects.toMatchObject({
      code: 'put-interrupted',
      message: expect.stringContaining('exhausted'),
      hint: expect.stringContaining('by hand'),
    });
    expect(producer.report()).toEqual({ accepted: 0, unknown: 100 });
  });

  it('notices that the server lost writes it had acknowledged', async () => {
    const producer = await open();
    for (let batch = 0; batch < 3; batch++) {
      await putNumbers(producer, batch * 10, batch * 10 + 10);
      await producer.flush();
    }
    // What a server restored from an older state would hold.
    const [session] = await redis.client.keys('t:producer:*');
    await redis.client.set(session!, '1 10');
    await putNumbers(producer, 30, 40);
    await expect(producer.flush()).rejects.toMatchObject({ message: expect.stringContaining('lost 20 records') });
    expect(await count()).toBe(30);
  });

  it('waits out a full memory, and gives up with a sentence when it stays full', async () => {
    const patient = await open();
    await redis.client.config('SET', 'maxmemory', '1');
    const flushed = putNumbers(patient, 0, 5_000).then(() => patient.flush());
    try {
      await expect.poll(async () => /errorstat_OOM:count=[^0]/.test(await redis.client.info('errorstats'))).toBe(true);
      const hasty = await open({ timeoutMs: 200 });
      void hasty.put('key-0', 'x');
      await expect(hasty.flush()).rejects.toMatchObject({
        ...{ code: 'put-interrupted', hint: expect.stringContaining('memory is full') },
      });
      expect(hasty.report()).toEqual({ accepted: 0, unknown: 0 });
    } finally {
      await redis.client.config('SET', 'maxmemory', '0');
    }
    expect(await flushed).toEqual({ accepted: 5_000 });
    await patient.close();
    await expectEachOnceInOrder(5_000);
  });

  it('reports what is unknown when the server falls silent, and sends nothing afterwards', async () => {
    const producer = await open({ timeoutMs: 300 });
    await putNumbers(producer, 0, 10);
    await producer.flush();
    redis.server.kill('SIGSTOP');
    try {
      void producer.put('key-0', 'late');
      await expect(producer.flush()).rejects.toMatchObject({
        code: 'put-interrupted',
        message: expect.stringContaining('0.3 s'),
      });
      expect(producer.report()).toEqual({ accepted: 10, unknown: 1 });
    } finally {
      redis.server.kill('SIGCONT');
    }
    // It was on the way and is taken or not, as reported; no second copy comes.
    await expect.poll(async () => String(await redis.client.client('LIST')).includes('millrace:producer')).toBe(false);
    expect(await count()).toBeLessThanOrEqual(11);
  });

  it('abort leaves a prefix and says how long it is', async () => {
    const producer = await open();
    const putting = putNumbers(producer, 0, 50_000).catch(() => undefined);
    await expect.poll(() => producer.report().accepted, { interval: 1 }).toBeGreaterThan(1_000);
    const { accepted, unknown } = await producer.abort(5_000);
    expect(unknown).toBe(0);
    await expectEachOnceInOrder(accepted);
    void putting;
  });

  it('gives a record without a key one of its own, so that they spread', async () => {
    const producer = await open();
    for (let i = 0; i < 1_000; i++) void producer.put(null, `${i}`);
    await producer.close();
    for (let shard = 0; shard < 4; shard++) expect(await redis.client.xlen(shardKey(shard))).toBeGreaterThan(150);
  });
});

describe('producer on a plain stream', () => {
  it('makes the key, keeps the order of records with and without a key, and bytes as they are', async () => {
    const producer = await open({ stream: 'plain' });
    expect(producer.plain).toBe(true);
    const bytes = Buffer.from([0, 255, 10]);
    for (const [key, data] of [
      ['a', '1'],
      [null, bytes],
      [null, '3'],
      ['b', 'é'],
    ] as const)
      void producer.put(key, data);
    await producer.close();
    const entries = (await redis.client.xrangeBuffer('plain', '-', '+')).map(([, fields]) => fields);
    const text = (...parts: string[]) => parts.map((part) => Buffer.from(part));
    expect(entries).toEqual([
      text('partitionKey', 'a', 'data', '1'),
      [Buffer.from('data'), bytes],
      text('data', '3'),
      text('partitionKey', 'b', 'data', 'é'),
    ]);
  });

  it('moves on to the sharded stream of that name when one is created meanwhile', async () => {
    const producer = await open();
    await createStream(redis.client, keys, 'clicks', { shards: 2, retentionHours: 24 });
    await putNumbers(producer, 0, 500);
    await producer.close();
    expect(await redis.client.exists('clicks')).toBe(0);
    await expectEachOnceInOrder(500);
  });

  it('refuses a key that is no stream, before and during', async () => {
    await redis.client.set('text', 'x');
    await expect(open({ stream: 'text' })).rejects.toMatchObject({ code: 'stream-wrong-type' });
    const producer = await open({ stream: 'later' });
    await redis.client.set('later', 'x');
    void producer.put(null, 'x');
    await expect(producer.close()).rejects.toMatchObject({ code: 'stream-wrong-type' });
  });
});
