/** Daemons that come, go, die and disagree. */
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/daemon.ts';
import { add, configOf, heard, numbers, said, SAID, SAY, world } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const GOOD = `export const handler = async (event, context) => { say(event, context); };`;
const SLOW = `export const handler = async (event, context) => { say(event, context); await new Promise((r) => setTimeout(r, 1500)); };`;

describe('ending', () => {
  test('SIGTERM lets what is in flight finish, spends nothing and repeats nothing', async () => {
    const w = await world(redis, { handler: SLOW, mapping: { batchSize: 1 } });
    await add(w.redis, 's', numbers(2));
    const first = w.start();
    await eventually(
      () => said(first).length,
      (n) => n === 1,
      { what: 'the first record is in flight' },
    );
    expect(await first.stop()).toBe(0);
    expect(await w.state()).toMatchObject({ 'n:succeeded': '1', owner: '' });
    const second = w.start();
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '2',
      { what: 'the second record settled' },
    );
    await expect
      .poll(() => said(first, second).map((s) => [s.data[0], s.attempt]), SAID)
      .toEqual([
        ['r0', 1],
        ['r1', 1],
      ]);
  });

  test('a second signal ends at once with 143, and the work is delivered again', async () => {
    const w = await world(redis, { handler: SLOW, mapping: { batchSize: 1 } });
    await add(w.redis, 's', ['r0']);
    const first = w.start();
    await eventually(
      () => said(first).length,
      (n) => n === 1,
      { what: 'the record is in flight' },
    );
    first.kill('SIGTERM');
    await first.line((l) => l.msg === 'draining', 'it drains');
    first.kill('SIGTERM');
    expect((await first.exited).code).toBe(143);
    const second = w.start();
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '1',
      { what: 'the record settled' },
    );
    await expect.poll(() => said(second).map((s) => s.attempt), SAID).toEqual([2]);
    expect((await w.state())['units']).toBe('[]');
  });

  test('after SIGKILL another daemon takes over, in order, with the delivery counted and no failure', async () => {
    const w = await world(redis, { handler: SLOW, mapping: { batchSize: 1, maximumRetryAttempts: 0 } });
    await add(w.redis, 's', numbers(6));
    const first = w.start();
    await eventually(
      () => said(first).length,
      (n) => n === 1,
      { what: 'the record is in flight' },
    );
    const second = w.start();
    await second.ready;
    // In the middle of a record that it has said, and not just before it says so.
    const before = said(first).length;
    await eventually(
      () => said(first).length,
      (n) => n > before,
      { what: 'the next record is in flight' },
    );
    first.kill('SIGKILL');
    const killed = Date.now();
    await eventually(
      () => said(second).length,
      (n) => n >= 1,
      { what: 'the take-over' },
    );
    expect(said(second)[0]!.at - killed).toBeLessThan(10_000);
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '6',
      { what: 'all settled' },
    );
    // Which record that was depends on how long the second daemon took to start.
    const inFlight = numbers(6).indexOf((await heard(1, second))[0]!.data[0]!);
    await expect.poll(() => said(first).at(-1)!.data[0], SAID).toBe(`r${inFlight}`);
    const expected = numbers(6)
      .slice(inFlight)
      .map((text, i) => [text, i === 0 ? 2 : 1]);
    await expect.poll(() => said(second).map((s) => [s.data[0], s.attempt]), SAID).toEqual(expected);
    expect(await w.notices()).toEqual([]);
  });
});

describe('disagreeing', () => {
  test('another pinned field is a conflict while the others live, and takes effect when they are gone', async () => {
    const w = await world(redis, { handler: GOOD });
    const first = w.start();
    await first.ready;
    const other = configOf({ handler: GOOD, mapping: { startingPosition: 'LATEST' } }, redis.url);
    await writeFile(w.config, other);
    const second = w.start();
    const ready = await second.ready;
    const reasons = async () =>
      (await fetch(`http://${String(ready['http'])}/readyz`)).json() as Promise<{ reasons: string[] }>;
    expect((await reasons()).reasons).toEqual(['config-conflict: m']);
    await add(w.redis, 's', ['a']);
    await eventually(
      () => said(first).length,
      (n) => n === 1,
      { what: 'the first daemon runs it' },
    );
    expect(await first.stop()).toBe(0);
    await add(w.redis, 's', ['b']);
    await eventually(
      () => said(second).length,
      (n) => n === 1,
      { what: 'the second daemon runs it now' },
    );
    expect((await reasons()).reasons).toEqual([]);
  });

  test('a newer version of the function takes over; the older one takes no turns while it lives', async () => {
    const w = await world(redis, { handler: GOOD });
    const older = w.start();
    await older.ready;
    await writeFile(`${w.dir}/handler.mjs`, `${SAY}// newer\n${GOOD}`);
    const newer = w.start();
    await newer.ready;
    await older.line((l) => l.msg.startsWith('a newer version'), 'it steps back');
    for (let i = 0; i < 5; i++) {
      await add(w.redis, 's', [`r${i}`]);
      await eventually(
        () => w.state(),
        (s) => s['n:succeeded'] === String(i + 1),
        { what: `record ${i}` },
      );
    }
    expect(await newer.stop()).toBe(0);
    await expect.poll(() => said(newer), SAID).toHaveLength(5);
    await older.line((l) => l.msg === 'taking turns again', 'it takes turns again');
    await add(w.redis, 's', ['back']);
    await eventually(
      () => said(older).length,
      (n) => n === 1,
      { what: 'the older one runs again' },
    );
  });

  test('a fix does not wait for the back-off of the version before it', async () => {
    const broken = `export const handler = async (event, context) => { say(event, context); throw new Error('broken'); };`;
    const w = await world(redis, { handler: broken });
    await add(w.redis, 's', ['a']);
    const first = w.start();
    await eventually(
      () => said(first).length,
      (n) => n >= 6,
      { what: 'six failures, so a back-off of several seconds', withinMs: 60_000 },
    );
    await writeFile(`${w.dir}/handler.mjs`, SAY + GOOD);
    const second = w.start();
    await second.ready;
    const due = Number((await w.state())['nb']);
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '1',
      { what: 'the fix ran' },
    );
    expect((await heard(1, second))[0]!.at).toBeLessThan(due);
    await expect.poll(() => said(second), SAID).toHaveLength(1);
  }, 120_000);
});

describe('resharding', () => {
  test('children wait for their parents, merged ones for both', async () => {
    const { createStream } = await import('../../connectors/redis-stream/manage.ts');
    const { splitShard, mergeShards } = await import('../../connectors/redis-stream/reshard.ts');
    const handler = `export const handler = async (event, context) => { say(event, context, { phase: 'in' });
      await new Promise((r) => setTimeout(r, 300)); say(event, context, { phase: 'out' }); };`;
    const w = await world(redis, { handler, mapping: { batchSize: 10 } });
    await createStream(w.redis, w.keys, 's', { shards: 1, retentionHours: 24 });
    const key = (n: number) => w.keys.streamShard('s', `shardId-00000000000${n}`);
    await add(w.redis, key(0), ['parent']);
    await splitShard(w.redis, w.keys, 's', 'shardId-000000000000');
    await add(w.redis, key(1), ['left']);
    await add(w.redis, key(2), ['right']);
    await mergeShards(w.redis, w.keys, 's', 'shardId-000000000001', 'shardId-000000000002');
    await add(w.redis, key(3), ['grandchild']);
    const daemon = w.start();
    await eventually(
      () => w.state('m', 'shardId-000000000003'),
      (s) => s['n:succeeded'] === '1',
      { what: 'the grandchild' },
    );
    const seen = (await heard(8, daemon)).map((s) => `${s.data[0]} ${(s as unknown as { phase: string }).phase}`);
    expect(seen.slice(0, 2)).toEqual(['parent in', 'parent out']);
    expect(seen.slice(2, 6).sort()).toEqual(['left in', 'left out', 'right in', 'right out']);
    expect(seen.slice(6)).toEqual(['grandchild in', 'grandchild out']);
    expect(await w.state('m', 'shardId-000000000000')).toMatchObject({ done: '1' });
  });

  test('a split while records come loses none and keeps each key in order', async () => {
    const { createStream } = await import('../../connectors/redis-stream/manage.ts');
    const { splitShard } = await import('../../connectors/redis-stream/reshard.ts');
    const { createProducer } = await import('../../connectors/redis-stream/producer.ts');
    const w = await world(redis, { handler: GOOD, mapping: { batchSize: 20 } });
    await createStream(w.redis, w.keys, 's', { shards: 2, retentionHours: 24 });
    const daemon = w.start();
    await daemon.ready;
    const producer = await createProducer({ url: redis.url, keys: w.keys, stream: 's' });
    for (let i = 0; i < 600; i++) {
      await producer.put(`k${i % 20}`, `k${i % 20}:${i}`);
      if (i === 200) await splitShard(w.redis, w.keys, 's', 'shardId-000000000000');
    }
    await producer.close();
    await eventually(
      () => said(daemon).reduce((n, s) => n + s.data.length, 0),
      (n) => n >= 600,
      { what: 'all 600' },
    );
    const perKey = new Map<string, number[]>();
    for (const text of said(daemon).flatMap((s) => s.data)) {
      const [k, n] = text.split(':') as [string, string];
      perKey.set(k, [...(perKey.get(k) ?? []), Number(n)]);
    }
    const expected = (k: number) => Array.from({ length: 30 }, (_, i) => k + 20 * i);
    for (let k = 0; k < 20; k++) expect(perKey.get(`k${k}`)).toEqual(expected(k));
  });
});
