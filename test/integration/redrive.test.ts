/** `millrace failures redrive` on running daemons: order, retries, what stays and what goes. */
import { writeFile } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { collectStatus } from '../../src/observe/status.ts';
import { eventually } from '../support/daemon.ts';
import { add, configOf, heard, numbers, said, SAY, world } from '../support/engine.ts';
import {
  dataOf,
  failingFor,
  failures,
  givenUp,
  listed,
  mend,
  nothingLeft,
  ONCE,
  redrive,
  REDRIVE_LINE,
  SHARD,
} from '../support/redrive.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run, start } from '../support/run.ts';

// Daemons are started several times in each test.
vi.setConfig({ testTimeout: 240_000 });
const redis = useRedis();

describe('a redrive', () => {
  test('runs what failed in its order, once the function is mended; its notices go', async () => {
    const w = await world(redis, { handler: failingFor('x'), mapping: ONCE });
    await add(w.redis, 's', ['a', 'x1', 'b', 'x2', 'x3']);
    const broken = w.start();
    await givenUp(w, 3);
    await broken.stop();
    await mend(w, 'never');
    const daemon = w.start();
    await daemon.ready;
    const asked = await failures(w, 'redrive', '--mapping', 'm');
    expect([asked.code, asked.stdout]).toEqual([1, expect.stringContaining('would run 3 records of 3 notices again')]);
    const { code, report, stderr } = await redrive(w);
    expect([code, report, stderr]).toEqual([0, { redriven: 3, succeeded: 3, failedAgain: 0 }, '']);
    const runs = await heard(3, daemon);
    expect(runs.map(({ data, shard, attempt }) => [...data, shard, attempt])).toEqual([
      ['x1', REDRIVE_LINE, 1],
      ['x2', REDRIVE_LINE, 1],
      ['x3', REDRIVE_LINE, 1],
    ]);
    expect(await w.notices()).toEqual([]);
    await nothingLeft(w);
    // Counted where it was given up, and not a second time.
    expect(await w.state()).toMatchObject({ 'n:succeeded': '2', 'n:givenUp': '3' });
    expect((await redrive(w)).report).toEqual({ redriven: 0, succeeded: 0, failedAgain: 0 });
  });

  test('by ids is of these; what fails again stays under its id, and what is behind it goes on', async () => {
    const w = await world(redis, { handler: failingFor('.'), mapping: ONCE });
    await add(w.redis, 's', ['x1', 'y1', 'x2', 'y2']);
    const broken = w.start();
    await givenUp(w, 4);
    await broken.stop();
    const before = await listed(w);
    await mend(w, 'x');
    const daemon = w.start();
    await daemon.ready;
    const some = await redrive(w, before[2]!.id, before[0]!.id, before[1]!.id);
    expect([some.code, some.report]).toEqual([0, { redriven: 3, succeeded: 1, failedAgain: 2 }]);
    expect(some.stderr).toContain(`${before[0]!.id} (shardId-000000000000) failed again: Error: bad`);
    await heard(3, daemon);
    expect(dataOf(daemon)).toEqual(['x1', 'y1', 'x2']);
    expect(await listed(w)).toEqual([before[0], before[2], before[3]]);
    await daemon.stop();
    await mend(w, 'never');
    const next = w.start();
    await next.ready;
    expect((await redrive(w)).report).toEqual({ redriven: 3, succeeded: 3, failedAgain: 0 });
    await heard(3, next);
    expect(dataOf(next)).toEqual(['x1', 'x2', 'y2']);
    await nothingLeft(w);
  });

  test('that keeps failing holds back what was redriven behind it, and nothing else; a mended function ends it', async () => {
    const w = await world(redis, { handler: failingFor('.'), mapping: ONCE });
    await add(w.redis, 's', ['y1', 'x1', 'y2', 'y3']);
    const broken = w.start();
    await givenUp(w, 4);
    await broken.stop();
    await mend(w, 'x');
    const patient = configOf({ handler: '', mapping: { batchSize: 1 } }, redis.url);
    await writeFile(w.config, patient);
    const daemon = w.start();
    await daemon.ready;
    const asking = redrive(w);
    await heard(3, daemon);
    await add(w.redis, 's', ['live1', 'live2']);
    const { code, report, stderr } = await asking;
    expect([code, report]).toEqual([0, { redriven: 4, succeeded: 1, failedAgain: 1 }]);
    expect(stderr).toContain('2 notices wait for their turn');
    const runs = dataOf(daemon);
    expect(runs.filter((data) => data.startsWith('live'))).toEqual(['live1', 'live2']);
    expect(new Set(runs)).toEqual(new Set(['y1', 'x1', 'live1', 'live2']));
    const { mappings } = await collectStatus(w.redis, w.keys);
    const attempts = runs.filter((data) => data === 'x1').length;
    const blocked = { attempts, recordsInUnit: 1, lastError: { errorType: 'Error', errorMessage: 'bad' } };
    expect(mappings[0]!.redrives).toEqual([
      {
        ...{ shardId: SHARD, state: 'blocked', notices: 3 },
        blocked: expect.objectContaining({ ...blocked, notice: (await listed(w))[0]!.id }) as object,
      },
    ]);
    expect(said(daemon).at(-1)).toMatchObject({ data: ['x1'], attempt: runs.filter((data) => data === 'x1').length });
    await daemon.stop();
    await mend(w, 'never');
    const next = w.start();
    await givenUp(w, 0);
    await heard(3, next);
    // At once, and by itself.
    expect(dataOf(next)).toEqual(['x1', 'y2', 'y3']);
    await nothingLeft(w);
  });

  test('of a batch runs it as the unit that it was; what of it succeeded does not run again', async () => {
    const mapping = { maximumRetryAttempts: 0, batchSize: 5 };
    const w = await world(redis, { handler: failingFor('.'), mapping });
    await w.redis.multi(['a', 'b', 'x', 'c', 'd'].map((d) => ['xadd', 's', '*', 'partitionKey', d, 'data', d])).exec();
    const broken = w.start();
    await givenUp(w, 1);
    await broken.stop();
    await mend(w, 'x');
    const halving = { ...mapping, bisectBatchOnFunctionError: true };
    await writeFile(w.config, configOf({ handler: '', mapping: halving }, redis.url));
    const daemon = w.start();
    await daemon.ready;
    expect((await redrive(w)).report).toEqual({ redriven: 5, succeeded: 4, failedAgain: 1 });
    const runs = await heard(5, daemon);
    expect(runs.map(({ data }) => data.join(''))).toEqual(['abxcd', 'ab', 'xcd', 'x', 'cd']);
    expect((await w.notices()).map((notice) => notice.KinesisBatchInfo.batchSize)).toEqual([5]);
    await daemon.stop();
    await mend(w, 'never');
    const next = w.start();
    await next.ready;
    expect((await redrive(w)).report).toEqual({ redriven: 1, succeeded: 1, failedAgain: 0 });
    await heard(1, next);
    expect(dataOf(next)).toEqual(['x']);
    await nothingLeft(w);
  });

  test('of a paused shard waits with it, and its age stands still', async () => {
    const w = await world(redis, { handler: failingFor('.'), mapping: ONCE });
    await add(w.redis, 's', ['a', 'b']);
    const broken = w.start();
    await givenUp(w, 2);
    await broken.stop();
    await mend(w, 'never');
    const daemon = w.start();
    await daemon.ready;
    const act = (verb: string) => run(MILLRACE, ['mapping', verb, 'm', '-c', w.config]);
    expect((await act('pause')).code).toBe(0);
    const paused = await redrive(w);
    expect([paused.code, paused.report]).toEqual([0, { redriven: 2, succeeded: 0, failedAgain: 0 }]);
    expect(paused.stderr).toContain('2 notices wait for their turn');
    const { mappings } = await collectStatus(w.redis, w.keys);
    expect(mappings[0]!.redrives).toEqual([{ shardId: SHARD, state: 'paused', notices: 2, blocked: null }]);
    await sleep(2_500);
    expect(said(daemon)).toEqual([]);
    expect((await act('resume')).code).toBe(0);
    await givenUp(w, 0);
    await heard(2, daemon);
    expect(dataOf(daemon)).toEqual(['a', 'b']);
    await nothingLeft(w);
    const audit = JSON.parse((await run(MILLRACE, ['audit', '--json', '-c', w.config])).stdout) as object[];
    expect(audit).toContainEqual(
      expect.objectContaining({ command: 'failures redrive', mapping: 'm', detail: '2 records of 2 notices' }),
    );
  });

  test('goes on when the command is killed, and what is forgotten leaves nothing of it', async () => {
    const w = await world(redis, { handler: failingFor('.'), mapping: ONCE });
    await add(w.redis, 's', numbers(5));
    const broken = w.start();
    await givenUp(w, 5);
    await broken.stop();
    await mend(w, 'r3');
    const asking = start(MILLRACE, ['failures', 'redrive', '--mapping', 'm', '--yes', '-c', w.config]);
    await eventually(
      () => w.redis.zcard(w.keys.redrive('m', 'shardId-000000000000')),
      (n) => n === 5,
      { what: 'five notices in the redrive', withinMs: 60_000 },
    );
    asking.kill('SIGKILL');
    await asking.ended;
    const daemon = w.start();
    await givenUp(w, 1);
    await heard(5, daemon);
    expect(dataOf(daemon)).toEqual(numbers(5));
    await daemon.stop();
    const forgotten = await run(MILLRACE, ['mapping', 'forget', 'm', '--yes', '-c', w.config]);
    expect(forgotten.code).toBe(0);
    await nothingLeft(w);
    expect(await w.state('m', REDRIVE_LINE)).toEqual({});
    expect(await listed(w)).toHaveLength(1);
  });

  test('two at once run each record once', async () => {
    const w = await world(redis, { handler: failingFor('.'), mapping: ONCE });
    await add(w.redis, 's', numbers(40));
    const broken = w.start();
    await givenUp(w, 40);
    await broken.stop();
    await mend(w, 'never');
    const pair = [w.start(), w.start()];
    await Promise.all(pair.map(({ ready }) => ready));
    const both = await Promise.all([redrive(w), redrive(w)]);
    const reports = both.map(({ report }) => report as { redriven: number; succeeded: number; failedAgain: number });
    expect(reports[0]!.redriven + reports[1]!.redriven).toBe(40);
    for (const { redriven, succeeded, failedAgain } of reports) expect([succeeded, failedAgain]).toEqual([redriven, 0]);
    await heard(40, ...pair);
    expect(dataOf(...pair).toSorted()).toEqual(numbers(40).toSorted());
    await nothingLeft(w);
  });
});

test('what cannot run again is said, and left out', async () => {
  const w = await world(redis, { handler: failingFor('.'), mapping: ONCE });
  await add(w.redis, 's', ['a']);
  const first = w.start();
  await givenUp(w, 1);
  await first.stop();
  await add(w.redis, 's', ['b']);
  await w.redis.xtrim('s', 'MAXLEN', 0);
  await add(w.redis, 's', ['c']);
  const second = w.start();
  await givenUp(w, 3);
  const gap = (await listed(w))[1]!.id;
  const asked = await redrive(w, gap);
  expect([asked.code, asked.stdout]).toEqual([1, '']);
  expect(asked.stderr).toContain(`${gap} cannot be redriven: the source lost its records`);
  const missing = await redrive(w, '1-1');
  expect([missing.code, missing.stdout]).toEqual([1, '']);
  expect(missing.stderr).toContain('m has no failure 1-1');
  const all = await redrive(w);
  expect([all.code, all.report]).toEqual([0, { redriven: 2, succeeded: 0, failedAgain: 2 }]);
  expect(all.stderr).toContain(`1 notice left out, ${gap} for one: the source lost`);
  expect((await listed(w)).map(({ id }) => id)).toContain(gap);
  expect(await second.stop()).toBe(0);
  const nobody = await redrive(w);
  expect([nobody.code, nobody.report]).toEqual([0, { redriven: 2, succeeded: 0, failedAgain: 0 }]);
  expect(nobody.stderr).toContain('no daemon serves m: its notices run when one does');
});

test('what a redriven record returns is appended once, under an origin of its own', async () => {
  const returns = (bad: string) => `export const handler = async (event) => {
    const data = event.Records.map((r) => Buffer.from(r.kinesis.data, 'base64').toString());
    if (/${bad}/.test(data.join())) throw new Error('bad');
    return { output: event.Records.map((r, i) => ({ data: data[i], itemIdentifier: r.kinesis.sequenceNumber })) };
  };`;
  const mapping = { ...ONCE, output: { type: 'redis-stream', stream: 'out' } };
  const w = await world(redis, { handler: returns('x'), mapping });
  const ids = await add(w.redis, 's', ['a', 'x', 'b', 'x']);
  const broken = w.start();
  await givenUp(w, 2);
  await broken.stop();
  const requests = (await w.notices()).map(({ requestContext }) => requestContext.requestId);
  await writeFile(`${w.dir}/handler.mjs`, returns('never'));
  const daemon = w.start();
  await daemon.ready;
  expect((await redrive(w)).report).toEqual({ redriven: 2, succeeded: 2, failedAgain: 0 });
  await eventually(
    () => w.redis.xlen('out'),
    (n) => n >= 4,
    { what: 'four outputs' },
  );
  const out = (await w.redis.xrange('out', '-', '+')).map(([, fields]) => fields);
  const origin = (i: number, beside: string) => {
    const [ms, seq] = ids[i]!.split('-') as [string, string];
    return `m/${beside}/${ms}${seq.padStart(20, '0')}/0`;
  };
  const live = 'shardId-000000000000/1';
  expect(out).toEqual([
    ['partitionKey', 'a', 'data', 'a', 'origin', origin(0, live)],
    ['partitionKey', 'b', 'data', 'b', 'origin', origin(2, live)],
    ['partitionKey', 'x', 'data', 'x', 'origin', origin(1, `${REDRIVE_LINE}/${requests[0]}`)],
    ['partitionKey', 'x', 'data', 'x', 'origin', origin(3, `${REDRIVE_LINE}/${requests[1]}`)],
  ]);
  await nothingLeft(w);
});

test('six kills in the middle of it: every record succeeds, each shard in its order, and no notice is lost', async () => {
  const [EACH, KILLS] = [60, 6];
  const slow = `export const handler = async (event, context) => {
    await new Promise((resolve) => setTimeout(resolve, 60));
    say(event, context);
    return { output: event.Records.map((r) => ({ data: Buffer.from(r.kinesis.data, 'base64').toString(), itemIdentifier: r.kinesis.sequenceNumber })) };
  };`;
  const mapping = { ...ONCE, output: { type: 'redis-stream', stream: 'out' } };
  const w = await world(redis, { handler: failingFor('.'), mapping });
  await run(MILLRACE, ['stream', 'create', 's', '--shards', '2', '-c', w.config]);
  const shards = ['shardId-000000000000', 'shardId-000000000001'];
  for (const shard of shards) await add(w.redis, w.keys.streamShard('s', shard), numbers(EACH));
  const broken = w.start();
  await givenUp(w, 2 * EACH);
  await broken.stop();
  await writeFile(`${w.dir}/handler.mjs`, SAY + slow);
  const pair = [w.start(), w.start()];
  const all = [...pair];
  await Promise.all(pair.map(({ ready }) => ready));
  const asking = redrive(w);
  await heard(2, ...pair);
  for (let i = 0; i < KILLS; i++) {
    await sleep(Math.random() * 600);
    pair[i % 2]!.kill('SIGKILL');
    pair[i % 2] = w.start();
    all.push(pair[i % 2]!);
    await pair[i % 2]!.ready;
  }
  expect((await asking).report).toEqual({ redriven: 2 * EACH, succeeded: 2 * EACH, failedAgain: 0 });
  expect(await w.notices()).toEqual([]);
  // What was settled: each once, each shard's in their order.
  const out = (await w.redis.xrange('out', '-', '+')).map(([, fields]) => fields);
  expect(out).toHaveLength(2 * EACH);
  for (const shard of shards) {
    const own = out.filter((fields) => fields[5]!.startsWith(`m/redrive:${shard}/`));
    expect(own.map((fields) => fields[3])).toEqual(numbers(EACH));
    // What ran: a kill repeats what it hit, and nothing overtakes.
    const runs = said(...all).filter((one) => one.shard === `redrive:${shard}`);
    const times = runs.toSorted((a, b) => a.at - b.at).map(({ data }) => Number(data[0]!.slice(1)));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.length - EACH).toBeLessThanOrEqual(KILLS);
  }
  for (const shard of shards) expect(await w.redis.exists(w.keys.redrive('m', shard))).toBe(0);
  expect(await w.redis.exists(w.keys.redriveTickets('m'))).toBe(0);
});
