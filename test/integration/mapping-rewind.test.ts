/** `millrace mapping rewind` beside daemons that run, are at work, and die. */
import { afterAll, describe, expect, test } from 'vitest';
import { createStream } from '../../connectors/redis-stream/manage.ts';
import { splitShard } from '../../connectors/redis-stream/reshard.ts';
import { planRewind, rewind, type RewindAct } from '../../src/daemon/rewinding.ts';
import { requireConfig } from '../../src/mapping/require-config.ts';
import { readAudit } from '../../src/observe/audit.ts';
import { silentLog } from '../../src/observe/log.ts';
import { previousId, shardIdOf, toSequenceNumber } from '../../src/record.ts';
import { createReader, type RangeReader } from '../../src/redis/reader.ts';
import type { RewindTo } from '../../src/source/port.ts';
import { systemClock } from '../../src/time.ts';
import { eventually } from '../support/daemon.ts';
import { add, heard, numbers, said, SAID, world, type World } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const redis = useRedis();
const readers: RangeReader[] = [];
afterAll(() => Promise.all(readers.map((reader) => reader.close())));
const SHARD = shardIdOf(0);
const GOOD = `export const handler = async (event, context) => { say(event, context); };`;
const SECONDS = { timeout: 90_000 };
const TRIM_HORIZON: RewindTo = { kind: 'TRIM_HORIZON' };
const succeeded = (n: number) => (s: Record<string, string>) => s['n:succeeded'] === String(n);
const settled = (w: World, n: number) =>
  eventually(() => w.state(), succeeded(n), { what: `${n} succeeded`, withinMs: 40_000 });
const cli = (w: World, ...args: string[]) => run(MILLRACE, ['mapping', 'rewind', 'm', '-c', w.config, ...args]);
const behind = (id: string): RewindTo => ({ kind: 'BEHIND', checkpoint: previousId(id) });

function act(
  w: World,
  to: RewindTo,
  shardId?: string,
): { plan(): ReturnType<typeof planRewind>; go(): Promise<number> } {
  const config = requireConfig(w.config, {});
  const mapping = config.mappings.get('m')!;
  const reader = createReader(config.redis, { log: silentLog });
  readers.push(reader);
  const deps = { redis: w.redis, reader, keys: w.keys, log: silentLog, clock: systemClock };
  const what: RewindAct = { mapping, to, text: to.kind, shardId };
  return { plan: () => planRewind(deps, what), go: async () => rewind(deps, what, await planRewind(deps, what)) };
}

describe('a shard', () => {
  test(
    'without --yes it says how many records would run again; with it they do, as the next generation',
    SECONDS,
    async () => {
      const handler = `export const handler = async (event, context) => { say(event, context);
      return { output: event.Records.map((r) => ({ itemIdentifier: r.kinesis.sequenceNumber, data: atob(r.kinesis.data) })) }; };`;
      const output = { type: 'redis-stream', stream: 'out' };
      const w = await world(redis, { handler, mapping: { batchSize: 2, output } });
      const ids = await add(w.redis, 's', numbers(6));
      const daemon = w.start();
      await settled(w, 6);
      const before = await eventually(
        () => w.state(),
        (s) => s['owner'] === '',
        { what: 'the turn is over' },
      );
      const asked = await cli(w, '--to', ids[2]!);
      expect(asked).toMatchObject({ code: 1, stderr: '' });
      expect(asked.stdout).toBe(
        `m: 4 records of 1 shard would run again from ${ids[2]} on; repeat with --yes to do it.\n` +
          `  ${SHARD}: 4 records from ${toSequenceNumber(ids[2]!)} on\n`,
      );
      expect(await w.state()).toEqual(before);
      expect(await readAudit(w.redis, w.keys)).toHaveLength(1);

      const sequence = toSequenceNumber(ids[2]!);
      const done = await cli(w, '--to', sequence, '--shard', SHARD, '--yes');
      expect(done).toMatchObject({ code: 0, stdout: `m: 4 records run again from ${sequence} on\n`, stderr: '' });
      await settled(w, 10);
      await expect.poll(() => said(daemon).flatMap((s) => s.data), SAID).toEqual([...numbers(6), ...numbers(4, 2)]);
      const after = await w.state();
      expect(after).toMatchObject({ cp: before['cp'], read: before['read'], gen: '2', 'n:redelivered': '4' });
      expect(BigInt(after['epoch']!)).toBeGreaterThan(BigInt(before['epoch']!));
      const groups = (await w.redis.xinfo('GROUPS', 's')) as unknown[][];
      expect(groups[0]).toEqual(expect.arrayContaining([ids[5], 6, 0]));
      const origins = (await w.redis.xrange('out', '-', '+')).map(([, fields]) => fields[fields.indexOf('origin') + 1]);
      expect(origins).toEqual([
        ...ids.map((id) => `m/${SHARD}/1/${toSequenceNumber(id)}/0`),
        ...ids.slice(2).map((id) => `m/${SHARD}/2/${toSequenceNumber(id)}/0`),
      ]);
      expect((await readAudit(w.redis, w.keys)).slice(1)).toMatchObject([
        {
          command: 'mapping rewind',
          mapping: 'm',
          shard: SHARD,
          detail: `to ${sequence}: 4 records of 1 shard run again`,
        },
      ]);
    },
  );

  test(
    'while a turn is at work: its settle is refused, and records run again exactly from the position',
    SECONDS,
    async () => {
      const handler = `export const handler = async (event, context) => { say(event, context);
      if (atob(event.Records[0].kinesis.data) === 'r3') await new Promise((r) => setTimeout(r, 2_000)); };`;
      const w = await world(redis, { handler, mapping: { batchSize: 1 } });
      const ids = await add(w.redis, 's', numbers(6));
      const daemon = w.start();
      await heard(4, daemon);
      expect(await w.state()).toMatchObject({ 'n:succeeded': '3' });
      expect(await act(w, behind(ids[1]!)).go()).toBe(2);
      expect(await w.state()).toMatchObject({ cp: previousId(ids[1]!), units: '[]', owner: '', 'n:redelivered': '2' });
      await settled(w, 8);
      await expect.poll(() => said(daemon).flatMap((s) => s.data), SAID).toEqual([...numbers(4), ...numbers(5, 1)]);
      // The first run of r3 is no attempt of the new generation.
      expect(said(daemon).map((s) => s.attempt)).toEqual(Array.from({ length: 9 }, () => 1));
      await daemon.line((line) => line.msg.startsWith('fenced:'), 'it is fenced');
      expect(await w.notices()).toEqual([]);
    },
  );

  test(
    'that is blocked: the failed unit is given no further attempt of its own, everything runs anew',
    SECONDS,
    async () => {
      const handler = `export const handler = async (event, context) => { say(event, context);
      if (event.Records.some((r) => atob(r.kinesis.data) === 'bad')) throw new Error('bad'); };`;
      const w = await world(redis, { handler, mapping: { batchSize: 1 } });
      await add(w.redis, 's', ['a', 'bad']);
      const daemon = w.start();
      // By now it waits for some seconds.
      const tries = (await heard(6, daemon)).length;
      expect(await act(w, TRIM_HORIZON).go()).toBe(1);
      const again = (await heard(tries + 2, daemon)).slice(tries);
      expect(again.slice(0, 2)).toMatchObject([
        { data: ['a'], attempt: 1 },
        { data: ['bad'], attempt: 1 },
      ]);
    },
  );

  test('records that are too old by arrival run again: their age counts from the rewind', SECONDS, async () => {
    const w = await world(redis, { handler: GOOD, mapping: { maximumRecordAgeInSeconds: 60 } });
    const daemon = w.start();
    await daemon.ready;
    await add(w.redis, 's', ['a', 'b'], `${Date.now() - 45_000}-*`);
    await settled(w, 2);
    await new Promise((resolve) => setTimeout(resolve, 16_000));
    await act(w, TRIM_HORIZON).go();
    await settled(w, 4);
    await expect.poll(() => said(daemon).flatMap((s) => s.data), SAID).toEqual(['a', 'b', 'a', 'b']);
    expect(await w.notices()).toEqual([]);
  });

  test(
    'of which records were trimmed or deleted: what is there runs again, and nothing is reported as lost',
    SECONDS,
    async () => {
      const w = await world(redis, { handler: GOOD });
      const ids = await add(w.redis, 's', numbers(10));
      const daemon = w.start();
      await settled(w, 10);
      await w.redis.xtrim('s', 'MINID', ids[3]!);
      await w.redis.xdel('s', ids[6]!);
      await add(w.redis, 's', numbers(1, 10));
      await settled(w, 11);
      expect(await act(w, TRIM_HORIZON).go()).toBe(7);
      await settled(w, 18);
      const again = ['r3', 'r4', 'r5', 'r7', 'r8', 'r9', 'r10'];
      await expect
        .poll(
          () =>
            said(daemon)
              .flatMap((s) => s.data)
              .slice(11),
          SAID,
        )
        .toEqual(again);
      expect(await w.state()).toMatchObject({ 'n:redelivered': '7', read: '11' });
      expect(await w.notices()).toEqual([]);
    },
  );

  test('whose ids are no times: a time means when they were first seen', SECONDS, async () => {
    const w = await world(redis, { handler: GOOD, source: { arrival: 'first-seen' } });
    await add(w.redis, 's', ['a', 'b'], '1-*');
    const daemon = w.start();
    await settled(w, 2);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const between = Date.now();
    await add(w.redis, 's', ['c'], '2-*');
    await settled(w, 3);
    expect((await act(w, { kind: 'AT_TIMESTAMP', timestampMs: between - 60_000 }).plan()).records).toBe(3);
    expect(await act(w, { kind: 'AT_TIMESTAMP', timestampMs: between }).go()).toBe(1);
    await settled(w, 4);
    await expect.poll(() => said(daemon).flatMap((s) => s.data), SAID).toEqual(['a', 'b', 'c', 'c']);
  });
});

describe('daemons that are killed', () => {
  test(
    'again and again, with rewinds in between and none alive: every record runs again, in order, and is counted',
    SECONDS,
    async () => {
      const handler = `export const handler = async (event, context) => { say(event, context); await new Promise((r) => setTimeout(r, 25)); };`;
      const w = await world(redis, { handler, mapping: { batchSize: 5 } });
      await add(w.redis, 's', numbers(200));
      const daemons = [w.start()];
      let expected = 200;
      for (const round of [0, 1, 2]) {
        await eventually(
          () => w.state(),
          (s) => Number(s['n:succeeded'] ?? 0) >= 60 * (round + 1),
          { what: 'some', withinMs: 40_000 },
        );
        // The rewind meets a turn at work, a dead owner, or a daemon that is just taking over.
        const killing = (async () => {
          if (round !== 1) daemons.at(-1)!.kill('SIGKILL');
          return await act(w, TRIM_HORIZON).go();
        })();
        expected += await killing;
        if (round !== 1) daemons.push(w.start());
      }
      await settled(w, expected);
      const { gen, 'n:redelivered': redelivered, read } = await w.state();
      expect({ gen, redelivered: Number(redelivered), read }).toEqual({
        gen: '4',
        redelivered: expected - 200,
        read: '200',
      });
      await expect.poll(() => said(daemons.at(-1)!).at(-1)?.data.at(-1), SAID).toBe('r199');
      // Within a generation in order: what the last daemon did of the last one is without a hole.
      const last = said(daemons.at(-1)!).flatMap((s) => s.data);
      const from = last.lastIndexOf('r0');
      expect(last.slice(from)).toEqual(numbers(200));
      expect(await w.notices()).toEqual([]);
    },
  );
});

describe('a stream whose shards were split', () => {
  const [PARENT, LEFT, RIGHT] = [0, 1, 2].map(shardIdOf) as [string, string, string];
  const total = async (w: World) => {
    const states = await Promise.all([PARENT, LEFT, RIGHT].map((shard) => w.state('m', shard)));
    return states.reduce((sum, state) => sum + Number(state['n:succeeded'] ?? 0), 0);
  };
  const allSettled = (w: World, n: number) =>
    eventually(
      () => total(w),
      (sum) => sum === n,
      { what: `${n} of all shards`, withinMs: 40_000 },
    );

  async function splitWorld() {
    const w = await world(redis, { handler: GOOD });
    await createStream(w.redis, w.keys, 's', { shards: 1, retentionHours: 24 });
    const key = (shard: string) => w.keys.streamShard('s', shard);
    await add(w.redis, key(PARENT), numbers(5));
    const daemon = w.start();
    await allSettled(w, 5);
    await splitShard(w.redis, w.keys, 's', PARENT);
    const splitAt = Date.now() + 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
    await add(w.redis, key(LEFT), numbers(3, 10));
    await add(w.redis, key(RIGHT), numbers(3, 20));
    await allSettled(w, 11);
    await eventually(
      () => w.state('m', PARENT),
      (s) => s['done'] === '1',
      { what: 'the parent is done' },
    );
    return { w, daemon, splitAt, key };
  }

  test('the whole tree: children wait for their parents again', SECONDS, async () => {
    const { w, daemon, key } = await splitWorld();
    await expect.poll(() => said(daemon).flatMap((s) => s.data).length, SAID).toBe(11);
    expect(await act(w, TRIM_HORIZON).go()).toBe(11);
    await allSettled(w, 22);
    await expect.poll(() => said(daemon).flatMap((s) => s.data).length, SAID).toBe(22);
    const again = said(daemon)
      .flatMap((s) => s.data.map((text) => ({ text, shard: s.shard })))
      .slice(11);
    expect(again.slice(0, 5).map(({ text }) => text)).toEqual(numbers(5));
    expect(again.filter(({ shard }) => shard === LEFT).map(({ text }) => text)).toEqual(numbers(3, 10));
    expect(again.filter(({ shard }) => shard === RIGHT).map(({ text }) => text)).toEqual(numbers(3, 20));
    // Live records go on behind it.
    await add(w.redis, key(LEFT), ['live']);
    await allSettled(w, 23);
  });

  test(
    'a time after the split leaves the parent done; a shard alone goes back to its first record, and no further',
    SECONDS,
    async () => {
      const { w, daemon, splitAt } = await splitWorld();
      expect(await act(w, { kind: 'AT_TIMESTAMP', timestampMs: splitAt }).go()).toBe(6);
      await allSettled(w, 17);
      expect(await w.state('m', PARENT)).toMatchObject({ done: '1', gen: '1' });
      expect(await act(w, { kind: 'AT_TIMESTAMP', timestampMs: splitAt - 3_600_000 }, RIGHT).go()).toBe(3);
      await allSettled(w, 20);
      await expect
        .poll(
          () =>
            said(daemon)
              .flatMap((s) => s.data)
              .slice(17),
          SAID,
        )
        .toEqual(numbers(3, 20));
      expect(await w.state('m', LEFT)).toMatchObject({ gen: '2', 'n:redelivered': '3' });
      expect(await w.state('m', RIGHT)).toMatchObject({ gen: '3', 'n:redelivered': '6' });
    },
  );
});

describe('what cannot be done', () => {
  test('says what, where, and what to do; exit 1, and nothing is changed', SECONDS, async () => {
    const w = await world(redis, { handler: GOOD });
    const none = await cli(w, '--to', 'TRIM_HORIZON', '--yes');
    expect(none.stderr).toContain('Redis holds no mapping of that name');
    await add(w.redis, 's', ['a']);
    const daemon = w.start();
    await settled(w, 1);
    expect(await daemon.stop()).toBe(0);
    const before = await w.state();
    const refused = async (to: string, ...more: string[]) => {
      const { code, stdout, stderr } = await cli(w, '--to', to, '--yes', ...more);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      return stderr;
    };
    expect(await refused('yesterday')).toMatch(
      /^millrace: --to "yesterday" is no position of mapping m\n {2}give a time with its zone/,
    );
    expect(await refused('2026-11-31T00:00:00Z')).toContain('is no position');
    expect(await refused('2199-01-01T00:00:00Z')).toMatch(
      /^millrace: mapping m has settled nothing that is still there from 2199-01-01T00:00:00Z on\n {2}rewind goes back only/,
    );
    expect(await refused('TRIM_HORIZON', '--shard', 'nope')).toContain(
      `mapping m has no shard "nope"\n  it has ${SHARD}`,
    );
    expect((await run(MILLRACE, ['mapping', 'rewind', 'm', '-c', w.config])).stderr).toContain(
      "required option '--to <POSITION>'",
    );
    expect(await w.state()).toEqual(before);
    expect(await readAudit(w.redis, w.keys)).toHaveLength(1);
  });
});
