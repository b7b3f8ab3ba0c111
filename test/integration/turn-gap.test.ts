/** Gaps (contract.md, "gap") on the facts that a real Redis tells, beside the arrival marks and the count of a backlog. */
import { describe, expect, it } from 'vitest';
import { ARRIVAL_MARKS_MAX } from '../../src/limits.ts';
import { AFTER_ALL, BEFORE_ALL, compareIds, type EntryId } from '../../src/record.ts';
import { Keys } from '../../src/redis/keys.ts';
import { initShard } from '../../src/shard/init.ts';
import { measureBacklog } from '../../src/shard/measure.ts';
import { markArrivals, sweepShards } from '../../src/shard/sweep.ts';
import { arrivalMs } from '../../src/arrival.ts';
import { findGap, type Gap, type StreamNow } from '../../src/turn/gap.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('t');
const shard = { mapping: 'm', shardId: 'shardId-000000000000' };
const stateKey = keys.shard('m', shard.shardId);

async function add(from: number, to: number): Promise<void> {
  const pipeline = redis.client.pipeline();
  for (let ms = from; ms <= to; ms++) pipeline.xadd('s', `${ms}-0`, 'data', 'x');
  await pipeline.exec();
}

const init = (checkpoint: EntryId, entriesRead: number) =>
  initShard(redis.client, keys, 'm', { shardId: shard.shardId, key: 's', parents: [], checkpoint, entriesRead });

async function look() {
  const { views } = await sweepShards(redis.client, keys, [{ ...shard, key: 's' }]);
  return views[0]!;
}

/** What a turn would find: the state as the sweeps left it, and the stream as it is now. */
async function gap(): Promise<Gap | null> {
  const [after, read, seenAdded, seenLast] = await redis.client.hmget(stateKey, 'cp', 'read', 'seenAdded', 'seenLast');
  const { stream } = await look();
  const now: StreamNow = stream
    ? { ...stream, exists: true, firstId: stream.firstId === '' ? null : stream.firstId }
    : { exists: false, length: 0, entriesAdded: 0, firstId: null, lastGeneratedId: BEFORE_ALL };
  const at = { after: after!, entriesRead: Number(read), seenAdded: Number(seenAdded), seenLast: seenLast ?? '' };
  return findGap(at, now);
}

const lost = (first: EntryId, last: EntryId, count: number, entriesRead: number): Gap => ({
  ...{ first, last, lost: count, checkpoint: last, entriesRead, newGeneration: false },
});
const MAX_SEQ = '18446744073709551615';

describe('a gap', () => {
  it('is none while nothing is lost: unread, half read, read, trimmed up to the checkpoint', async () => {
    await add(1, 10);
    await init('0-0', 0);
    expect(await gap()).toBeNull();
    await redis.client.hset(stateKey, 'cp', '4-0', 'read', 4);
    expect(await gap()).toBeNull();
    await redis.client.xtrim('s', 'MAXLEN', 6);
    expect(await gap()).toBeNull();
    await redis.client.hset(stateKey, 'cp', '10-0', 'read', 10);
    await redis.client.xtrim('s', 'MAXLEN', 0);
    expect(await gap()).toBeNull();
  });

  it('trimmed: the open interval up to the first record that is left, with its exact count', async () => {
    await add(1, 10);
    await init('4-0', 4);
    await redis.client.xtrim('s', 'MAXLEN', 3);
    expect(await gap()).toEqual(lost('4-1', `7-${MAX_SEQ}`, 3, 7));
  });

  it('all trimmed: up to the last id that was given out', async () => {
    await add(1, 10);
    await init('4-0', 4);
    await redis.client.xtrim('s', 'MAXLEN', 0);
    expect(await gap()).toEqual(lost('4-1', '10-0', 6, 10));
  });

  it('is found once: from where it leads there is none', async () => {
    await add(1, 10);
    await init('4-0', 4);
    await redis.client.xtrim('s', 'MAXLEN', 3);
    const found = (await gap())!;
    await redis.client.hset(stateKey, 'cp', found.checkpoint, 'read', found.entriesRead);
    expect(await gap()).toBeNull();
    expect((await look()).nextId).toBe('8-0');
  });

  it.each([true, false])('sealed and all trimmed: the last id that was seen (seen: %s)', async (seen) => {
    await add(1, 10);
    await init('4-0', 4);
    if (seen) await look();
    await redis.client.call('XSETID', 's', AFTER_ALL);
    await redis.client.xtrim('s', 'MAXLEN', 0);
    const found = (await gap())!;
    expect(found).toMatchObject({ first: '4-1', lost: 6, entriesRead: 10, newGeneration: false });
    expect(found.last).toBe(seen ? '10-0' : '4-1');
  });

  it('sealed and trimmed in part', async () => {
    await add(1, 10);
    await init('4-0', 4);
    await redis.client.call('XSETID', 's', AFTER_ALL);
    await redis.client.xtrim('s', 'MAXLEN', 3);
    expect(await gap()).toEqual(lost('4-1', `7-${MAX_SEQ}`, 3, 7));
  });

  it('deleted key with unsettled records: what was seen of it is lost, and it begins again', async () => {
    await add(1, 10);
    await init('4-0', 4);
    await look();
    await redis.client.del('s');
    expect(await gap()).toEqual({
      ...{ first: '4-1', last: '10-0', lost: 6, checkpoint: BEFORE_ALL, entriesRead: 0, newGeneration: true },
    });
  });

  it('deleted key with nothing unsettled, or that never existed, is waited for', async () => {
    await init('0-0', 0);
    expect(await gap()).toBeNull();
    await add(1, 10);
    await redis.client.hset(stateKey, 'cp', '10-0', 'read', 10);
    await look();
    await redis.client.del('s');
    expect(await gap()).toBeNull();
  });

  it('made anew with lower ids: a gap, then from its beginning', async () => {
    await add(101, 110);
    await init('104-0', 4);
    await look();
    await redis.client.del('s');
    await add(1, 3);
    expect(await gap()).toMatchObject({
      first: '104-1',
      last: '110-0',
      lost: 6,
      checkpoint: BEFORE_ALL,
      newGeneration: true,
    });
  });

  it('made anew with higher ids, but fewer than were read', async () => {
    await add(1, 10);
    await init('4-0', 4);
    await look();
    await redis.client.del('s');
    await add(201, 203);
    expect(await gap()).toMatchObject({
      first: '4-1',
      last: '10-0',
      lost: 6,
      checkpoint: BEFORE_ALL,
      newGeneration: true,
    });
  });

  it.each([8, 12])('made anew with higher ids and %i records, more than were read', async (count) => {
    await add(1, 10);
    await init('4-0', 4);
    await look();
    await redis.client.del('s');
    await add(201, 200 + count);
    await look();
    expect(await gap()).toMatchObject({
      ...{ first: '4-1', last: '10-0', lost: 6, checkpoint: BEFORE_ALL, newGeneration: true },
    });
  });

  it('holes in the middle of what was trimmed are not taken for a new stream', async () => {
    await add(1, 10);
    await init('4-0', 4);
    await redis.client.xdel('s', '9-0');
    await redis.client.xtrim('s', 'MINID', '7-0');
    const found = (await gap())!;
    expect(found).toMatchObject({ last: `6-${MAX_SEQ}`, lost: 3, newGeneration: false });
    await redis.client.hset(stateKey, 'cp', found.checkpoint, 'read', found.entriesRead);
    expect(await gap()).toBeNull();
    await redis.client.hset(stateKey, 'cp', '8-0', 'read', found.entriesRead + 2);
    await redis.client.xtrim('s', 'MINID', '10-0');
    expect(await gap()).toBeNull();
  });

  it('holes of XDEL behind the first record are no gap; before it they are', async () => {
    await add(1, 10);
    await init('4-0', 4);
    await redis.client.xdel('s', '6-0', '7-0');
    expect(await gap()).toBeNull();
    await redis.client.xtrim('s', 'MINID', '5-0');
    await redis.client.xdel('s', '5-0');
    expect(await gap()).toMatchObject({ first: '4-1', last: `7-${MAX_SEQ}`, newGeneration: false });
  });
});

describe('marks', () => {
  const marks = () => markArrivals(redis.client, keys, shard, 's');
  const age = async (by: number) => {
    const text = JSON.parse((await redis.client.hget(stateKey, 'marks'))!) as [EntryId, number][];
    await redis.client.hset(stateKey, 'marks', JSON.stringify(text.map(([id, ms]) => [id, ms - by])));
  };

  it('are at most one per second, none for an empty stream, and none twice for the same end', async () => {
    await init('0-0', 0);
    expect(await marks()).toEqual([]);
    await add(1, 2);
    const first = await marks();
    expect(first).toEqual([['2-0', expect.any(Number)]]);
    await add(3, 3);
    expect(await marks()).toEqual(first);
    await age(1_000);
    expect((await marks()).map(([id]) => id)).toEqual(['2-0', '3-0']);
    await age(1_000);
    expect((await marks()).length).toBe(2);
  });

  it('are bounded; thinned they make records younger, never older, and keep the newest', async () => {
    await init('0-0', 0);
    const before = Array.from({ length: ARRIVAL_MARKS_MAX }, (_, i): [EntryId, number] => [
      `${i + 1}-0`,
      1_700_000_000_000 + i * 1_000,
    ]);
    await redis.client.hset(stateKey, 'marks', JSON.stringify(before));
    await add(1, ARRIVAL_MARKS_MAX + 1);
    const after = await marks();
    expect(after.length).toBeLessThanOrEqual(ARRIVAL_MARKS_MAX);
    expect(after.at(-1)![0]).toBe(`${ARRIVAL_MARKS_MAX + 1}-0`);
    for (let i = 1; i < after.length; i++) expect(compareIds(after[i - 1]![0], after[i]![0])).toBeLessThan(0);
    const nowMs = Date.now();
    const arrival = (id: EntryId, kept: readonly (readonly [EntryId, number])[]) =>
      arrivalMs(id, { firstSeen: true, marks: kept, nowMs });
    for (const [id] of before) expect(arrival(id, after)).toBeGreaterThanOrEqual(arrival(id, before));
  });
});

describe('arrivalMs', () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const rule = {
    firstSeen: false,
    nowMs,
    marks: [
      ['5-0', 111],
      ['9-0', 222],
    ] as const,
  };
  it.each<[string, EntryId, boolean, number]>([
    ['an id that is a time', `${nowMs - 5}-3`, false, nowMs - 5],
    ['up to a day ahead', `${nowMs + 86_400_000}-0`, false, nowMs + 86_400_000],
    ['over a day ahead: first seen now', `${nowMs + 86_400_001}-0`, false, nowMs],
    ['before 2010: by the first mark that reaches it', '5-0', false, 111],
    ['between two marks', '5-1', false, 222],
    ['behind all marks: now', '9-1', false, nowMs],
    ['first-seen: never by its id', `${nowMs - 5}-3`, true, nowMs],
  ])('%s', (_name, id, firstSeen, ms) => expect(arrivalMs(id, { ...rule, firstSeen })).toBe(ms));
});

it('measures what waits, from where the last look ended', async () => {
  await add(1, 5);
  expect(await measureBacklog(redis.client, { key: 's' }, '1-0', 3)).toEqual({ records: 3, bytes: 15, last: '4-0' });
  expect(await measureBacklog(redis.client, { key: 's' }, '4-0', 3)).toEqual({ records: 1, bytes: 5, last: '5-0' });
  expect(await measureBacklog(redis.client, { key: 's' }, '5-0', 3)).toEqual({ records: 0, bytes: 0, last: null });
});
