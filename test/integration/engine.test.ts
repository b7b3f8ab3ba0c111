/** The engine as a user runs it: real daemons, a real Redis, real isolates. */
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/daemon.ts';
import { add, heard, numbers, said, SAID, world } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const GOOD = `export const handler = async (event, context) => { say(event, context); };`;

describe('records that succeed', () => {
  test('reach the handler once, in order, and the marker shows it', async () => {
    const w = await world(redis, { handler: GOOD, mapping: { batchSize: 7 } });
    await add(w.redis, 's', numbers(50));
    const daemon = w.start();
    await daemon.ready;
    await add(w.redis, 's', numbers(10, 50));
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '60',
      { what: '60 records settled' },
    );
    await expect.poll(() => said(daemon).flatMap((s) => s.data), SAID).toEqual(numbers(60));
    expect(Math.max(...said(daemon).map((s) => s.data.length))).toBe(7);
    const [group] = (await w.redis.xinfo('GROUPS', 's')) as unknown[][];
    const facts = Object.fromEntries(
      Array.from({ length: group!.length / 2 }, (_, i) => [group![2 * i], group![2 * i + 1]]),
    );
    expect(facts).toMatchObject({ name: 'millrace:m', lag: 0, 'entries-read': 60 });
    expect(await daemon.stop()).toBe(0);
  });

  test('come from a key that does not exist yet', async () => {
    const w = await world(redis, { handler: GOOD, mapping: { startingPosition: 'LATEST' } });
    const daemon = w.start();
    await daemon.ready;
    await add(w.redis, 's', ['a', 'b']);
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '2',
      { what: 'both records settled' },
    );
    await expect.poll(() => said(daemon).flatMap((s) => s.data), SAID).toEqual(['a', 'b']);
  });

  test('LATEST skips what was there before, AT_TIMESTAMP what came earlier', async () => {
    const mapping = (name: string, more: object) => ({
      [name]: { function: 'f', source: { type: 'redis-stream', stream: 's' }, ...more },
    });
    await add(redis.client, 's', ['old'], '1700000000000-0');
    await add(redis.client, 's', ['new'], '1700000001000-0');
    const w = await world(redis, {
      handler: GOOD,
      mappings: {
        ...mapping('late', { startingPosition: 'LATEST' }),
        ...mapping('from', { startingPosition: 'AT_TIMESTAMP', startingPositionTimestamp: 1_700_000_000.5 }),
      },
    });
    const daemon = w.start();
    await daemon.ready;
    await add(w.redis, 's', ['last']);
    await eventually(
      () => said(daemon).length,
      (n) => n >= 2,
      { what: 'both mappings ran' },
    );
    await eventually(
      () => w.state('from'),
      (s) => s['n:succeeded'] === '2',
      { what: 'two records from the timestamp on' },
    );
    const of = (name: string) =>
      said(daemon)
        .filter((s) => s.mapping === name)
        .flatMap((s) => s.data);
    expect(of('late')).toEqual(['last']);
    expect(of('from')).toEqual(['new', 'last']);
  });
});

describe('records that fail', () => {
  test('hold their shard, keep their request id, and others wait behind them', async () => {
    const handler = `let tries = 0;
      export const handler = async (event, context) => { say(event, context); if (++tries < 3) throw new TypeError('not yet'); };`;
    const w = await world(redis, { handler, mapping: { batchSize: 2 } });
    await add(w.redis, 's', numbers(4));
    const daemon = w.start();
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '4',
      { what: 'all settled' },
    );
    const attempts = await heard(4, daemon);
    expect(attempts.map((s) => s.data.join())).toEqual(['r0,r1', 'r0,r1', 'r0,r1', 'r2,r3']);
    expect(new Set(attempts.slice(0, 3).map((s) => s.id)).size).toBe(1);
    expect(attempts.map((s) => s.attempt)).toEqual([1, 2, 3, 1]);
    expect(attempts[1]!.at - attempts[0]!.at).toBeGreaterThanOrEqual(195);
    expect(attempts[2]!.at - attempts[1]!.at).toBeGreaterThanOrEqual(390);
  });

  test('are given up by policy, one notice each, with the event in it', async () => {
    const handler = `export const handler = async (event, context) => { say(event, context);
      if (event.Records.some((r) => atob(r.kinesis.data) === 'bad')) throw new RangeError('poison'); };`;
    const w = await world(redis, {
      handler,
      mapping: { batchSize: 4, bisectBatchOnFunctionError: true, maximumRetryAttempts: 1 },
    });
    const ids = await add(w.redis, 's', ['a', 'bad', 'b', 'c']);
    const daemon = w.start();
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '3',
      { what: 'the healthy ones settled' },
    );
    // The trace of esm-semantics.md §1.8.
    await expect
      .poll(() => said(daemon).map((s) => s.data.join()), SAID)
      .toEqual(['a,bad,b,c', 'a,bad', 'a', 'bad', 'bad', 'b,c']);
    const notices = await w.notices();
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatchObject({
      requestContext: { condition: 'RetryAttemptsExhausted', approximateInvokeCount: 2 },
      responseContext: { functionError: 'Unhandled' },
      KinesisBatchInfo: { batchSize: 1 },
      error: { errorType: 'RangeError', errorMessage: 'poison' },
    });
    const payload = JSON.parse(notices[0]!.payload!) as { Records: { kinesis: { data: string } }[] };
    expect(payload.Records.map((r) => atob(r.kinesis.data))).toEqual(['bad']);
    expect(await w.state()).toMatchObject({ cp: ids[3], 'n:givenUp': '1', 'n:succeeded': '3' });
  });

  test('partial responses go on from the reported record', async () => {
    const handler = `const failed = new Set();
      export const handler = async (event, context) => { say(event, context);
        const bad = event.Records.find((r) => atob(r.kinesis.data) === 'b' && !failed.has('b'));
        if (bad) { failed.add('b'); return { batchItemFailures: [{ itemIdentifier: bad.kinesis.sequenceNumber }] }; } };`;
    const w = await world(redis, { handler, mapping: { functionResponseTypes: ['ReportBatchItemFailures'] } });
    await add(w.redis, 's', ['a', 'b', 'c']);
    const daemon = w.start();
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '3',
      { what: 'all settled' },
    );
    await expect.poll(() => said(daemon).map((s) => s.data.join()), SAID).toEqual(['a,b,c', 'b,c']);
  });

  test('expire within a second of a written-out age, untried when overdue, and the healthy rest is delivered', async () => {
    const handler = `export const handler = async (event, context) => { say(event, context); throw new Error('never'); };`;
    const w = await world(redis, { handler, mapping: { maximumRecordAgeInSeconds: 60, batchSize: 2 } });
    const now = Date.now();
    await add(w.redis, 's', ['overdue'], `${now - 100_000}-0`);
    await add(w.redis, 's', ['soon'], `${now - 50_000}-0`);
    const daemon = w.start();
    await eventually(
      () => w.state(),
      (s) => s['n:expired'] === '2',
      { what: 'both expired' },
    );
    expect(Date.now() - now).toBeLessThan(10_000 + 1_500);
    expect(new Set(said(daemon).flatMap((s) => s.data))).toEqual(new Set(['soon']));
    const conditions = (await w.notices()).map((n) => [n.requestContext.condition, n.KinesisBatchInfo.batchSize]);
    expect(conditions).toEqual([
      ['RecordAgeExceeded', 1],
      ['RecordAgeExceeded', 1],
    ]);
  });
});

describe('batching windows', () => {
  test('a partial batch waits for its window, a full one does not', async () => {
    const w = await world(redis, { handler: GOOD, mapping: { batchSize: 3, maximumBatchingWindowInSeconds: 4 } });
    const daemon = w.start();
    await daemon.ready;
    // A full batch first, so that no cold start is in what follows.
    await add(w.redis, 's', numbers(3));
    await eventually(
      () => said(daemon).length,
      (n) => n === 1,
      { what: 'a full batch ran' },
    );
    await add(w.redis, 's', numbers(4, 3));
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '7',
      { what: 'all settled' },
    );
    const [warm, full, rest] = await heard(3, daemon);
    expect([full!.data.length, rest!.data.length]).toEqual([3, 1]);
    expect(full!.at - warm!.at).toBeLessThan(4_000);
    expect(rest!.at - full!.at).toBeGreaterThanOrEqual(3_950);
  });
});

describe('the source loses records', () => {
  test('a trim before reading is a gap with its positions', async () => {
    const w = await world(redis, { handler: GOOD });
    const ids = await add(w.redis, 's', numbers(3));
    const daemon = w.start();
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '3',
      { what: 'the first three settled' },
    );
    expect(await daemon.stop()).toBe(0);
    await add(w.redis, 's', numbers(5, 3));
    await w.redis.xtrim('s', 'MAXLEN', 2);
    const second = w.start();
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '5',
      { what: 'the rest settled' },
    );
    expect(await w.state()).toMatchObject({ 'n:lostBySource': '3' });
    const [notice, ...more] = await w.notices();
    expect(more).toEqual([]);
    expect(notice).toMatchObject({ requestContext: { condition: 'SourceGap' }, KinesisBatchInfo: { batchSize: 3 } });
    expect(notice!.payload).toBeUndefined();
    expect(BigInt(notice!.KinesisBatchInfo.startSequenceNumber)).toBeGreaterThan(
      BigInt(ids[2]!.split('-')[0]!) * 10n ** 20n,
    );
    await expect.poll(() => said(second).flatMap((s) => s.data), SAID).toEqual(['r6', 'r7']);
  });

  test('a stream made anew is read from its beginning', async () => {
    const w = await world(redis, { handler: GOOD });
    await add(w.redis, 's', numbers(3));
    const daemon = w.start();
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '3',
      { what: 'the old ones settled' },
    );
    await w.redis.del('s');
    await add(w.redis, 's', ['anew'], '5-0');
    await eventually(
      () => w.state(),
      (s) => s['n:succeeded'] === '4',
      { what: 'the new one settled', withinMs: 20_000 },
    );
    expect(await w.state()).toMatchObject({ gen: '2', cp: '5-0' });
    expect((await w.notices()).map((n) => n.requestContext.condition)).toEqual(['SourceGap']);
    await expect.poll(() => said(daemon).at(-1)!.data, SAID).toEqual(['anew']);
  });
});
