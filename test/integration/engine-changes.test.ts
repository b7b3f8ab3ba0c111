/** Configurations, versions and records that are not as they were, or not as one expects them. */
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/daemon.ts';
import { heard, add, configOf, said, SAY, world, SAID } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const GOOD = `export const handler = async (event, context) => { say(event, context); };`;
const QUIET = `export const handler = async (event, context) => {
  console.log(JSON.stringify({ id: context.awsRequestId, attempt: context.millrace.attempt, data: event.Records.map((r) => r.kinesis.partitionKey) })); };`;
const BAD = `export const handler = async (event, context) => { say(event, context); throw new Error('bad'); };`;
const succeeded = (n: number) => (s: Record<string, string>) => s['n:succeeded'] === String(n);

describe('what changes while a unit waits', () => {
  test('a smaller batchSize and a fixed function: the unit is retried as it was', async () => {
    const w = await world(redis, { handler: BAD, mapping: { batchSize: 4 } });
    await add(w.redis, 's', ['a', 'b', 'c', 'd', 'e']);
    const first = w.start();
    await eventually(
      () => said(first).length,
      (n) => n >= 2,
      { what: 'two failures' },
    );
    expect(await first.stop()).toBe(0);
    await writeFile(w.config, configOf({ handler: GOOD, mapping: { batchSize: 2 } }, redis.url));
    await writeFile(`${w.dir}/handler.mjs`, SAY + GOOD);
    const second = w.start();
    // Scripts are cached by nobody for good.
    await second.ready;
    await w.redis.script('FLUSH');
    await eventually(() => w.state(), succeeded(5), { what: 'all settled' });
    const retried = await heard(2, second);
    expect(retried.map((s) => s.data.join())).toEqual(['a,b,c,d', 'e']);
    expect(retried[0]!.id).toBe(said(first)[0]!.id);
  });

  test('a mapping that is taken out and put back goes on at its checkpoint', async () => {
    const w = await world(redis, { handler: GOOD });
    const first = w.start();
    await add(w.redis, 's', ['a']);
    await eventually(() => w.state(), succeeded(1), { what: 'a' });
    expect(await first.stop()).toBe(0);
    const other = {
      other: { function: 'f', source: { type: 'redis-stream', stream: 'o' }, startingPosition: 'LATEST' },
    };
    await writeFile(w.config, configOf({ handler: GOOD, mappings: other }, redis.url));
    const without = w.start();
    await without.ready;
    await add(w.redis, 's', ['b']);
    expect(await without.stop()).toBe(0);
    await writeFile(w.config, configOf({ handler: GOOD, mapping: { startingPosition: 'TRIM_HORIZON' } }, redis.url));
    const again = w.start();
    await eventually(() => w.state(), succeeded(2), { what: 'b' });
    await expect.poll(() => said(first, without, again).flatMap((s) => s.data), SAID).toEqual(['a', 'b']);
  });
});

describe('versions', () => {
  test('a roll-back elsewhere does not put daemons of the very same version to rest', async () => {
    const w = await world(redis, { handler: GOOD });
    const older = w.start();
    await older.ready;
    await writeFile(`${w.dir}/handler.mjs`, `${SAY}// newer\n${GOOD}`);
    const newer = w.start();
    await newer.ready;
    await older.line((l) => l.msg.startsWith('a newer version'), 'it steps back');
    // The roll-back registers the old version anew before the older daemon has noticed that the newer one is gone.
    older.kill('SIGSTOP');
    expect(await newer.stop()).toBe(0);
    await writeFile(`${w.dir}/handler.mjs`, SAY + GOOD);
    const back = w.start();
    await back.ready;
    older.kill('SIGCONT');
    await older.line((l) => l.msg === 'taking turns again', 'it takes turns again');
  });
});

describe('records of unusual size', () => {
  test('one that no event can hold is given up with its notice, its neighbours are delivered', async () => {
    const w = await world(redis, { handler: QUIET, mapping: { maximumRetryAttempts: 0, batchSize: 10 } });
    const put = (key: string, bytes: number) =>
      w.redis.xadd('s', '*', 'partitionKey', key, 'data', Buffer.alloc(bytes, 'x'));
    await put('a', 10);
    await put('huge', 9_000_000);
    await put('b', 3_000_000);
    await put('c', 3_000_000);
    await put('d', 10);
    const daemon = w.start();
    await eventually(() => w.state(), succeeded(4), { what: 'the others settled' });
    await expect.poll(() => said(daemon).flatMap((s) => s.data), SAID).toEqual(['a', 'b', 'c', 'd']);
    const notices = await w.notices();
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatchObject({
      error: { errorType: 'MaximumPayloadSizeExceeded' },
      KinesisBatchInfo: { batchSize: 1 },
    });
    expect(await w.state()).toMatchObject({ 'n:givenUp': '1', 'n:succeeded': '4' });
  });

  test('thousands of records of many small fields are read in smaller steps, and disturb nobody', async () => {
    const mapping = (stream: string) => ({
      ...{
        function: 'f',
        source: { type: 'redis-stream', stream },
        startingPosition: 'TRIM_HORIZON',
        batchSize: 10_000,
      },
    });
    const w = await world(redis, {
      handler: QUIET,
      function: { memorySize: 512 },
      mappings: { m: mapping('s'), other: mapping('o') },
    });
    const fields = Array.from({ length: 70 }, (_, i) => [`field-number-${i}`, 'v'.repeat(40)]).flat();
    for (let i = 0; i < 10; i++) {
      const fill = w.redis.pipeline();
      for (let j = 0; j < 1_000; j++) fill.xadd('s', '*', 'partitionKey', 'k', ...fields);
      await fill.exec();
    }
    const daemon = w.start();
    await daemon.ready;
    await add(w.redis, 'o', ['a']);
    await eventually(() => w.state('other'), succeeded(1), { what: 'the other mapping' });
    await eventually(() => w.state(), succeeded(10_000), { what: 'all settled', withinMs: 25_000 });
  });
});

describe('records of last week', () => {
  test('are tried; the one that fails by itself expires with a notice, also across a crash', async () => {
    const handler = `export const handler = async (event, context) => { say(event, context);
      await new Promise((r) => setTimeout(r, 150));
      if (event.Records.some((r) => atob(r.kinesis.data) === 'bad')) throw new Error('poison'); };`;
    const w = await world(redis, { handler, mapping: { batchSize: 6 } });
    const old = Date.now() - 7 * 24 * 3_600_000;
    const texts = ['a', 'b', 'bad', 'c', 'd', 'e'];
    for (const [i, text] of texts.entries()) await add(w.redis, 's', [text], `${old + i}-0`);
    const first = w.start();
    await eventually(
      () => said(first).some((s) => s.data.join() === 'b'),
      (yes) => yes,
      { what: 'record by record', everyMs: 5 },
    );
    first.kill('SIGKILL');
    const second = w.start();
    await eventually(() => w.state(), succeeded(5), { what: 'the healthy ones settled' });
    expect(await w.state()).toMatchObject({ 'n:expired': '1', cp: `${old + 5}-0`, units: '[]' });
    const notices = await w.notices();
    expect(notices.map((n) => [n.requestContext.condition, n.KinesisBatchInfo.batchSize])).toEqual([
      ['RecordAgeExceeded', 1],
    ]);
    expect(
      said(first)
        .map((s) => s.data.join())
        .slice(0, 2),
    ).toEqual(['a,b,bad,c,d,e', 'a']);
    await expect.poll(() => said(second).map((s) => s.data.join()), SAID).toContain('bad');
  });
});
