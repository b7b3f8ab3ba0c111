/** Staged outputs step by step, as crashes cut them: nothing is seen before the settle, everything after it, each piece once. */
import { afterEach, expect, test } from 'vitest';
import { createRedisStreamOutput } from '../../connectors/redis-stream/output.ts';
import { createStream } from '../../connectors/redis-stream/manage.ts';
import { splitShard } from '../../connectors/redis-stream/reshard.ts';
import { readOutput } from '../../src/observe/status-output.ts';
import { OUTPUT_PIECE_ENTRIES as PIECE } from '../../src/limits.ts';
import type { Output } from '../../src/output.ts';
import { BEFORE_ALL, shardIdOf } from '../../src/record.ts';
import { Keys } from '../../src/redis/keys.ts';
import { initShard } from '../../src/shard/init.ts';
import { moveOutputs, packOutputs, piecesOf, stageOutputs, unstageOutputs } from '../../src/shard/outputs.ts';
import { settle } from '../../src/shard/settle.ts';
import { takeShard } from '../../src/shard/take.ts';
import { SettleRefused, Shipping } from '../../src/turn/shipping.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('t');
const REF = { mapping: 'm', shardId: shardIdOf(0) };
const outputs = (count: number): Output[] =>
  Array.from({ length: count }, (_, i) => ({ partitionKey: `k${i % 5}`, data: `${i}`, headers: '', origin: `9/${i}` }));
const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`);

async function take(owner = 'd1') {
  const shard = { ...REF, key: 's', parents: [], checkpoint: BEFORE_ALL, entriesRead: 0 };
  await initShard(redis.client, keys, 'm', shard);
  const taken = await takeShard(redis.client, keys, REF, { owner, parents: [], mode: 'turn' });
  if (taken.kind !== 'ok') throw new Error(taken.kind);
  const { holding, state } = taken;
  const target = createRedisStreamOutput({ redis: redis.client, keys, stream: 'out', monoMs: () => performance.now() });
  const shipping = new Shipping({ redis: redis.client, keys, holding, targetOf: () => target });
  const shelf = { redis: redis.client, keys, holding };
  const ship = (list: readonly Output[], revision = state.revision + 1) =>
    shipping.settle(list, { output: { stream: 'out' }, revision, generation: 1 }, (shipment) =>
      settle(
        redis.client,
        keys,
        { holding, streamKey: 's', failureStream: 'f', failureBytesMax: 0, failureKeptMs: 0 },
        {
          ...{ revision, generation: 1, checkpoint: `${revision}-0`, entriesRead: revision, units: [] },
          ...{ notBefore: 0, expiresAt: 0, blocked: '', lastProcessingResult: null, why: '', done: false, notices: [] },
          counts: { succeeded: 1, expired: 0, givenUp: 0, filtered: 0, lostBySource: 0 },
        },
        shipment,
      ),
    );
  return { holding, state, shipping, shelf, ship, target };
}

async function data(key = 'out'): Promise<string[]> {
  return (await redis.client.xrange(key, '-', '+')).map(([, fields]) => fields[3]!);
}

const stateOf = () => redis.client.hgetall(keys.shard('m', REF.shardId));

afterEach(async () => {
  await redis.client.config('SET', 'maxmemory', 0);
});

test('a settle that is sent twice appends once; one of an earlier holder appends nothing', async () => {
  const first = await take();
  expect(await first.ship(outputs(3))).toMatchObject({ kind: 'ok' });
  expect(await first.ship(outputs(3))).toMatchObject({ kind: 'ok' });
  expect(await data()).toEqual(numbers(3));
  const second = await take('d2');
  await expect(first.ship(outputs(3), 2)).rejects.toThrow(/superseded/);
  await expect(first.ship(outputs(3 * PIECE), 2)).rejects.toThrow(/was superseded by/);
  expect(await data()).toEqual(numbers(3));
  expect(await second.ship(outputs(1))).toMatchObject({ kind: 'ok' });
  expect(await data()).toHaveLength(4);
});

test('a crash between stage and settle: nothing is seen, and the next holder removes the stage', async () => {
  const first = await take();
  await stageOutputs(
    first.shelf,
    'x:1',
    piecesOf(outputs(2.5 * PIECE)).map((piece) => packOutputs(piece, 'm/')),
  );
  expect(await redis.client.llen(keys.staged('m', REF.shardId))).toBe(3);
  const second = await take('d2');
  expect(second.state.staged).toEqual({ any: true, official: 0, stream: '' });
  await expect(unstageOutputs(first.shelf)).rejects.toThrow(/was superseded by/);
  await second.shipping.finish(second.state);
  expect(await redis.client.exists(keys.staged('m', REF.shardId), 'out')).toBe(0);
  expect(await stateOf()).not.toHaveProperty('stg');
});

test('a crash between settle and the last piece: the next holder moves the rest, the earlier one nothing', async () => {
  const first = await take();
  expect(await first.ship(outputs(2.5 * PIECE))).toMatchObject({ kind: 'ok' });
  expect(await stateOf()).toMatchObject({ cp: '1-0', out: '3', outTo: 'out' });
  expect(await redis.client.exists('out')).toBe(0);
  const route = await first.target.route(true);
  expect(await moveOutputs(first.shelf, 3, route)).toEqual({ kind: 'ok', left: 2 });
  // The answer was lost, and it is sent again.
  expect(await moveOutputs(first.shelf, 3, route)).toEqual({ kind: 'ok', left: 2 });
  expect(await data()).toEqual(numbers(PIECE));
  // Nothing else goes before the rest.
  expect(await first.ship(outputs(1), 2)).toMatchObject({ kind: 'refused' });
  const second = await take('d2');
  await expect(moveOutputs(first.shelf, 2, route)).rejects.toThrow(/was superseded by/);
  await second.shipping.finish(second.state);
  expect(await data()).toEqual(numbers(2.5 * PIECE));
  expect(await stateOf()).not.toHaveProperty('out');
});

test('the target is split between stage and move, and while writers know the old shards', async () => {
  await createStream(redis.client, keys, 'out', { shards: 1, retentionHours: 24 });
  const first = await take();
  await first.target.route(false);
  await splitShard(redis.client, keys, 'out', shardIdOf(0));
  expect(await first.ship(outputs(50))).toMatchObject({ kind: 'ok' });
  const second = await take('d2');
  expect(await second.ship(outputs(1.5 * PIECE))).toMatchObject({ kind: 'ok' });
  await splitShard(redis.client, keys, 'out', shardIdOf(1));
  await second.shipping.move('out', 2);
  const shards = await Promise.all([0, 1, 2, 3, 4].map((i) => data(keys.streamShard('out', shardIdOf(i)))));
  expect(shards[0]).toEqual([]);
  expect(shards.flat().toSorted()).toEqual([...numbers(50), ...numbers(1.5 * PIECE)].toSorted());
});

test('a full Redis refuses outputs as a whole, and a settle without them goes on', async () => {
  const { ship } = await take();
  await redis.client.config('SET', 'maxmemory', 1_000_000);
  expect(await ship(outputs(3))).toEqual({ kind: 'refused', reason: expect.stringContaining('maxmemory') as string });
  expect(await ship(outputs(3 * PIECE))).toMatchObject({ kind: 'refused' });
  expect((await stateOf())['cp']).toBe(BEFORE_ALL);
  await redis.client.config('SET', 'maxmemory', 0);
  expect(await ship(outputs(3))).toMatchObject({ kind: 'ok' });
});

test('a target that is deleted or no stream holds what is official', async () => {
  const { ship, shipping } = await take();
  await ship(outputs(1.5 * PIECE));
  await redis.client.set('out', 'in the way');
  await expect(shipping.move('out', 2)).rejects.toThrow(SettleRefused);
  await redis.client.del('out');
  await shipping.move('out', 2);
  expect(await data()).toEqual(numbers(1.5 * PIECE));
});

test('status says who is waited for', async () => {
  const written = { type: 'redis-stream', stream: 'out', maxUnsettled: 10, allowCycle: false };
  const look = (more: object = {}) =>
    readOutput(redis.client, keys, JSON.stringify({ ...written, ...more }), new Map());
  expect(await look()).toMatchObject({ unsettled: 0, waitsFor: null });
  for (const [mapping, read] of [['fast', 15] as const, ['slow', 3] as const]) {
    const shard = { shardId: shardIdOf(0), key: 'out', parents: [], checkpoint: BEFORE_ALL, entriesRead: read };
    await initShard(redis.client, keys, mapping, shard);
  }
  for (let i = 0; i < 15; i++) await redis.client.xadd('out', '*', 'data', 'x');
  expect(await look()).toEqual({
    ...{ type: 'redis-stream', stream: 'out', unsettled: 12, maxUnsettled: 10 },
    waitsFor: 'slow',
  });
  expect(await look({ maxUnsettled: 13 })).toMatchObject({ waitsFor: null });
  expect(await look({ allowCycle: true })).toMatchObject({ waitsFor: null, maxUnsettled: null });
});
