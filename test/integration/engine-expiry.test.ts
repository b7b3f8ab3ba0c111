/** Expiry where no turn is: without executors, behind a full failure stream, for ids that are no times. */
import { describe, expect, test } from 'vitest';
import { collectStatus } from '../../src/observe/status.ts';
import { eventually } from '../support/daemon.ts';
import { add, said, world, SAID } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const GOOD = `export const handler = async (event, context) => { say(event, context); };`;
const BAD = `export const handler = async (event, context) => { say(event, context); throw new Error('x'.repeat(3000)); };`;
const STRICT = { maximumRecordAgeInSeconds: 60, batchSize: 10 };
const field = (name: string, value: number) => (s: Record<string, string>) => Number(s[name] ?? 0) >= value;

describe('without executors', () => {
  test('each record expires within a second of its age', async () => {
    const w = await world(redis, { handler: GOOD, mapping: STRICT });
    const daemon = w.start(['--role', 'poller']);
    await daemon.ready;
    const now = Date.now();
    // One is overdue every 350 ms from now on; none has ever been read.
    const due = Array.from({ length: 12 }, (_, i) => now + 1_000 + i * 350);
    for (const at of due) await add(w.redis, 's', ['r'], `${at - 60_000}-0`);
    await eventually(() => w.state(), field('n:expired', due.length), { what: 'all expired' });
    const written = (await w.redis.xrange(w.keys.failures('m'), '-', '+')).map(([id, fields]) => {
      const notice = JSON.parse(fields[1]!) as { KinesisBatchInfo: { batchSize: number; endSequenceNumber: string } };
      return {
        at: Number(id.split('-')[0]),
        due: Number(notice.KinesisBatchInfo.endSequenceNumber.slice(0, -20)) + 60_000,
      };
    });
    for (const notice of written) {
      expect(notice.at).toBeGreaterThanOrEqual(notice.due);
      expect(notice.at - notice.due).toBeLessThan(1_000);
    }
    // Not waiting for the next look at all shards, which would gather several.
    expect(written.length).toBeGreaterThan(6);
  });

  test('ids that are no times count from when they were first seen', async () => {
    const w = await world(redis, { handler: GOOD, mapping: STRICT });
    await add(w.redis, 's', ['small'], '5-0');
    await add(w.redis, 's', ['micros'], '1732370000000000-0');
    const daemon = w.start(['--role', 'poller']);
    await daemon.ready;
    const marks = await eventually(
      () => w.state(),
      (s) => s['marks'] !== undefined && s['marks'] !== '[]',
      { what: 'the moment is noted although nobody reads' },
    );
    expect(JSON.parse(marks['marks']!)).toMatchObject([['1732370000000000-0', expect.any(Number)]]);
    // As if it had been 59 s ago.
    await w.redis.hset(w.keys.shard('m', 'shardId-000000000000'), {
      marks: JSON.stringify([['1732370000000000-0', Date.now() - 57_000]]),
    });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect((await w.state())['n:expired']).toBeUndefined();
    expect(await daemon.stop()).toBe(0);
    const second = w.start(['--role', 'poller']);
    await eventually(() => w.state(), field('n:expired', 2), { what: 'both expired' });
    await expect.poll(() => said(daemon, second), SAID).toEqual([]);
  });

  test('a long overdue backlog does not hold up the others', async () => {
    const mapping = (stream: string) => ({
      ...{ function: 'f', source: { type: 'redis-stream', stream }, startingPosition: 'TRIM_HORIZON' },
      ...{ maximumRecordAgeInSeconds: 60, batchSize: 1 },
    });
    const w = await world(redis, { handler: GOOD, mappings: { m: mapping('s'), long: mapping('long') } });
    const fill = w.redis.pipeline();
    const now = Date.now();
    for (let i = 0; i < 20_000; i++) fill.xadd('long', `${now - 100_000}-${i}`, 'data', 'x');
    await fill.exec();
    const daemon = w.start(['--role', 'poller']);
    await eventually(() => w.state('long'), field('n:expired', 100), { what: 'the long one has begun' });
    const due = Date.now() + 1_000;
    await add(w.redis, 's', ['r'], `${due - 60_000}-0`);
    await eventually(() => w.state(), field('n:expired', 1), { what: 'the short one' });
    const [entry] = await w.redis.xrange(w.keys.failures('m'), '-', '+');
    expect(Number(entry![0].split('-')[0]) - due).toBeLessThan(1_000);
    expect(Number((await w.state('long'))['n:expired'])).toBeLessThan(20_000);
    expect(await daemon.stop()).toBe(0);
  });
});

describe('a failure destination that cannot take a notice', () => {
  test('blocks the shard with its reason, gives nothing up, and goes on when there is room', async () => {
    const w = await world(redis, {
      handler: BAD,
      mapping: {
        batchSize: 1,
        maximumRetryAttempts: 0,
        destinationConfig: { onFailure: { type: 'redis-stream', stream: 'out' } },
      },
    });
    await w.redis.set('out', 'in the way');
    const [first] = await add(w.redis, 's', ['a', 'b']);
    const daemon = w.start();
    const blocked = await eventually(
      () => w.state(),
      (s) => s['why'] !== undefined && s['why'] !== '',
      { what: 'it says why' },
    );
    expect(blocked).toMatchObject({ cp: '0-0', blk: expect.stringContaining('partitionKey') });
    const status = await collectStatus(w.redis, w.keys);
    const [shard] = status.mappings[0]!.shards;
    expect(shard).toMatchObject({ state: 'blocked', blocked: { partitionKey: 'a', attempts: 1, recordsBehind: 1 } });
    expect(shard!.why).toMatch(/^the failure stream out is a string/);
    await w.redis.del('out');
    await eventually(() => w.state(), field('n:givenUp', 2), { what: 'both given up' });
    expect(await w.redis.xlen('out')).toBe(2);
    // The function ran once for each: a refused notice runs nothing again.
    await expect.poll(() => said(daemon).map((s) => s.data[0]), SAID).toEqual(['a', 'b']);
    expect((await w.state())['why']).toBe('');
    expect(first).toBeDefined();
  });
});
