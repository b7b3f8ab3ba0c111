/** `millrace mapping skip` of a shard with lanes: the blocked lane's records, or all that no lane has settled (docs/lanes.md). */
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { laneOf } from '../../src/lanes.ts';
import { readAudit } from '../../src/observe/audit.ts';
import { shardIdOf, toSequenceNumber } from '../../src/record.ts';
import { eventually } from '../support/daemon.ts';
import { add, type Notice, said, world, type World } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run, start } from '../support/run.ts';

const redis = useRedis();
const SHARD = shardIdOf(0);
const FACTOR = 4;
const SECONDS = { timeout: 90_000 };
/** One key of each lane. */
const KEYS = Array.from({ length: FACTOR }, (_, lane) =>
  'abcdefghijklmnop'.split('').find((key) => laneOf(key, FACTOR) === lane)!,
);
const [A, BAD, , WORSE] = KEYS as [string, string, string, string];
const cli = (w: World, ...args: string[]) =>
  run(MILLRACE, ['mapping', 'skip', 'm', '-c', w.config, '--shard', SHARD, ...args]);

/** Everything of the keys BAD and WORSE from number 2 to 4 fails. */
const poisoned = () =>
  world(redis, {
    handler: `export const handler = async (event, context) => { say(event, context);
      if (event.Records.some((r) => /^[${BAD}${WORSE}][234]$/.test(atob(r.kinesis.data)))) throw new Error('bad');
      return { output: event.Records.map((r) => ({ itemIdentifier: r.kinesis.sequenceNumber, data: atob(r.kinesis.data) })) }; };`,
    mapping: { parallelizationFactor: FACTOR, batchSize: 1, output: { type: 'redis-stream', stream: 'out' } },
  });

/** `n` records of each key, in turns. */
const fill = (w: World, n: number, from = 0) =>
  add(w.redis, 's', Array.from({ length: n }, (_, i) => KEYS.map((key) => `${key}${from + i}`)).flat());
const settled = (w: World, succeeded: number, givenUp = 0) =>
  eventually(
    () => w.state(),
    (s) => Number(s['n:succeeded'] ?? 0) >= succeeded && Number(s['n:givenUp'] ?? 0) >= givenUp,
    { what: `${succeeded} succeeded, ${givenUp} given up`, withinMs: 40_000 },
  );
const lanesBlocked = (w: World, count: number) =>
  eventually(
    () => w.state(),
    (s) => (JSON.parse(s['units'] ?? '[]') as { failures: number }[]).filter((u) => u.failures > 0).length === count,
    { what: `${count} lanes are blocked` },
  );
const dataOf = (notice: Notice) =>
  (JSON.parse(notice.payload!) as { Records: { kinesis: { data: string } }[] }).Records.map((r) =>
    atob(r.kinesis.data),
  );
/** What was given up, each with its condition. */
async function skipped(w: World): Promise<string[]> {
  const notices = await w.notices();
  expect(notices.filter((n) => n.requestContext.condition !== 'SkippedByOperator')).toEqual([]);
  return notices.flatMap(dataOf);
}
async function outputOf(w: World, key: string): Promise<string[]> {
  const all = (await w.redis.xrange('out', '-', '+')).map(([, fields]) => fields[fields.indexOf('data') + 1]!);
  return all.filter((text) => text.startsWith(key));
}
const numbered = (key: string, ...numbers: number[]) => numbers.map((n) => `${key}${n}`);

test('the blocked lane’s record, then more of that lane: other lanes keep what they settled', SECONDS, async () => {
  const w = await poisoned();
  const ids = await fill(w, 8);
  const daemon = w.start();
  await settled(w, 2 * 8 + 2 * 2);
  await lanesBlocked(w, 2);
  const sequence = toSequenceNumber(ids[2 * FACTOR + 1]!);
  expect((await cli(w)).stdout).toBe(
    `m/${SHARD}: 1 record of lane 1 would be skipped, ${sequence}; repeat with --yes to do it.\n`,
  );
  expect(await w.notices()).toEqual([]);
  expect(await cli(w, '--yes')).toMatchObject({ code: 0, stdout: `m/${SHARD}: 1 record skipped, up to ${sequence}\n` });
  expect(await skipped(w)).toEqual([`${BAD}2`]);
  expect((await readAudit(w.redis, w.keys)).at(-1)).toMatchObject({
    ...{ command: 'mapping skip', mapping: 'm', shard: SHARD },
    detail: `1 record of lane 1, ${sequence} to ${sequence}`,
  });
  // Now the other one is furthest behind: all that is wrong of it.
  await lanesBlocked(w, 2);
  expect(await cli(w, '--records', '3', '--yes')).toMatchObject({ code: 0 });
  await settled(w, 2 * 8 + 2 + 2 + 3, 4);
  expect(await skipped(w)).toEqual([`${BAD}2`, ...numbered(WORSE, 2, 3, 4)]);
  await lanesBlocked(w, 1);
  expect(await cli(w, '--records', '2', '--yes')).toMatchObject({ code: 0 });
  const state = await settled(w, 4 * 8 - 6, 6);
  expect(state).toMatchObject({ cp: ids.at(-1), read: String(4 * 8), units: '[]', blk: '' });
  for (const key of [BAD, WORSE]) expect(await outputOf(w, key)).toEqual(numbered(key, 0, 1, 5, 6, 7));
  for (const key of KEYS.filter((k) => k !== BAD && k !== WORSE))
    expect(said(daemon).flatMap((s) => s.data.filter((text) => text.startsWith(key)))).toEqual(
      numbered(key, 0, 1, 2, 3, 4, 5, 6, 7),
    );
  expect(await daemon.stop()).toBe(0);
});

test('--to: what no lane has settled up to there has its notice, once, also when killed halfway', SECONDS, async () => {
  const w = await poisoned();
  const ids = await fill(w, 60);
  const first = w.start();
  await settled(w, 2 * 60 + 2 * 2);
  await lanesBlocked(w, 2);
  first.kill('SIGKILL');
  await first.exited;
  const to = ids[50 * FACTOR - 1]!;
  expect((await cli(w, '--to', to)).stdout).toContain(`96 records would be skipped, ${toSequenceNumber(ids[9]!)}`);
  for (const ms of [450, 600]) {
    const going = start(MILLRACE, ['mapping', 'skip', 'm', '-c', w.config, '--shard', SHARD, '--to', to, '--yes']);
    await wait(ms);
    going.kill('SIGKILL');
    await going.ended;
  }
  // It may have come to its end before it was killed.
  const last = await cli(w, '--to', to, '--yes');
  if (last.code !== 0) expect(last.stderr).toContain('has no unsettled record there');
  const expected = [BAD, WORSE].flatMap((key) => Array.from({ length: 48 }, (_, i) => `${key}${i + 2}`));
  expect((await skipped(w)).sort()).toEqual(expected.sort());
  expect(await w.state()).toMatchObject({ 'n:givenUp': '96', blk: '', units: '[]' });
  const second = w.start();
  const state = await settled(w, 2 * 60 + 2 * 12, 96);
  expect(state).toMatchObject({ cp: ids.at(-1), read: String(60 * FACTOR) });
  for (const key of [BAD, WORSE])
    expect(await outputOf(w, key)).toEqual(numbered(key, 0, 1, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59));
  expect(await outputOf(w, A)).toEqual(numbered(A, ...Array.from({ length: 60 }, (_, i) => i)));
  expect(await second.stop()).toBe(0);
});
