/** `millrace mapping skip` beside daemons that run, are at work, and die. */
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { readAudit } from '../../src/observe/audit.ts';
import { shardIdOf, toSequenceNumber } from '../../src/record.ts';
import { eventually } from '../support/daemon.ts';
import { add, heard, type Notice, numbers, said, SAID, world, type World } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run, start } from '../support/run.ts';

const redis = useRedis();
const SHARD = shardIdOf(0);
const SECONDS = { timeout: 90_000 };
const BAD = `export const handler = async (event, context) => { say(event, context);
  if (event.Records.some((r) => atob(r.kinesis.data).startsWith('bad'))) throw new Error('bad');
  return { output: event.Records.map((r) => ({ itemIdentifier: r.kinesis.sequenceNumber, data: atob(r.kinesis.data) })) }; };`;
const OUTPUT = { output: { type: 'redis-stream', stream: 'out' } };
const cli = (w: World, ...args: string[]) => run(MILLRACE, ['mapping', 'skip', 'm', '-c', w.config, ...args]);
const skipIt = (w: World, ...args: string[]) => cli(w, '--shard', SHARD, ...args, '--yes');
const blocked = (w: World, failures = 2) =>
  eventually(
    () => w.state(),
    (s) => (JSON.parse(s['units'] ?? '[]') as { failures: number }[]).slice(0, 1).some((u) => u.failures >= failures),
    { what: 'it is blocked' },
  );
const settled = (w: World, field: string, n: number) =>
  eventually(
    () => w.state(),
    (s) => s[field] === String(n),
    { what: `${n} in ${field}`, withinMs: 40_000 },
  );
const outputs = async (w: World) =>
  (await w.redis.xrange('out', '-', '+')).map(([, fields]) => fields[fields.indexOf('data') + 1]);
const dataOf = (notice: Notice) =>
  (JSON.parse(notice.payload!) as { Records: { kinesis: { data: string } }[] }).Records.map((r) =>
    atob(r.kinesis.data),
  );
const skippedIn = async (w: World) =>
  (await w.notices()).map((notice) => [notice.requestContext.condition, ...dataOf(notice)]);

describe('a shard that is blocked', () => {
  test(
    'without --yes it says by what; with it that record leaves a notice, and the others go on in order',
    SECONDS,
    async () => {
      const w = await world(redis, { handler: BAD, mapping: { batchSize: 1, ...OUTPUT } });
      const ids = await add(w.redis, 's', ['a', 'bad', 'b', 'c']);
      const daemon = w.start();
      await blocked(w);
      const sequence = toSequenceNumber(ids[1]!);
      const asked = await cli(w, '--shard', SHARD);
      expect(asked).toMatchObject({ code: 1, stderr: '' });
      expect(asked.stdout).toBe(`m/${SHARD}: 1 record would be skipped, ${sequence}; repeat with --yes to do it.\n`);
      expect(await w.notices()).toEqual([]);

      const done = await skipIt(w);
      expect(done).toMatchObject({ code: 0, stdout: `m/${SHARD}: 1 record skipped, up to ${sequence}\n`, stderr: '' });
      expect(await settled(w, 'n:succeeded', 3)).toMatchObject({ 'n:givenUp': '1', blk: '', units: '[]', read: '4' });
      expect(await outputs(w)).toEqual(['a', 'b', 'c']);
      const [notice, ...others] = await w.notices();
      expect(others).toEqual([]);
      expect(notice).toMatchObject({
        requestContext: { condition: 'SkippedByOperator', requestId: said(daemon)[1]!.id },
        responseContext: { functionError: 'Unhandled' },
        KinesisBatchInfo: { batchSize: 1, startSequenceNumber: sequence, endSequenceNumber: sequence },
        error: { errorType: 'Error', errorMessage: 'bad' },
      });
      expect(notice!.requestContext.approximateInvokeCount).toBeGreaterThanOrEqual(2);
      expect(dataOf(notice!)).toEqual(['bad']);
      expect((await readAudit(w.redis, w.keys)).slice(1)).toMatchObject([
        { command: 'mapping skip', mapping: 'm', shard: SHARD, detail: `1 record, ${sequence} to ${sequence}` },
      ]);
      // It can be run again, later.
      const list = await run(MILLRACE, ['failures', 'list', '-c', w.config, '--mapping', 'm', '--json']);
      expect(JSON.parse(list.stdout)).toMatchObject([{ condition: 'SkippedByOperator', records: 1 }]);
    },
  );

  test(
    'by a batch: its first record alone, then all of it; what is left is tried as the unit that it was',
    SECONDS,
    async () => {
      const w = await world(redis, { handler: BAD, mapping: { batchSize: 4, ...OUTPUT } });
      const ids = await add(w.redis, 's', ['a', 'bad1', 'b', 'bad2', 'c', 'd', 'e', 'f']);
      const daemon = w.start();
      await blocked(w);
      expect((await cli(w, '--shard', SHARD)).stdout).toContain(
        'the first of 4 records that fail together; --records 4 skips them all',
      );
      expect(await skipIt(w)).toMatchObject({ code: 0 });
      const tried = await heard(said(daemon).length + 1, daemon);
      expect(tried.at(-1)).toMatchObject({ id: tried[0]!.id, data: ['bad1', 'b', 'bad2'] });
      expect(await skipIt(w, '--records', '3')).toMatchObject({
        ...{ code: 0, stdout: `m/${SHARD}: 3 records skipped, up to ${toSequenceNumber(ids[3]!)}\n` },
      });
      await settled(w, 'n:succeeded', 4);
      expect(await skippedIn(w)).toEqual([
        ['SkippedByOperator', 'a'],
        ['SkippedByOperator', 'bad1', 'b', 'bad2'],
      ]);
      expect(await outputs(w)).toEqual(['c', 'd', 'e', 'f']);
    },
  );

  test(
    'while the function is at work on it: that run settles nothing and sends nothing, the next record runs',
    SECONDS,
    async () => {
      const handler = `export const handler = async (event, context) => { say(event, context);
      if (atob(event.Records[0].kinesis.data) === 'slow') await new Promise((r) => setTimeout(r, 12_000));
      return { output: [{ partitionKey: 'k', data: atob(event.Records[0].kinesis.data) }] }; };`;
      const w = await world(redis, { handler, mapping: { batchSize: 1, ...OUTPUT }, function: { timeout: 30 } });
      const ids = await add(w.redis, 's', ['slow', 'a', 'b']);
      const daemon = w.start();
      await heard(1, daemon);
      expect(await skipIt(w)).toMatchObject({ code: 1, stderr: expect.stringContaining('is not blocked') as string });
      expect(await skipIt(w, '--to', ids[0]!)).toMatchObject({ code: 0 });
      await daemon.line((line) => line.msg.startsWith('fenced:'), 'it is fenced');
      await settled(w, 'n:succeeded', 2);
      expect(await outputs(w)).toEqual(['a', 'b']);
      expect(await skippedIn(w)).toEqual([['SkippedByOperator', 'slow']]);
      await expect
        .poll(() => said(daemon).map((s) => [s.data[0], s.attempt]), SAID)
        .toEqual([
          ['slow', 1],
          ['a', 1],
          ['b', 1],
        ]);
    },
  );

  test('and paused: it stays so; no daemon has to be alive', SECONDS, async () => {
    const w = await world(redis, { handler: BAD, mapping: { batchSize: 1 } });
    const ids = await add(w.redis, 's', ['bad', 'a', 'bad', 'b']);
    const first = w.start();
    await blocked(w);
    expect(await run(MILLRACE, ['mapping', 'pause', 'm', '-c', w.config])).toMatchObject({ code: 0 });
    await eventually(
      () => w.state(),
      (s) => s['owner'] === '',
      { what: 'nothing is in flight' },
    );
    first.kill('SIGKILL');
    await first.exited;
    expect(await skipIt(w, '--records', '3')).toMatchObject({ code: 0 });
    expect(await w.state()).toMatchObject({ cp: ids[2]!, 'n:givenUp': '3', owner: '', units: '[]' });
    expect((await w.state())['ps']).not.toBe('');
    const second = w.start();
    await second.ready;
    await wait(2_000);
    expect(said(second)).toEqual([]);
    expect(await run(MILLRACE, ['mapping', 'resume', 'm', '-c', w.config])).toMatchObject({ code: 0 });
    await settled(w, 'n:succeeded', 1);
    await expect.poll(() => said(second).flatMap((s) => s.data), SAID).toEqual(['b']);
  });

  test('whose notice cannot be written: nothing is skipped, and it says why', SECONDS, async () => {
    const destinationConfig = { onFailure: { type: 'redis-stream', stream: 'wrong' } };
    const w = await world(redis, { handler: BAD, mapping: { batchSize: 1, destinationConfig } });
    await add(w.redis, 's', ['bad']);
    await w.redis.set('wrong', 'text');
    w.start();
    const before = await blocked(w);
    const refused = await skipIt(w);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain(
      'cannot be written, and nothing is skipped without it: the failure stream wrong is a string',
    );
    expect(await w.state()).toMatchObject({ cp: before['cp'], owner: '' });
    await w.redis.del('wrong');
    expect(await skipIt(w)).toMatchObject({ code: 0 });
    expect(await w.redis.xlen('wrong')).toBe(1);
  });

  test('by the end of a window: that is skipped, and no record; the next window begins', SECONDS, async () => {
    const handler = `export const handler = async (event, context) => { say(event, context, { final: event.isFinalInvokeForWindow });
      if (event.isFinalInvokeForWindow && event.state.first) throw new Error('no end');
      return { state: { first: event.Records.some((r) => atob(r.kinesis.data) === 'a') } }; };`;
    const w = await world(redis, { handler, mapping: { batchSize: 2, tumblingWindowInSeconds: 2 } });
    await add(w.redis, 's', ['a']);
    w.start();
    await blocked(w);
    await add(w.redis, 's', ['b']);
    const asked = await cli(w, '--shard', SHARD);
    expect(asked.stdout).toContain(`m/${SHARD}: the end of a window would be skipped, behind `);
    // It is not what a record's position names.
    expect(await skipIt(w, '--to', (await w.state())['cp']!)).toMatchObject({ code: 1 });
    expect(await skipIt(w)).toMatchObject({ code: 0 });
    expect(await settled(w, 'n:succeeded', 2)).not.toHaveProperty('n:givenUp');
    const notices = await w.notices();
    expect(notices).toMatchObject([{ requestContext: { condition: 'SkippedByOperator' } }]);
    await eventually(
      () => w.state(),
      (s) => s['units'] === '[]' && (JSON.parse(s['win']!) as { open: boolean }).open === false,
      { what: 'the second window ended', withinMs: 20_000 },
    );
    expect(await w.notices()).toHaveLength(1);
  });

  test(
    'behind a filter: what that passes over is no record to be skipped, and is counted as ever',
    SECONDS,
    async () => {
      const filterCriteria = { filters: [{ pattern: { data: { keep: [true] } } }] };
      const handler = `export const handler = async () => { throw new Error('bad'); };`;
      const w = await world(redis, { handler, mapping: { batchSize: 2, filterCriteria } });
      const ids = await add(
        w.redis,
        's',
        [1, 0, 0, 1, 0, 1, 0].map((keep, i) => JSON.stringify({ keep: keep === 1, i })),
      );
      w.start();
      await blocked(w);
      const done = await skipIt(w, '--records', '3');
      expect(done).toMatchObject({
        code: 0,
        stdout: `m/${SHARD}: 3 records skipped, up to ${toSequenceNumber(ids[5]!)}\n`,
      });
      expect(await settled(w, 'n:filtered', 4)).toMatchObject({ 'n:givenUp': '3', cp: ids[6], read: '7' });
      expect((await w.notices()).map((n) => n.KinesisBatchInfo.batchSize)).toEqual([2, 1]);
    },
  );
});

test(
  'daemons and the command killed again and again: each record succeeds or has one notice, in order, never both',
  { timeout: 240_000 },
  async () => {
    const handler = `export const handler = async (event, context) => { say(event, context); await new Promise((r) => setTimeout(r, 100));
    return { output: event.Records.map((r) => ({ itemIdentifier: r.kinesis.sequenceNumber, data: atob(r.kinesis.data) })) }; };`;
    const w = await world(redis, { handler, mapping: { batchSize: 5, ...OUTPUT } });
    const ids = await add(w.redis, 's', numbers(3_200));
    const target = toSequenceNumber(ids[2_999]!);
    let killed = 0;
    let daemon = w.start();
    for (let round = 0; round < 12; round++) {
      await daemon.ready;
      const was = (await w.state())['n:givenUp'];
      const command = start(MILLRACE, [
        'mapping',
        'skip',
        'm',
        '-c',
        w.config,
        '--shard',
        SHARD,
        '--to',
        target,
        '--yes',
      ]);
      let over = false;
      void command.ended.then(() => (over = true));
      await eventually(
        async () => over || (await w.state())['n:givenUp'] !== was,
        (skips) => skips,
        { what: 'it skips, or is over', withinMs: 30_000 },
      );
      await wait(5 * (round % 4));
      if (!over) killed++;
      command.kill('SIGKILL');
      if (round % 3 === 2) {
        daemon.kill('SIGKILL');
        daemon = w.start();
      }
      if ((await command.ended).code !== null) break;
    }
    expect(killed).toBeGreaterThan(2);
    await skipIt(w, '--to', target);
    await eventually(
      () => w.state(),
      (s) => s['cp'] === ids.at(-1),
      { what: 'all is settled', withinMs: 60_000 },
    );
    const state = await w.state();
    const skipped = (await w.notices()).flatMap(dataOf);
    const appended = (await outputs(w)) as string[];
    const order = (texts: readonly string[]) => [...texts].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
    expect(skipped).toEqual(order(skipped));
    expect(appended).toEqual(order(appended));
    expect(order([...skipped, ...appended])).toEqual(numbers(3_200));
    expect(appended.slice(-200)).toEqual(numbers(200, 3_000));
    expect(state).toMatchObject({
      'n:givenUp': String(skipped.length),
      'n:succeeded': String(appended.length),
      read: '3200',
    });
  },
);

test('what cannot be skipped: exit 1 with what, where and what to do, and nothing is changed', SECONDS, async () => {
  const w = await world(redis, { handler: BAD, mapping: { batchSize: 1 } });
  expect((await skipIt(w)).stderr).toContain('mapping m: Redis holds no mapping of that name');
  const ids = await add(w.redis, 's', ['a']);
  w.start();
  await settled(w, 'n:succeeded', 1);
  const before = await eventually(
    () => w.state(),
    (s) => s['owner'] === '',
    { what: 'the turn is over' },
  );
  const refusals: [string[], string][] = [
    [['--shard', SHARD], `${SHARD} of mapping m is not blocked`],
    [['--shard', SHARD, '--records', '1'], `${SHARD} of mapping m has no unsettled record there`],
    [['--shard', SHARD, '--to', ids[0]!], `${SHARD} of mapping m has no unsettled record there`],
    [['--shard', 'shardId-000000000009'], 'mapping m has no shard "shardId-000000000009"'],
    [['--shard', SHARD, '--records', '0'], '--records 0 is not from 1 to 100000'],
    [['--shard', SHARD, '--records', '1', '--to', '1-0'], '--records and --to say two things'],
    [['--shard', SHARD, '--to', 'soon'], '--to "soon" is no sequence number of mapping m'],
  ];
  for (const [args, message] of refusals) {
    const refused = await cli(w, ...args, '--yes');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(message);
  }
  expect(await w.state()).toEqual(before);
  expect(await w.notices()).toEqual([]);
  expect((await readAudit(w.redis, w.keys)).map(({ command }) => command)).toEqual(['start']);
});
