/** What a function returns goes to the next stream with the settle: once, in order, or not at all (contract.md, "Outputs and pipelines"). */
import { expect, test } from 'vitest';
import { createStream } from '../../connectors/redis-stream/manage.ts';
import { splitShard } from '../../connectors/redis-stream/reshard.ts';
import { shardIdOf, toSequenceNumber } from '../../src/record.ts';
import { eventually } from '../support/daemon.ts';
import { add, heard, type World, world } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const OUTPUT = { type: 'redis-stream', stream: 'out' };
/** One entry per record, named by it. */
const ECHO = `const echo = (event) => event.Records.map((r) => ({
  data: { is: Buffer.from(r.kinesis.data, 'base64').toString() }, itemIdentifier: r.kinesis.sequenceNumber }));
`;

interface Entry {
  readonly id: string;
  readonly fields: Readonly<Record<string, string>>;
}

async function entries(w: World, key = 'out'): Promise<Entry[]> {
  return (await w.redis.xrange(key, '-', '+')).map(([id, flat]) => {
    const fields: Record<string, string> = {};
    for (let i = 0; i < flat.length; i += 2) fields[flat[i]!] = flat[i + 1]!;
    return { id, fields };
  });
}

const settled = (w: World, count: number, mapping = 'm') =>
  eventually(
    () => w.state(mapping),
    (state) => state['n:succeeded'] === String(count),
    { what: `${count} settled`, withinMs: 20_000 },
  );

test('entries have the key, the data and the origin; a text is taken as it is, bytes by base64, headers beside', async () => {
  const w = await world(redis, {
    handler: `${ECHO}export const handler = async (event) => ({ output: [
      ...echo(event),
      { partitionKey: 'AMS', data: 'text "as it is"' },
      { partitionKey: 'AMS', dataBase64: '/wA=', headers: { trace: 'é1' } },
    ] });`,
    mapping: { output: OUTPUT },
  });
  const ids = await add(w.redis, 's', ['a1', 'b1']);
  const daemon = w.start();
  await settled(w, 2);
  const [first, second] = ids.map(toSequenceNumber);
  const origin = 'm/shardId-000000000000/1/';
  expect((await entries(w)).map(({ fields }) => fields)).toEqual([
    { partitionKey: 'a', data: '{"is":"a1"}', origin: `${origin}${first}/0` },
    { partitionKey: 'b', data: '{"is":"b1"}', origin: `${origin}${second}/0` },
    { partitionKey: 'AMS', data: 'text "as it is"', origin: `${origin}${second}/1` },
    expect.objectContaining({ origin: `${origin}${second}/2`, headers: '{"trace":"é1"}' }),
  ]);
  const last = (await w.redis.xrevrangeBuffer('out', '+', '-', 'COUNT', 1))[0]![1];
  expect(last[3]).toEqual(Buffer.from([0xff, 0]));
  expect(await daemon.stop()).toBe(0);
});

test('with a partial success the entries of what was settled are appended, and the rest with its own success', async () => {
  const w = await world(redis, {
    handler: `${ECHO}export const handler = async (event, context) => {
      say(event, context);
      const bad = event.Records.findIndex((r) => Buffer.from(r.kinesis.data, 'base64').toString() === 'bad');
      if (bad < 0 || context.millrace.attempt > 1) return { output: echo(event) };
      return { output: echo(event), batchItemFailures: [{ itemIdentifier: event.Records[bad].kinesis.sequenceNumber }] };
    };`,
    mapping: { output: OUTPUT, functionResponseTypes: ['ReportBatchItemFailures'] },
  });
  await add(w.redis, 's', ['1', '2', 'bad', '4']);
  w.start();
  await settled(w, 4);
  const list = await entries(w);
  expect(list.map(({ fields }) => fields['data'])).toEqual(['1', '2', 'bad', '4'].map((is) => JSON.stringify({ is })));
  expect(new Set(list.map(({ fields }) => fields['origin'])).size).toBe(4);
});

test('an answer that cannot be used fails the attempt with a sentence, and nothing is appended', async () => {
  const w = await world(redis, {
    handler: `export const handler = async (event, context) => {
      say(event, context);
      return { output: [{ partitionKey: 'k', data: 1 }, { data: 2 }] };
    };`,
    mapping: { output: OUTPUT, maximumRetryAttempts: 1 },
  });
  await add(w.redis, 's', ['x']);
  w.start();
  const [notice] = await eventually(
    () => w.notices(),
    (all) => all.length > 0,
    { what: 'given up' },
  );
  expect(notice!.error).toEqual({
    errorType: 'MalformedOutput',
    errorMessage: "The function's output cannot be used: its entry 2 has neither a partitionKey nor an itemIdentifier",
  });
  expect(notice!.responseContext).toMatchObject({ functionError: null });
  expect(await w.redis.exists('out')).toBe(0);
});

test('a target that is no stream: nothing is settled, the shard says why, and goes on when it is mended', async () => {
  const w = await world(redis, {
    handler: `${ECHO}export const handler = async (event, context) => { say(event, context); return { output: echo(event) }; };`,
    mapping: { output: OUTPUT },
  });
  await w.redis.set('out', 'in the way');
  await add(w.redis, 's', ['1']);
  const daemon = w.start();
  await heard(1, daemon);
  const state = await eventually(
    () => w.state(),
    (s) => s['why'] !== '',
    { what: 'the reason in the state' },
  );
  expect(state['why']).toContain('the Redis key "out" is a string, not a stream');
  expect(state['cp']).toBe('0-0');
  await w.redis.del('out');
  await settled(w, 1);
  expect(await entries(w)).toHaveLength(1);
});

test('10,000 entries are staged and moved in pieces, in order, and nothing of the stage is left', async () => {
  const w = await world(redis, {
    handler: `export const handler = async (event) => ({
      output: Array.from({ length: 10_000 }, (_, i) => ({ partitionKey: 'k', data: i })) });`,
    mapping: { output: OUTPUT, batchSize: 1 },
  });
  await add(w.redis, 's', ['1', '2']);
  w.start();
  await settled(w, 2);
  const list = await eventually(
    () => entries(w),
    (all) => all.length >= 20_000,
    { what: 'all moved', withinMs: 20_000 },
  );
  const numbers = Array.from({ length: 20_000 }, (_, i) => String(i % 10_000));
  expect(list.map(({ fields }) => fields['data'])).toEqual(numbers);
  expect(new Set(list.map(({ fields }) => fields['origin'])).size).toBe(20_000);
  expect(await w.redis.exists(w.keys.staged('m', shardIdOf(0)))).toBe(0);
  const state = await eventually(
    () => w.state(),
    (s) => !('out' in s),
    { what: 'nothing official left' },
  );
  expect(state).not.toHaveProperty('stg');
});

test('a sharded target: the key chooses the shard, also while it is split; each key keeps its order', async () => {
  const w = await world(redis, {
    handler: `${ECHO}export const handler = async (event) => ({ output: echo(event) });`,
    mapping: { output: OUTPUT, batchSize: 5 },
  });
  await createStream(w.redis, w.keys, 'out', { shards: 2, retentionHours: 24 });
  const texts = Array.from({ length: 2_000 }, (_, i) => `${'abcdefghij'[i % 10]}${i}`);
  const daemon = w.start();
  await daemon.ready;
  const adding = add(w.redis, 's', texts);
  await eventually(
    () => w.redis.xlen(w.keys.streamShard('out', shardIdOf(0))),
    (n) => n > 20,
    { what: 'some there' },
  );
  await splitShard(w.redis, w.keys, 'out', shardIdOf(0));
  await splitShard(w.redis, w.keys, 'out', shardIdOf(1));
  await adding;
  await settled(w, texts.length);
  const shards = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => entries(w, w.keys.streamShard('out', shardIdOf(i)))));
  // Parents before children, as readers have it.
  const all = shards.flat().map(({ fields }) => (JSON.parse(fields['data']!) as { is: string }).is);
  expect(all.toSorted()).toEqual(texts.toSorted());
  for (const key of 'abcdefghij') {
    const ofKey = (list: readonly string[]) => list.filter((text) => text.startsWith(key));
    expect(ofKey(all)).toEqual(ofKey(texts));
  }
  expect(shards.slice(2).every((list) => list.length > 0)).toBe(true);
});

test('back-pressure: no attempt begins while the reader is too far behind', async () => {
  const w = await world(redis, {
    handler: `${ECHO}export const handler = async (event) => ({ output: echo(event) });
      export const stuck = async () => { throw new Error('no'); };`,
    mappings: {
      m: {
        ...{ function: 'f', startingPosition: 'TRIM_HORIZON', batchSize: 10 },
        ...{ source: { type: 'redis-stream', stream: 's' }, output: { ...OUTPUT, maxUnsettled: 50 } },
      },
    },
  });
  // A reader that has settled nothing, as `out` would have one.
  await w.redis.sadd(w.keys.readers('out'), 'slow');
  await add(
    w.redis,
    's',
    Array.from({ length: 500 }, (_, i) => `k${i}`),
  );
  const daemon = w.start();
  await daemon.ready;
  await eventually(
    () => w.redis.xlen('out'),
    (n) => n >= 50,
    { what: 'the bound reached' },
  );
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const there = await w.redis.xlen('out');
  expect(there).toBeLessThan(500);
  await w.redis.hset(w.keys.shard('slow', shardIdOf(0)), 'read', there);
  await eventually(
    () => w.redis.xlen('out'),
    (n) => n > there,
    { what: 'on again' },
  );
  await w.redis.srem(w.keys.readers('out'), 'slow');
  await settled(w, 500);
  expect(await entries(w)).toHaveLength(500);
});
