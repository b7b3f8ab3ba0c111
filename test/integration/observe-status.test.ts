import { describe, expect, it } from 'vitest';
import { collectStatus } from '../../src/observe/status.ts';
import type { ShardStatus } from '../../src/observe/status-types.ts';
import { AFTER_ALL, BEFORE_ALL, shardIdOf, toSequenceNumber, type Unit } from '../../src/record.ts';
import { Keys } from '../../src/redis/keys.ts';
import { initShard } from '../../src/shard/init.ts';
import { settle, type Settlement } from '../../src/shard/settle.ts';
import { takeShard } from '../../src/shard/take.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('millrace');
const S0 = shardIdOf(0);
const T0 = 1_732_370_000_000;
const NOTHING = { succeeded: 0, expired: 0, givenUp: 0, filtered: 0, lostBySource: 0 };

async function mapping(name: string, fields: Record<string, string> = {}): Promise<void> {
  await redis.client.sadd(keys.mappings(), name);
  await redis.client.hset(keys.mapping(name), {
    function: 'enrich',
    functionVersion: 'f00d',
    source: JSON.stringify({ type: 'redis-stream', stream: name }),
    state: 'Enabled',
    ...fields,
  });
}

async function shard(
  name: string,
  key: string,
  options: { id?: string; parents?: string[]; checkpoint?: string } = {},
) {
  const { id = S0, parents = [], checkpoint = BEFORE_ALL } = options;
  await initShard(redis.client, keys, name, { shardId: id, key, parents, checkpoint, entriesRead: 0 });
}

async function daemon(id: string, more: object = {}): Promise<void> {
  const about = {
    id,
    host: 'h',
    pid: 7,
    roles: ['poller'],
    since: T0,
    lastSeen: T0,
    version: '0.1.0',
    mappings: [],
    ...more,
  };
  await redis.client.set(keys.daemon(id), JSON.stringify(about), 'EX', 5);
  await redis.client.zadd(keys.daemons(), T0 + 500, id);
}

/** One turn that settles as given. */
async function turn(name: string, key: string, settlement: Partial<Settlement>, shardId = S0): Promise<void> {
  const taken = await takeShard(
    redis.client,
    keys,
    { mapping: name, shardId },
    { owner: 'd1', parents: [], mode: 'turn' },
  );
  if (taken.kind !== 'ok') throw new Error(taken.kind);
  const settled = await settle(
    redis.client,
    keys,
    {
      holding: taken.holding,
      streamKey: key,
      failureStream: keys.failures(name),
      failureBytesMax: 0,
      failureKeptMs: 0,
    },
    {
      ...{ revision: taken.state.revision + 1, generation: taken.state.generation, checkpoint: null, entriesRead: 0 },
      ...{ units: [], notBefore: 0, expiresAt: 0, blocked: '', lastProcessingResult: null, why: '', done: false },
      ...{ counts: NOTHING, notices: [], ...settlement },
    },
  );
  expect(settled.kind).toBe('ok');
}

async function fill(key: string, from: number, to: number): Promise<void> {
  const pipeline = redis.client.pipeline();
  for (let i = from; i <= to; i++) pipeline.xadd(key, `${T0 + i}-0`, 'data', 'x');
  await pipeline.exec();
}

const id = (i: number) => `${T0 + i}-0`;
const seq = (i: number) => toSequenceNumber(id(i));

async function one(name = 'clicks'): Promise<ShardStatus> {
  const status = await collectStatus(redis.client, keys, { mapping: name });
  return status.mappings[0]!.shards[0]!;
}

function unit(first: number, last: number, more: Partial<Unit> = {}): Unit {
  return {
    ...{
      first: id(first),
      last: id(last),
      count: last - first + 1,
      requestId: 'r-1',
      deliveries: 0,
      failures: 0,
      lost: 0,
    },
    ...{ blockedSince: null, lastError: null, triedVersion: null, ...more },
  };
}

describe('status', () => {
  it('is empty before anything ran', async () => {
    expect(await collectStatus(redis.client, keys)).toEqual({
      formatVersion: 1,
      time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      mappings: [],
      functions: [],
      daemons: [],
    });
  });

  it('shows position, lag, ages, owner and exact counts, in the words of the contract', async () => {
    await mapping('clicks');
    await fill('clicks', 1, 10);
    await shard('clicks', 'clicks');
    await daemon('d1');
    await turn('clicks', 'clicks', {
      ...{ checkpoint: id(4), entriesRead: 4, lastProcessingResult: 'OK' },
      counts: { ...NOTHING, succeeded: 3, givenUp: 1 },
    });
    const status = await collectStatus(redis.client, keys);
    expect(status.daemons).toEqual([
      {
        ...{ id: 'd1', host: 'h', pid: 7, roles: ['poller'], version: '0.1.0' },
        ...{ since: '2024-11-23T13:53:20.000Z', lastSeen: '2024-11-23T13:53:20.500Z' },
      },
    ]);
    expect(status.mappings).toEqual([
      {
        ...{
          name: 'clicks',
          function: 'enrich',
          functionVersion: 'f00d',
          state: 'Enabled',
          lastProcessingResult: 'OK',
        },
        source: { type: 'redis-stream', stream: 'clicks' },
        shards: [
          {
            ...{ shardId: S0, state: 'running', checkpoint: seq(4), tail: seq(10), lag: 6, owner: 'd1', blocked: null },
            ...{ epoch: expect.stringMatching(/^\d{16}$/) as string },
            iteratorAgeMs: Date.parse(status.time) - (T0 + 5),
            oldestUnsettledAgeMs: Date.parse(status.time) - (T0 + 5),
            settled: { succeeded: 3, expired: 0, givenUp: 1, filtered: 0, lostBySource: 0, redelivered: 0 },
          },
        ],
      },
    ]);
  });

  it('tells the states apart', async () => {
    await mapping('m');
    await shard('m', 'nowhere');
    expect(await one('m')).toMatchObject({
      state: 'idle',
      checkpoint: null,
      tail: null,
      lag: 0,
      iteratorAgeMs: 0,
      epoch: null,
      owner: null,
    });
    await fill('nowhere', 1, 2);
    expect(await one('m')).toMatchObject({ state: 'waiting', lag: 2 });
    await turn('m', 'nowhere', { checkpoint: id(1), entriesRead: 1 });
    // Its owner is no living daemon: nothing runs.
    expect(await one('m')).toMatchObject({ state: 'waiting', owner: 'd1' });
    await daemon('d1');
    expect((await one('m')).state).toBe('running');
    await mapping('m', { state: 'Disabled' });
    expect((await one('m')).state).toBe('paused');
    await mapping('m', { state: 'Draining' });
    await turn('m', 'nowhere', { checkpoint: id(2), entriesRead: 2, done: true });
    expect(await one('m')).toMatchObject({ state: 'closed', lag: 0, oldestUnsettledAgeMs: 0 });
    expect((await collectStatus(redis.client, keys)).mappings[0]!.state).toBe('Draining');
  });

  it('holds children back until their parents are settled', async () => {
    await mapping('m');
    await shard('m', 'k0');
    await shard('m', 'k1', { id: shardIdOf(1), parents: [S0, shardIdOf(9)] });
    const states = async () => (await collectStatus(redis.client, keys)).mappings[0]!.shards.map((s) => s.state);
    expect(await states()).toEqual(['idle', 'pending-parent']);
    await turn('m', 'k0', { done: true });
    expect(await states()).toEqual(['closed', 'idle']);
  });

  it('says of a blocked shard which record, since when, how often, why, and what comes next', async () => {
    await mapping('clicks');
    await fill('clicks', 1, 10);
    await shard('clicks', 'clicks');
    const lastError = { errorType: 'TypeError', errorMessage: 'no' };
    const failed = unit(3, 5, { deliveries: 4, failures: 3, blockedSince: T0 + 50, lastError });
    const now = Date.now();
    await turn('clicks', 'clicks', {
      ...{ checkpoint: id(2), entriesRead: 2, units: [failed, unit(6, 7)], notBefore: now + 60_000 },
      ...{ expiresAt: T0 + 3 + 86_400_000, blocked: JSON.stringify({ partitionKey: 'AMS' }) },
      lastProcessingResult: 'PROBLEM: Function call failed',
    });
    const status = await collectStatus(redis.client, keys);
    expect(status.mappings[0]!.lastProcessingResult).toBe('PROBLEM: Function call failed');
    expect(status.mappings[0]!.shards[0]).toMatchObject({
      ...{ state: 'blocked', checkpoint: seq(2), lag: 8 },
      iteratorAgeMs: Date.parse(status.time) - (T0 + 5),
      oldestUnsettledAgeMs: Date.parse(status.time) - (T0 + 3),
      blocked: {
        ...{ sequenceNumber: seq(3), partitionKey: 'AMS', since: new Date(T0 + 50).toISOString(), attempts: 4 },
        ...{ requestId: 'r-1', recordsInUnit: 3, lastError, nextAttemptAt: new Date(now + 60_000).toISOString() },
        ...{ expiresAt: new Date(T0 + 3 + 86_400_000).toISOString(), recordsBehind: 5 },
        nextExpiryBehind: new Date(T0 + 6 + 86_400_000).toISOString(),
      },
    });
  });

  it('shows a unit that never expires, and a retry that is due or running', async () => {
    await mapping('clicks');
    await fill('clicks', 1, 3);
    await shard('clicks', 'clicks');
    await turn('clicks', 'clicks', {
      units: [unit(1, 3, { deliveries: 2, failures: 1, blockedSince: T0 })],
      blocked: '{}',
    });
    const { blocked } = await one();
    expect(blocked).toMatchObject({ expiresAt: null, nextExpiryBehind: null, partitionKey: null, recordsBehind: 0 });
    expect(Math.abs(Date.parse(blocked!.nextAttemptAt) - Date.now())).toBeLessThan(10_000);
  });

  it('shows as blocked, with its reason, a shard whose settle is refused', async () => {
    await mapping('clicks');
    await fill('clicks', 1, 3);
    await shard('clicks', 'clicks');
    await turn('clicks', 'clicks', { why: 'failure-stream-full' });
    expect(await one()).toMatchObject({
      ...{ state: 'blocked', why: 'failure-stream-full' },
      blocked: {
        sequenceNumber: seq(1),
        attempts: 0,
        recordsInUnit: 0,
        lastError: { errorType: 'failure-stream-full' },
      },
    });
  });

  it('refuses a mapping that is not there, and names those that are', async () => {
    await mapping('clicks');
    await expect(collectStatus(redis.client, keys, { mapping: 'klicks' })).rejects.toMatchObject({
      code: 'mapping-not-found',
      hint: 'there are: clicks',
    });
  });

  it('names the mappings of which a daemon holds another configuration, and forgets daemons that died', async () => {
    await daemon('d1', { conflicts: { clicks: 'config-conflict' } });
    await redis.client.zadd(keys.daemons(), T0, 'dead');
    const { daemons } = await collectStatus(redis.client, keys);
    expect(daemons.map(({ id: name, conflicts }) => [name, conflicts])).toEqual([['d1', ['clicks']]]);
  });
});

describe('lag', () => {
  const lagAt = async (checkpoint: number, entriesRead = checkpoint) => {
    await turn('clicks', 'clicks', { checkpoint: id(checkpoint), entriesRead });
    return (await one()).lag;
  };

  async function ten(): Promise<void> {
    await mapping('clicks');
    await fill('clicks', 1, 10);
    await shard('clicks', 'clicks');
  }

  it('is exact after a trim behind and ahead of the checkpoint', async () => {
    await ten();
    await redis.client.xtrim('clicks', 'MINID', id(3));
    expect(await lagAt(4)).toBe(6);
    await redis.client.xtrim('clicks', 'MINID', id(8));
    expect(await lagAt(4)).toBe(3);
  });

  it('is counted after an XDEL, wherever it was', async () => {
    await ten();
    await redis.client.xdel('clicks', id(2), id(6), id(9));
    expect(await lagAt(4)).toBe(4);
    expect(await lagAt(8)).toBe(1);
    expect(await lagAt(10)).toBe(0);
  });

  it('is the whole of a stream that was made anew, and nothing of one that is gone, emptied or sealed', async () => {
    await ten();
    expect(await lagAt(4)).toBe(6);
    await redis.client.del('clicks');
    expect(await one()).toMatchObject({ lag: 0, tail: null });
    await redis.client.xadd('clicks', '5-0', 'a', 'b');
    expect(await one()).toMatchObject({ lag: 1, tail: toSequenceNumber('5-0') });
    await redis.client.xtrim('clicks', 'MAXLEN', 0);
    expect(await one()).toMatchObject({ lag: 0, tail: toSequenceNumber('5-0') });
    await redis.client.call('XSETID', 'clicks', AFTER_ALL);
    expect(await one()).toMatchObject({ lag: 0, tail: null });
    await redis.client.set('clicks', 'no stream');
    expect(await one()).toMatchObject({ lag: 0, tail: null, state: 'idle' });
  });

  it('counts many records in bounded steps', async () => {
    await mapping('clicks');
    await fill('clicks', 1, 25_003);
    await redis.client.xdel('clicks', id(25_000));
    await shard('clicks', 'clicks', { checkpoint: id(1) });
    expect((await one()).lag).toBe(25_001);
  });

  it('takes ages from the marks where ids are no times', async () => {
    await mapping('imported');
    for (const entry of ['5-0', '7-0', '9-0']) await redis.client.xadd('imported', entry, 'a', 'b');
    await shard('imported', 'imported');
    const now = Date.now();
    const marks = JSON.stringify([['7-0', now - 5_000]]);
    await redis.client.hset(keys.shard('imported', S0), 'marks', marks, 'cp', '5-0');
    const status = await one('imported');
    expect(status.oldestUnsettledAgeMs).toBeGreaterThanOrEqual(5_000);
    expect(status.oldestUnsettledAgeMs).toBeLessThan(65_000);
    await redis.client.hset(keys.shard('imported', S0), 'cp', '7-0');
    expect((await one('imported')).oldestUnsettledAgeMs).toBe(0);
  });
});

it('reads 10,000 shards with less than 2 s of CPU', async () => {
  await mapping('many');
  const pipeline = redis.client.pipeline();
  for (let i = 0; i < 10_000; i++) {
    const shardId = shardIdOf(i);
    const key = keys.streamShard('many', shardId);
    pipeline.zadd(keys.shardIndex('many'), 0, shardId);
    pipeline.hset(keys.shard('many', shardId), {
      cp: id(1),
      read: 1,
      units: '[]',
      key,
      parents: '[]',
      epoch: 1,
      done: '',
    });
    pipeline.xadd(key, id(1), 'data', 'x'.repeat(200));
    pipeline.xadd(key, id(2), 'data', 'x'.repeat(200));
  }
  await pipeline.exec();
  // Not by the clock: beside other tests it measures them.
  const begin = process.cpuUsage();
  const status = await collectStatus(redis.client, keys);
  const { user, system } = process.cpuUsage(begin);
  const { shards } = status.mappings[0]!;
  expect(shards).toHaveLength(10_000);
  expect(shards.every((s) => s.lag === 1 && s.state === 'waiting')).toBe(true);
  expect((user + system) / 1_000).toBeLessThan(2_000);
});
