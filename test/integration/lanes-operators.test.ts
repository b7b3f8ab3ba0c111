/** What operators and time do to a shard with lanes while one of them is blocked: pause, resume, rewind, redrive, expiry, other settings (docs/lanes.md). */
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { laneOf } from '../../src/lanes.ts';
import { collectStatus } from '../../src/observe/status.ts';
import { shardIdOf } from '../../src/record.ts';
import { eventually, type TestDaemon } from '../support/daemon.ts';
import { add, said, SAID, SAY, world, type World } from '../support/engine.ts';
import { redrive } from '../support/redrive.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const redis = useRedis();
const FACTOR = 4;
const SECONDS = { timeout: 90_000 };
/** What a daemon's clock and Redis' differ by on one machine, in ms, and what rounding makes of it. */
const CLOCKS_MS = 50;
/** One key of each lane. */
const KEYS = Array.from({ length: FACTOR }, (_, lane) =>
  'abcdefghijklmnop'.split('').find((key) => laneOf(key, FACTOR) === lane)!,
);
const BAD = KEYS[1]!;
const FREE = KEYS.filter((key) => key !== BAD);
const cli = (w: World, act: string, ...args: string[]) => run(MILLRACE, ['mapping', act, 'm', '-c', w.config, ...args]);

const failing = (bad: readonly string[]) => `export const handler = async (event, context) => { say(event, context);
  if (event.Records.some((r) => ${JSON.stringify(bad)}.includes(atob(r.kinesis.data)))) throw new Error('bad'); };`;
/** Another one in its place, with a function that fails for less. */
async function mend(w: World, daemons: TestDaemon[], bad: readonly string[]): Promise<void> {
  expect(await daemons.at(-1)!.stop()).toBe(0);
  await writeFile(`${w.dir}/handler.mjs`, SAY + failing(bad));
  daemons.push(w.start());
  await daemons.at(-1)!.ready;
}
const poisoned = (mapping: Record<string, unknown> = {}, bad: readonly string[] = [`${BAD}2`]) =>
  world(redis, {
    handler: failing(bad),
    mapping: { parallelizationFactor: FACTOR, batchSize: 1, ...mapping },
  });
const turns = (n: number, from = 0, keys = KEYS) =>
  Array.from({ length: n }, (_, i) => keys.map((key) => `${key}${from + i}`)).flat();
const reached = (w: World, field: string, n: number) =>
  eventually(
    () => w.state(),
    (s) => Number(s[field] ?? 0) >= n,
    { what: `${n} in ${field}`, withinMs: 40_000 },
  );
const blockedLanes = async (w: World) => {
  const [shard] = (await collectStatus(w.redis, w.keys)).mappings[0]!.shards;
  return (shard!.lanes ?? []).flatMap((lane) => lane.blocked ?? []);
};
const dataOf = (...daemons: TestDaemon[]) => said(...daemons).flatMap(({ data }) => data);
const of = (key: string, ...daemons: TestDaemon[]) => dataOf(...daemons).filter((text) => text.startsWith(key));
const numbered = (key: string, n: number) => Array.from({ length: n }, (_, i) => `${key}${i}`);

test(
  'paused, nothing runs; then all lanes but the blocked one go on; rewound, what is above the checkpoint runs too',
  SECONDS,
  async () => {
    const w = await poisoned();
    const ids = await add(w.redis, 's', turns(10));
    const first = w.start();
    await reached(w, 'n:succeeded', 32);
    // The others may all be settled before the bad one has failed for the first time.
    const [expiry] = await eventually(
      () => blockedLanes(w),
      (lanes) => lanes.length > 0,
      { what: 'a blocked lane' },
    );
    expect(await cli(w, 'pause')).toMatchObject({ code: 0 });
    await eventually(
      () => w.state(),
      (s) => s['owner'] === '',
      { what: 'nothing is in flight' },
    );
    const before = said(first).length;
    const [blocked] = await blockedLanes(w);
    expect(blocked).toMatchObject({ expiresAt: null });
    const behind = await add(w.redis, 's', turns(2, 10, FREE));
    await wait(1_500);
    expect(said(first)).toHaveLength(before);
    expect(await cli(w, 'resume')).toMatchObject({ code: 0 });
    // By what is stored, whether or not it was looked at since: the age stood still.
    const [later] = await blockedLanes(w);
    expect(Date.parse(later!.expiresAt!)).toBeGreaterThanOrEqual(Date.parse(expiry!.expiresAt!) + 1_500);
    await reached(w, 'n:succeeded', 38);
    const ran = (key: string) => of(key, first);
    for (const key of FREE) await expect.poll(() => ran(key), SAID).toEqual(numbered(key, 12));
    // What is settled: two records of the blocked lane, twelve of each other one.
    const would = await cli(w, 'rewind', '--to', ids[0]!);
    expect([would.code, would.stdout]).toEqual([1, expect.stringContaining('38 records of 1 shard would run again')]);
    const done = await cli(w, 'rewind', '--to', ids[0]!, '--yes');
    expect([done.code, done.stdout]).toEqual([0, expect.stringContaining('m: 38 records run again from')]);
    const audited = await run(MILLRACE, ['audit', '-c', w.config, '--json']);
    expect(audited.stdout).toContain('38 records of 1 shard run again');
    const rewound = await w.state();
    // The age of them all counts from now.
    expect(rewound).toMatchObject({ 'n:redelivered': '38', rwTo: behind.at(-1) });
    await reached(w, 'n:succeeded', 76);
    for (const key of FREE)
      await expect.poll(() => ran(key), SAID).toEqual([...numbered(key, 12), ...numbered(key, 12)]);
    expect(await first.stop()).toBe(0);
  },
);

test('a record of a blocked lane expires at its age, with one notice, and its lane goes on', SECONDS, async () => {
  const w = await poisoned({ maximumRecordAgeInSeconds: 60 });
  const daemon = w.start();
  await daemon.ready;
  const arrived = Date.now() - 50_000;
  for (const [i, text] of turns(5).entries())
    // What comes behind the poison record is younger, so that it is in time.
    await w.redis.xadd('s', i <= 9 ? `${arrived}-${i}` : '*', 'partitionKey', text[0]!, 'data', text);
  await reached(w, 'n:succeeded', 17);
  expect(await w.notices()).toEqual([]);
  const state = await reached(w, 'n:succeeded', 19);
  expect(Date.now()).toBeGreaterThanOrEqual(arrived + 60_000);
  expect(state).toMatchObject({ 'n:expired': '1', blk: '' });
  expect(Number(state['n:givenUp'] ?? 0)).toBe(0);
  const notices = await w.notices();
  expect(notices.map((notice) => notice.requestContext.condition)).toEqual(['RecordAgeExceeded']);
  expect(notices[0]).toMatchObject({
    KinesisBatchInfo: { batchSize: 1, startSequenceNumber: expect.any(String) as string },
  });
  for (const key of FREE) await expect.poll(() => of(key, daemon), SAID).toEqual(numbered(key, 5));
  await expect.poll(() => [...new Set(of(BAD, daemon))], SAID).toEqual(numbered(BAD, 5));
  expect(await daemon.stop()).toBe(0);
});

test(
  'what is overdue on lanes is given up without an executor, at its time; the other lanes keep what they have',
  SECONDS,
  async () => {
    const w = await poisoned({ maximumRecordAgeInSeconds: 60 }, [`${BAD}2`, `${FREE[0]}2`]);
    const first = w.start();
    await first.ready;
    const arrived = Date.now() - 40_000;
    for (const [i, text] of turns(5).entries())
      await w.redis.xadd('s', i <= 9 ? `${arrived}-${i}` : '*', 'partitionKey', text[0]!, 'data', text);
    const blocked = await reached(w, 'n:succeeded', 14);
    expect(await first.stop()).toBe(0);
    const poller = w.start(['--role', 'poller']);
    const state = await reached(w, 'n:expired', 2);
    const late = Date.now() - (arrived + 60_000);
    expect(late).toBeGreaterThanOrEqual(0);
    expect(state).toMatchObject({ 'n:succeeded': '14', blk: '' });
    const notices = await w.notices();
    expect(notices.map((notice) => notice.requestContext.condition)).toEqual([
      'RecordAgeExceeded',
      'RecordAgeExceeded',
    ]);
    const lanesOf = (s: Record<string, string>) =>
      (JSON.parse(s['lanes']!) as { lanes: { checkpoint: string }[] }).lanes;
    const moved = lanesOf(state).filter(({ checkpoint }, i) => checkpoint !== lanesOf(blocked)[i]!.checkpoint);
    expect(moved).toHaveLength(2);
    expect(said(poller)).toEqual([]);
    expect(await poller.stop()).toBe(0);
    const second = w.start();
    await reached(w, 'n:succeeded', 18);
    await expect
      .poll(() => dataOf(second).toSorted(), SAID)
      .toEqual([`${BAD}3`, `${BAD}4`, `${FREE[0]}3`, `${FREE[0]}4`].toSorted());
  },
);

test(
  'what was skipped of a lane is redriven while the lane is blocked by the next record; neither waits for the other',
  SECONDS,
  async () => {
    const w = await poisoned({}, [`${BAD}2`, `${BAD}3`]);
    await add(w.redis, 's', turns(5));
    const daemons = [w.start()];
    await reached(w, 'n:succeeded', 17);
    const shard = shardIdOf(0);
    expect(await cli(w, 'skip', '--shard', shard, '--yes')).toMatchObject({ code: 0 });
    const ran = () => dataOf(...daemons);
    await eventually(ran, (all) => all.includes(`${BAD}3`), { what: 'the next record fails' });
    await mend(w, daemons, [`${BAD}3`]);
    expect((await redrive(w)).report).toEqual({ redriven: 1, succeeded: 1, failedAgain: 0 });
    expect(await blockedLanes(w)).toMatchObject([{ partitionKey: BAD, recordsInUnit: 1 }]);
    expect(ran().at(-1)).not.toBe(`${BAD}4`);
    await mend(w, daemons, []);
    const state = await reached(w, 'n:succeeded', 19);
    expect(state).toMatchObject({ 'n:givenUp': '1', units: '[]', blk: '' });
    for (const key of FREE) await expect.poll(() => of(key, ...daemons), SAID).toEqual(numbered(key, 5));
    expect(await daemons.at(-1)!.stop()).toBe(0);
  },
);

test('beside a lane that is tried again, the others keep to their batching window', SECONDS, async () => {
  const WINDOW_S = 3;
  const w = await poisoned({ batchSize: 4, maximumBatchingWindowInSeconds: WINDOW_S }, [`${BAD}0`]);
  await add(w.redis, 's', [`${BAD}0`]);
  const daemons = [w.start()];
  const batches = (key: string) => said(...daemons).filter(({ data }) => data[0]?.startsWith(key));
  await eventually(
    () => batches(BAD).length,
    (n) => n >= 2,
    { what: 'the blocked lane is tried again', withinMs: 40_000 },
  );
  const added = Date.now();
  await add(w.redis, 's', turns(2, 0, FREE));
  await reached(w, 'n:succeeded', 6);
  for (const key of FREE) {
    // One batch of both, and not before its window was over.
    await expect.poll(() => batches(key).map(({ data }) => data), SAID).toEqual([numbered(key, 2)]);
    expect(batches(key)[0]!.at).toBeGreaterThanOrEqual(added + WINDOW_S * 1_000 - CLOCKS_MS);
  }
  await mend(w, daemons, []);
  await reached(w, 'n:succeeded', 7);
  expect(await daemons.at(-1)!.stop()).toBe(0);
});

test.for([2, 7])('a factor of %i waits for the blocked lane; then order per key goes on', SECONDS, async (factor) => {
  const w = await poisoned();
  await add(w.redis, 's', turns(5));
  const daemons = [w.start()];
  await reached(w, 'n:succeeded', 17);
  const text = await readFile(w.config, 'utf8');
  await writeFile(w.config, text.replace(`parallelizationFactor: ${FACTOR}`, `parallelizationFactor: ${factor}`));
  expect(await daemons.at(-1)!.stop()).toBe(0);
  daemons.push(w.start());
  const lanes = async () => (JSON.parse((await w.state())['lanes']!) as { lanes: unknown[] }).lanes.length;
  const before = said(...daemons).filter(({ data }) => data.includes(`${BAD}2`)).length;
  await add(w.redis, 's', turns(3, 5));
  // Two more attempts under the new configuration: none of what came since has run.
  const tried = () => said(...daemons).filter(({ data }) => data.includes(`${BAD}2`)).length;
  await eventually(tried, (n) => n >= before + 3, { what: 'it is tried again', withinMs: 40_000 });
  expect(await lanes()).toBe(FACTOR);
  await mend(w, daemons, []);
  await reached(w, 'n:succeeded', 32);
  await eventually(lanes, (n) => n === factor, { what: 'the new lanes' });
  for (const key of KEYS) await expect.poll(() => [...new Set(of(key, ...daemons))], SAID).toEqual(numbered(key, 8));
  expect(dataOf(...daemons).filter((one) => one !== `${BAD}2`)).toHaveLength(31);
  expect(await daemons.at(-1)!.stop()).toBe(0);
});
