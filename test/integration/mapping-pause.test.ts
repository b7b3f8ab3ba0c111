/** `millrace mapping pause` and `resume` beside daemons that run, die and take over. */
import { describe, expect, test } from 'vitest';
import { pauseMapping, resumeMapping } from '../../src/daemon/pausing.ts';
import { silentLog } from '../../src/observe/log.ts';
import { readAudit } from '../../src/observe/audit.ts';
import { collectStatus } from '../../src/observe/status.ts';
import { PAUSES_KEPT_MAX } from '../../src/operator-limits.ts';
import { shardIdOf } from '../../src/record.ts';
import { initShard } from '../../src/shard/init.ts';
import { eventually } from '../support/daemon.ts';
import { add, heard, said, SAID, world, type World } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const redis = useRedis();
const SHARD = shardIdOf(0);
const SLOW = `export const handler = async (event, context) => { say(event, context); await new Promise((r) => setTimeout(r, 1_500)); };`;
const BAD = `export const handler = async (event, context) => { say(event, context); throw new Error('bad'); };`;
const SECONDS = { timeout: 90_000 };
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const deps = (w: World) => ({ redis: w.redis, keys: w.keys, log: silentLog });
const succeeded = (n: number) => (s: Record<string, string>) => s['n:succeeded'] === String(n);
const shardOf = async (w: World) => (await collectStatus(w.redis, w.keys)).mappings[0]!.shards[0]!;
/** Of a record that comes of age (60 s) in so many seconds. */
const almostOverdue = (inMs: number) => `${Date.now() - 60_000 + inMs}-0`;
const STRICT = { maximumRecordAgeInSeconds: 60 };

describe('pause', () => {
  test(
    'what is in flight is finished, then nothing runs, also on other daemons; resume goes on in order',
    SECONDS,
    async () => {
      const w = await world(redis, { handler: SLOW, mapping: { batchSize: 1 } });
      const first = w.start();
      await add(w.redis, 's', ['a', 'b', 'c']);
      await heard(1, first);
      const done = await run(MILLRACE, ['mapping', 'pause', 'm', '-c', w.config]);
      expect(done).toMatchObject({ code: 0, stdout: 'm: 1 shard paused\n', stderr: '' });
      await eventually(
        () => w.state(),
        (s) => s['owner'] === '',
        { what: 'the turn is over' },
      );
      const before = await w.state();
      const inFlight = Number(before['n:succeeded']);
      expect(said(first)).toHaveLength(inFlight);
      expect(await shardOf(w)).toMatchObject({ state: 'paused', owner: null, lag: 3 - inFlight });
      first.kill('SIGKILL');
      const second = w.start();
      await second.ready;
      await add(w.redis, 's', ['d']);
      await pause(4_000);
      expect(said(second)).toEqual([]);
      expect(await w.state()).toMatchObject({
        cp: before['cp'],
        'n:succeeded': before['n:succeeded'],
        ps: before['ps'],
      });
      const again = await run(MILLRACE, ['mapping', 'pause', 'm', '--shard', SHARD, '-c', w.config]);
      expect(again).toMatchObject({ code: 0, stdout: 'm: nothing was running that is not paused already\n' });

      const resumed = await run(MILLRACE, ['mapping', 'resume', 'm', '-c', w.config]);
      expect(resumed).toMatchObject({ code: 0, stdout: `m: 1 shard running again\n` });
      await eventually(() => w.state(), succeeded(4), { what: 'all', withinMs: 30_000 });
      await expect
        .poll(() => said(first, second).map((s) => [s.data.join(), s.attempt]), SAID)
        .toEqual(['a', 'b', 'c', 'd'].map((text) => [text, 1]));
      expect((await readAudit(w.redis, w.keys)).slice(1)).toMatchObject([
        { command: 'mapping pause', mapping: 'm', shard: null, detail: 'all shards (1)' },
        { command: 'mapping pause', mapping: 'm', shard: SHARD, detail: 'one shard' },
        { command: 'mapping resume', mapping: 'm', shard: null },
      ]);
    },
  );

  test('a unit whose daemon was killed meanwhile waits, too; no attempt is spent', SECONDS, async () => {
    const handler = `export const handler = async (event, context) => { say(event, context);
      if (context.millrace.attempt === 1) await new Promise((r) => setTimeout(r, 20_000)); };`;
    const w = await world(redis, { handler, mapping: { batchSize: 1 }, function: { timeout: 30 } });
    const first = w.start();
    await add(w.redis, 's', ['a']);
    await heard(1, first);
    await pauseMapping(deps(w), 'm', undefined);
    expect(await shardOf(w)).toMatchObject({ state: 'paused', owner: expect.any(String) as string });
    first.kill('SIGKILL');
    const second = w.start();
    await second.ready;
    // The lock of the killed one runs out after 5 s, and others look each second.
    await pause(9_000);
    expect(said(second)).toEqual([]);
    await resumeMapping(deps(w), 'm', SHARD);
    await eventually(() => w.state(), succeeded(1), { what: 'a', withinMs: 30_000 });
    const units = await heard(1, second);
    expect(units).toMatchObject([{ data: ['a'], attempt: 2, id: said(first)[0]!.id }]);
    expect(await w.notices()).toEqual([]);
  });

  test('a unit between two attempts is not tried, and is tried at its time after resume', SECONDS, async () => {
    const w = await world(redis, { handler: BAD });
    const daemon = w.start();
    await add(w.redis, 's', ['a']);
    await heard(2, daemon);
    await pauseMapping(deps(w), 'm', undefined);
    await eventually(
      () => w.state(),
      (s) => s['owner'] === '',
      { what: 'nobody is at it' },
    );
    await expect.poll(() => said(daemon).length, SAID).toBe(JSON.parse((await w.state())['units']!)[0].deliveries);
    const before = said(daemon).length;
    await pause(4_000);
    expect(said(daemon)).toHaveLength(before);
    await resumeMapping(deps(w), 'm', undefined);
    const next = (await heard(before + 1, daemon))[before]!;
    expect(next).toMatchObject({ attempt: before + 1, id: said(daemon)[0]!.id });
  });
});

describe('while it is paused nothing expires, and that time does not count', () => {
  test('a unit that failed, past its age', SECONDS, async () => {
    const w = await world(redis, { handler: BAD, mapping: STRICT });
    const daemon = w.start();
    await daemon.ready;
    const arrived = Number((await add(w.redis, 's', ['a'], almostOverdue(6_000)))[0]!.split('-')[0]);
    await heard(1, daemon);
    await pauseMapping(deps(w), 'm', undefined);
    const pausedAt = Number((await w.state())['ps']);
    await pause(9_000);
    expect(await w.notices()).toEqual([]);
    expect(await shardOf(w)).toMatchObject({ state: 'paused', blocked: { expiresAt: null } });
    const tried = said(daemon).length;
    await resumeMapping(deps(w), 'm', undefined);
    const pausedMs = JSON.parse((await w.state())['pz']!)[0][1] - pausedAt;
    const dueAt = arrived + 60_000 + pausedMs;
    const { blocked } = await shardOf(w);
    // Computed anew with the next attempt, which may be at work.
    expect(Math.abs(Date.parse(blocked!.expiresAt!) - dueAt)).toBeLessThan(5);
    const notices = await eventually(
      () => w.notices(),
      (n) => n.length > 0,
      { what: 'it expires', withinMs: 30_000 },
    );
    expect(notices).toMatchObject([{ requestContext: { condition: 'RecordAgeExceeded' } }]);
    const at = Date.parse((notices[0] as unknown as { timestamp: string }).timestamp);
    expect(at).toBeGreaterThanOrEqual(dueAt);
    expect(said(daemon).length).toBeGreaterThan(tried);
  });

  test('an attempt that was in flight and fails past the age', SECONDS, async () => {
    const handler = `export const handler = async (event, context) => { say(event, context);
      await new Promise((r) => setTimeout(r, context.millrace.attempt === 1 ? 6_000 : 0)); throw new Error('bad'); };`;
    const w = await world(redis, { handler, mapping: STRICT, function: { timeout: 30 } });
    const daemon = w.start();
    await daemon.ready;
    await add(w.redis, 's', ['a'], almostOverdue(4_000));
    await heard(1, daemon);
    await pauseMapping(deps(w), 'm', undefined);
    await eventually(
      () => w.state(),
      (s) => s['owner'] === '',
      { what: 'the attempt is over', withinMs: 30_000 },
    );
    await pause(2_000);
    expect(await w.notices()).toEqual([]);
    expect(JSON.parse((await w.state())['units']!)).toMatchObject([{ failures: 1, deliveries: 1 }]);
    await resumeMapping(deps(w), 'm', undefined);
    const notices = await eventually(
      () => w.notices(),
      (n) => n.length > 0,
      { what: 'it expires', withinMs: 30_000 },
    );
    expect(notices).toMatchObject([{ requestContext: { condition: 'RecordAgeExceeded' } }]);
    const { units, pz } = await w.state();
    expect(units).toBe('[]');
    const [[from, to]] = JSON.parse(pz!) as [[number, number]];
    const at = Date.parse((notices[0] as unknown as { timestamp: string }).timestamp);
    const arrived = Date.parse(
      (notices[0] as unknown as { KinesisBatchInfo: { approximateArrivalOfFirstRecord: string } }).KinesisBatchInfo
        .approximateArrivalOfFirstRecord,
    );
    expect(at - arrived).toBeGreaterThanOrEqual(60_000 + to - from);
  });

  test('records that no turn has seen, with no executor alive', SECONDS, async () => {
    const w = await world(redis, { handler: BAD, mapping: STRICT });
    const poller = w.start(['--role', 'poller']);
    await poller.ready;
    await pauseMapping(deps(w), 'm', undefined);
    await add(w.redis, 's', ['a'], almostOverdue(2_000));
    await pause(6_000);
    expect(await w.notices()).toEqual([]);
    await resumeMapping(deps(w), 'm', undefined);
    const resumedAt = Date.now();
    const notices = await eventually(
      () => w.notices(),
      (n) => n.length > 0,
      { what: 'it expires', withinMs: 30_000 },
    );
    const at = Date.parse((notices[0] as unknown as { timestamp: string }).timestamp);
    expect(at).toBeGreaterThanOrEqual(resumedAt + 1_000);
    expect(said(poller)).toEqual([]);
  });
});

describe('what is paused', () => {
  const begin = (w: World, index: number) =>
    initShard(w.redis, w.keys, 'm', {
      ...{ shardId: shardIdOf(index), key: `k${index}`, parents: [], checkpoint: '0-0', entriesRead: 0 },
    });

  test('a shard alone, or all of a mapping with those that appear later', async () => {
    const w = await world(redis, { handler: BAD });
    await w.redis.hset(w.keys.mapping('m'), 'pinned', '{}');
    await begin(w, 0);
    await begin(w, 1);
    const paused = async () => {
      const shards = (await collectStatus(w.redis, w.keys)).mappings[0]?.shards ?? [];
      return shards.map(({ state }) => state === 'paused');
    };
    await w.redis.sadd(w.keys.mappings(), 'm');
    expect(await pauseMapping(deps(w), 'm', shardIdOf(1))).toBe(1);
    await begin(w, 2);
    expect(await paused()).toEqual([false, true, false]);
    expect(await pauseMapping(deps(w), 'm', undefined)).toBe(2);
    await begin(w, 3);
    expect(await paused()).toEqual([true, true, true, true]);
    expect(await resumeMapping(deps(w), 'm', shardIdOf(3))).toBe(1);
    expect(await resumeMapping(deps(w), 'm', undefined)).toBe(3);
    await begin(w, 4);
    expect(await paused()).toEqual([false, false, false, false, false]);
  });

  test('a shard remembers so many pauses; beyond that the oldest become one', async () => {
    const w = await world(redis, { handler: BAD });
    await w.redis.hset(w.keys.mapping('m'), 'pinned', '{}');
    await begin(w, 0);
    const many = Array.from({ length: PAUSES_KEPT_MAX }, (_, i) => [10 * i, 10 * i + 1]);
    await w.redis.hset(w.keys.shard('m', SHARD), 'pz', JSON.stringify(many));
    await pauseMapping(deps(w), 'm', SHARD);
    await resumeMapping(deps(w), 'm', SHARD);
    const kept = JSON.parse((await w.state())['pz']!) as number[][];
    expect(kept).toHaveLength(PAUSES_KEPT_MAX);
    expect(kept.slice(0, 2)).toEqual([
      [0, 11],
      [20, 21],
    ]);
  });

  test('nothing that is not there: exit 1 and what there is', SECONDS, async () => {
    const w = await world(redis, { handler: BAD });
    const none = await run(MILLRACE, ['mapping', 'pause', 'nope', '-c', w.config]);
    expect(none).toMatchObject({ code: 1, stdout: '' });
    expect(none.stderr).toBe(
      'millrace: mapping nope: Redis holds no mapping of that name\n  millrace status lists the mappings\n',
    );
    await w.redis.hset(w.keys.mapping('m'), 'pinned', '{}');
    await begin(w, 0);
    await expect(resumeMapping(deps(w), 'm', 'shard-7')).rejects.toMatchObject({
      code: 'shard-not-found',
      hint: `it has ${SHARD}`,
    });
    await w.redis.hset(w.keys.shard('m', SHARD), 'done', '1');
    await expect(pauseMapping(deps(w), 'm', SHARD)).rejects.toMatchObject({ code: 'shard-closed' });
    expect(await readAudit(w.redis, w.keys)).toEqual([]);
  });
});
