/** What could leave a shard standing for good: signals, jobs and state that were lost while nobody looked. */
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/daemon.ts';
import { add, said, world, SAID } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const GOOD = `export const handler = async (event, context) => { say(event, context); };`;
const BAD = `export const handler = async (event, context) => { say(event, context); throw new Error('never'); };`;
const succeeded = (n: number) => (s: Record<string, string>) => s['n:succeeded'] === String(n);

describe('a shard goes on', () => {
  test.each(['dead', 'alive'])('whose holder, %s, has no job for it', async (holder) => {
    const w = await world(redis, { handler: GOOD });
    const daemon = w.start();
    const { id } = await daemon.ready;
    await add(w.redis, 's', ['a']);
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '1' && s['owner'] === '',
      { what: 'a settled' },
    );
    const epoch = (await w.state())['epoch']!;
    await w.redis.hset(w.keys.shard('m', 'shardId-000000000000'), {
      ...{ owner: holder === 'alive' ? String(id) : 'gone', nonce: 'gone', epoch: String(Number(epoch) + 1) },
    });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await add(w.redis, 's', ['b']);
    await eventually(() => w.state(), succeeded(2), { what: 'b settled', withinMs: 10_000 });
    await expect.poll(() => said(daemon).flatMap((s) => s.data), SAID).toEqual(['a', 'b']);
  });

  test('whose turn was parked by a host with a clock an hour ahead', async () => {
    const w = await world(redis, { handler: BAD });
    const daemon = w.start();
    await add(w.redis, 's', ['a']);
    // Past the first seconds, in which a daemon that has just come starts every parked turn.
    await eventually(
      () => said(daemon).length,
      (n) => n >= 6,
      { what: 'six attempts' },
    );
    const delayed = `${w.keys.queuePrefix()}:m:delayed`;
    const [job] = await eventually(
      () => w.redis.zrange(delayed, '0', '-1'),
      (jobs) => jobs.length === 1,
      { what: 'the turn is parked', everyMs: 5 },
    );
    await w.redis.zincrby(delayed, 3_600_000 * 4_096, job!);
    const before = said(daemon).length;
    await eventually(
      () => said(daemon).length,
      (n) => n > before,
      { what: 'the next attempt', withinMs: 16_000 },
    );
  });

  // What came since was not there when the mapping began, so it is read from LATEST as well.
  test.each(['TRIM_HORIZON', 'LATEST'])('when everything in Redis was flushed, beginning at %s', async (begin) => {
    const w = await world(redis, { handler: GOOD, mapping: { startingPosition: begin } });
    const daemon = w.start();
    await daemon.ready;
    await add(w.redis, 's', ['a']);
    await eventually(() => w.state(), succeeded(1), { what: 'a settled' });
    await w.redis.flushall();
    await add(w.redis, 's', ['b', 'c']);
    await eventually(() => w.state(), succeeded(2), { what: 'b and c settled', withinMs: 12_000 });
    await expect.poll(() => said(daemon).flatMap((s) => s.data), SAID).toEqual(['a', 'b', 'c']);
    expect(await w.redis.hget(w.keys.mapping('m'), 'function')).toBe('f');
    await daemon.line((l) => /state .* was lost/.test(l.msg), 'it says so');
  });

  test('beside a key that is no stream any more', async () => {
    const mapping = (stream: string) => ({
      function: 'f',
      source: { type: 'redis-stream', stream },
      startingPosition: 'TRIM_HORIZON',
    });
    const w = await world(redis, { handler: GOOD, mappings: { m: mapping('s'), broken: mapping('broken') } });
    const daemon = w.start();
    await daemon.ready;
    await w.redis.set('broken', 'a string');
    await add(w.redis, 's', ['warm']);
    await eventually(() => w.state(), succeeded(1), { what: 'warm' });
    // Long enough for the blocking read to begin anew with the broken key in it.
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    const waits: number[] = [];
    for (let i = 0; i < 5; i++) {
      const began = performance.now();
      await add(w.redis, 's', [`r${i}`]);
      await eventually(() => w.state(), succeeded(i + 2), { what: `record ${i}`, everyMs: 5 });
      waits.push(performance.now() - began);
    }
    expect(Math.max(...waits)).toBeLessThan(400);
    expect(daemon.lines.filter((l) => l.msg === 'watching interrupted').length).toBeLessThan(5);
    // And it is read when it is a stream again.
    await w.redis.del('broken');
    await add(w.redis, 'broken', ['whole']);
    await eventually(() => w.state('broken'), succeeded(1), { what: 'the other stream' });
  });

  test('while its connections are cut again and again, once and in order', async () => {
    const mapping = (stream: string) => ({
      ...{ function: 'f', source: { type: 'redis-stream', stream }, startingPosition: 'TRIM_HORIZON', batchSize: 5 },
    });
    const w = await world(redis, { handler: GOOD, mappings: { m: mapping('s'), n: mapping('t') } });
    const daemon = w.start();
    await daemon.ready;
    const count = 400;
    for (let i = 0; i < count; i++) {
      await add(w.redis, 's', [`r${i}`]);
      await add(w.redis, 't', [`r${i}`]);
      await new Promise((resolve) => setTimeout(resolve, 8));
      if (i % 25 === 0) await w.redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      if (i % 40 === 0) await w.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes');
    }
    await eventually(() => w.state('m'), succeeded(count), { what: 'all of the one' });
    await eventually(() => w.state('n'), succeeded(count), { what: 'all of the other' });
    for (const name of ['m', 'n']) {
      // A cut may repeat the batch that it hit, and nothing else.
      await expect
        .poll(() => {
          const all = said(daemon).filter((one) => one.mapping === name);
          return [...new Set(all.flatMap((one) => one.data))];
        }, SAID)
        .toEqual(Array.from({ length: count }, (_, i) => `r${i}`));
      expect(await w.notices(name)).toEqual([]);
    }
  });
});
