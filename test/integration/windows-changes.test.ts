/** An open tumbling window while other things change: its length, its shard, its daemons; and what `status` says of it (docs/windows.md). */
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createStream } from '../../connectors/redis-stream/manage.ts';
import { splitShard } from '../../connectors/redis-stream/reshard.ts';
import { collectStatus } from '../../src/observe/status.ts';
import { eventually } from '../support/daemon.ts';
import { add, type World } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';
import { finals, hear, LENGTH, PAST, put, story, summing, times, told, windowed } from '../support/windowed.ts';

const redis = useRedis();
const LONG = 900_000;
/** What a test does within one long window takes less. */
const ROOM_MS = 30_000;

/** Waits for the next long window when the present one is nearly over. */
async function roomInWindow(): Promise<void> {
  const left = LONG - (Date.now() % LONG);
  if (left < ROOM_MS) await sleep(left + 100);
}

async function setLength(w: World, seconds: number): Promise<void> {
  const text = await readFile(w.config, 'utf8');
  const changed = text.replace(/tumblingWindowInSeconds: \d+/, `tumblingWindowInSeconds: ${seconds}`);
  expect(changed).not.toBe(text);
  await writeFile(w.config, changed);
}

const shardsNow = async (w: World) => (await collectStatus(w.redis, w.keys)).mappings[0]!.shards;
const windowOfId = (id: string, length: number) =>
  times(Math.floor(Number(id.split('-')[0]) / length) * length, length);

test(
  'another length leaves the open window as it is; turned off, it ends before the next record',
  { timeout: 120_000 },
  async () => {
    await roomInWindow();
    const w = await windowed(redis, summing(), { tumblingWindowInSeconds: 900 });
    const first = w.start();
    await first.ready;
    const [id] = await add(w.redis, 's', ['1']);
    await hear(1, 'the first record', first);
    expect(await first.stop()).toBe(0);

    await setLength(w, 60);
    const second = w.start();
    await second.ready;
    await add(w.redis, 's', ['2']);
    const [again] = await hear(1, 'the second record', second);
    expect(again).toMatchObject({ state: { sum: 1 }, window: windowOfId(id!, LONG) });
    expect(await second.stop()).toBe(0);

    await setLength(w, 0);
    await add(w.redis, 's', ['4']);
    const third = w.start();
    const [end, plain] = await hear(2, 'the end, and a record without a window', third);
    expect(end).toMatchObject({ final: true, early: true, state: { sum: 3 }, window: windowOfId(id!, LONG) });
    expect(plain).toMatchObject({ data: ['4'], keys: ['Records'] });
    await expect.poll(() => w.state()).toMatchObject({ 'n:succeeded': '3', winDue: '0' });
  },
);

test(
  'a shard that was split ends its window early once it is settled; its children begin with windows of their own',
  { timeout: 120_000 },
  async () => {
    await roomInWindow();
    const w = await windowed(redis, summing(), { tumblingWindowInSeconds: 900 });
    await createStream(w.redis, w.keys, 's', { shards: 1, retentionHours: 24 });
    const key = (n: number) => w.keys.streamShard('s', `shardId-00000000000${n}`);
    const [id] = await add(w.redis, key(0), ['1']);
    const daemon = w.start();
    await hear(1, 'the parent', daemon);
    await splitShard(w.redis, w.keys, 's', 'shardId-000000000000');
    for (const child of [1, 2]) await add(w.redis, key(child), [`${child * 10}`]);
    const all = await hear(4, 'the end of the parent, and its children', daemon);
    expect(story(all.slice(0, 2))).toEqual(['1 of {}', 'end of {"sum":1}']);
    expect(all[1]).toMatchObject({ early: true, window: windowOfId(id!, LONG), in: 'shardId-000000000000' });
    expect(story(all.slice(2)).sort()).toEqual(['10 of {}', '20 of {}']);
    expect(
      all
        .slice(2)
        .map(({ in: shard }) => shard)
        .sort(),
    ).toEqual(['shardId-000000000001', 'shardId-000000000002']);
    expect(await w.state()).toMatchObject({ done: '1', winDue: '0', units: '[]' });
  },
);

test('a window whose daemon was killed ends when there is one again, with the state of before', async () => {
  const w = await windowed(redis, summing());
  const first = w.start();
  await first.ready;
  // All of a window is left, so that the kill mostly comes before its end.
  await sleep(LENGTH - (Date.now() % LENGTH));
  const [id] = await add(w.redis, 's', ['5']);
  await hear(1, 'the record', first);
  await eventually(
    () => w.state(),
    (state) => state['n:succeeded'] === '1',
    { what: 'its settle' },
  );
  first.kill('SIGKILL');
  await first.exited;
  await sleep(LENGTH);
  // It may have come to the window's end before it was killed.
  const before = told(first).filter(({ final }) => final);
  const second = w.start();
  const [end] = before.length > 0 ? before : await finals(1, second);
  expect(end).toMatchObject({ state: { sum: 5 }, early: false, window: windowOfId(id!, LENGTH) });
  // `winDue` is 0 from the moment that the end is a unit; its settle is what empties the state.
  const over = await eventually(
    () => w.state(),
    (state) => state['winState'] === '{}' && state['units'] === '[]',
    { what: 'the window is over', withinMs: 60_000 },
  );
  expect(over).toMatchObject({ 'n:succeeded': '1', winDue: '0' });
});

test('status names the open window', { timeout: 120_000 }, async () => {
  await roomInWindow();
  const end = `if (event.state.sum === 1) throw new Error('not this one');`;
  const w = await windowed(redis, summing('', end), { tumblingWindowInSeconds: 900 });
  const daemon = w.start();
  await daemon.ready;
  const [id] = await add(w.redis, 's', ['1']);
  await hear(1, 'the record', daemon);
  const [open] = await eventually(
    () => shardsNow(w),
    ([shard]) => shard?.window !== undefined,
    { what: 'the open window' },
  );
  const { start, end: ends } = windowOfId(id!, LONG);
  expect([open!.window!.start, open!.window!.end].map((text) => Date.parse(text))).toEqual(
    [start, ends].map((text) => Date.parse(text)),
  );
  expect(open!.blocked ?? null).toBeNull();
  expect(await daemon.stop()).toBe(0);
});

test('status names a final invocation that is retried as a unit without records', async () => {
  const w = await windowed(redis, summing('', `throw new RangeError('never');`));
  await put(w, [PAST, '1']);
  const daemon = w.start();
  await finals(2, daemon);
  const [shard] = await eventually(
    () => shardsNow(w),
    ([one]) => Boolean(one?.blocked),
    { what: 'a blocked shard' },
  );
  expect(shard!.blocked).toMatchObject({ recordsInUnit: 0 });
  expect(JSON.stringify(shard!.blocked)).toContain('RangeError');
});
