/** What becomes of a tumbling window when something fails, and together with other options, on the real server (docs/windows.md). */
import { expect, test } from 'vitest';
import { toSequenceNumber } from '../../src/record.ts';
import { eventually } from '../support/daemon.ts';
import { add, type Notice } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';
import { finals, hear, LENGTH, PAST, put, story, summing, times, told, windowed } from '../support/windowed.ts';

const redis = useRedis();

interface WindowNotice extends Notice {
  readonly timeWindowInfo?: {
    readonly timeWindow: unknown;
    readonly isFinalInvokeForWindow: boolean;
    readonly isWindowTerminatedEarly: boolean;
  };
}

test('a state that is too large ends its window at once, whole; the rest of the period is another part', async () => {
  const large = `if (sum >= 3 && sum < 10) return { state: { sum, s: 'x'.repeat(1_048_576) } };`;
  const end = `return { output: [{ partitionKey: 'p', data: [event.state.sum, event.state.s?.length ?? 0] }] };`;
  // Its own log would be cut: the handler says the length only.
  const handler = summing(large, end).replace('state: event.state, final', 'state: { sum: event.state.sum }, final');
  const w = await windowed(redis, handler, { batchSize: 2, output: { type: 'redis-stream', stream: 'out' } });
  await put(w, [PAST, '1'], [PAST + 1, '2'], [PAST + 2, '20'], [PAST + LENGTH, '30']);
  const daemon = w.start();
  const all = await hear(6, 'three windows', daemon);
  expect(story(all)).toEqual([
    ...['1+2 of {}', 'end of {"sum":3}', '20 of {}', 'end of {"sum":20}', '30 of {}', 'end of {"sum":30}'],
  ]);
  expect(all.map(({ early }) => early)).toEqual([false, true, false, false, false, false]);
  expect(all.slice(0, 4).map(({ window }) => window)).toEqual(Array.from({ length: 4 }, () => times(PAST)));
  const entries = await eventually(
    () => w.redis.xrange('out', '-', '+'),
    (list) => list.length === 3,
    { what: 'all sums' },
  );
  expect(entries.map(([, fields]) => [fields[3], fields[5]])).toEqual([
    ['[3,1048576]', `m/shardId-000000000000/1/w${PAST}/0`],
    ['[20,0]', `m/shardId-000000000000/1/w${PAST}.1/0`],
    ['[30,0]', `m/shardId-000000000000/1/w${PAST + LENGTH}/0`],
  ]);
});

test('a final invocation is retried under one request id, before anything of the next window', async () => {
  const w = await windowed(redis, summing('', `if (attempt < 3) throw new Error('not yet');`));
  await put(w, [PAST, '1'], [PAST + LENGTH, '2']);
  const daemon = w.start();
  const all = await hear(8, 'both windows', daemon);
  const ends = (sum: number) => Array.from({ length: 3 }, () => `end of {"sum":${sum}}`);
  expect(story(all)).toEqual(['1 of {}', ...ends(1), '2 of {}', ...ends(2)]);
  expect(all.map(({ attempt }) => attempt)).toEqual([1, 1, 2, 3, 1, 1, 2, 3]);
  expect(new Set(all.map(({ id }) => id)).size).toBe(4);
  expect(await w.notices()).toEqual([]);
});

test('a final invocation whose retries are used up leaves a notice with its whole event, and the next window follows', async () => {
  const w = await windowed(redis, summing('', `if (event.state.sum === 1) throw new TypeError('never');`), {
    maximumRetryAttempts: 1,
  });
  await put(w, [PAST, '1'], [PAST + LENGTH, '2']);
  const daemon = w.start();
  const all = await hear(5, 'both windows', daemon);
  expect(story(all)).toEqual(['1 of {}', 'end of {"sum":1}', 'end of {"sum":1}', '2 of {}', 'end of {"sum":2}']);
  const [notice] = (await w.notices()) as WindowNotice[];
  expect(notice).toMatchObject({
    requestContext: { condition: 'RetryAttemptsExhausted', approximateInvokeCount: 2, requestId: all[1]!.id },
    responseContext: { functionError: 'Unhandled' },
    error: { errorType: 'TypeError', errorMessage: 'never' },
    timeWindowInfo: { isFinalInvokeForWindow: true, isWindowTerminatedEarly: false },
  });
  expect(Object.keys(notice!.KinesisBatchInfo).sort()).toEqual(['shardId', 'streamArn']);
  expect(JSON.parse(notice!.payload!)).toMatchObject({
    ...{ Records: [], window: times(PAST), state: { sum: 1 }, isFinalInvokeForWindow: true },
  });
  await expect.poll(() => w.state()).toMatchObject({ 'n:succeeded': '2' });
  expect(await w.state()).not.toHaveProperty('n:givenUp');
});

test('halves carry the state from the left to the right; what is given up is not in the sum', async () => {
  const w = await windowed(redis, summing(`if (Number.isNaN(sum)) throw new Error('no number');`), {
    ...{ bisectBatchOnFunctionError: true, maximumRetryAttempts: 0 },
  });
  const [, , bad] = await put(w, [PAST, '1'], [PAST + 1, '2'], [PAST + 2, 'bad'], [PAST + 3, '4']);
  const daemon = w.start();
  const [end] = await finals(1, daemon);
  expect(end!.state).toEqual({ sum: 7 });
  expect(story(told(daemon))).toEqual([
    ...['1+2+bad+4 of {}', '1+2 of {}', 'bad+4 of {"sum":3}', 'bad of {"sum":3}', '4 of {"sum":3}'],
    'end of {"sum":7}',
  ]);
  const [notice] = (await w.notices()) as WindowNotice[];
  expect(notice!.KinesisBatchInfo).toMatchObject({ batchSize: 1, startSequenceNumber: toSequenceNumber(bad!) });
  expect(notice!.timeWindowInfo).toMatchObject({ isFinalInvokeForWindow: false });
  expect(JSON.parse(notice!.payload!)).toMatchObject({ window: times(PAST), state: { sum: 3 } });
});

test('a partial success settles its records with the state that came with it', async () => {
  const partial = `const failed = data.indexOf('4');
    if (failed > 0) return { state: { sum: (event.state.sum ?? 0) + data.slice(0, failed).reduce((total, text) => total + Number(text), 0) },
      batchItemFailures: [{ itemIdentifier: event.Records[failed].kinesis.sequenceNumber }] };`;
  const w = await windowed(redis, summing(partial), { functionResponseTypes: ['ReportBatchItemFailures'] });
  await put(w, [PAST, '1'], [PAST + 1, '2'], [PAST + 2, '4'], [PAST + 3, '8']);
  const daemon = w.start();
  await finals(1, daemon);
  expect(story(told(daemon))).toEqual(['1+2+4+8 of {}', '4+8 of {"sum":3}', 'end of {"sum":15}']);
});

test('what a filter passes over neither begins a window nor is in one', async () => {
  const pattern = { partitionKey: [{ 'anything-but': 'x' }] };
  const w = await windowed(redis, summing(), { filterCriteria: { filters: [{ pattern }] } });
  await put(
    w,
    [PAST, 'x'],
    [PAST + LENGTH, '1'],
    [PAST + LENGTH + 1, 'x'],
    [PAST + 2 * LENGTH, 'x'],
    [PAST + 3 * LENGTH, '2'],
  );
  await put(w, [PAST + 4 * LENGTH, 'x']);
  const daemon = w.start();
  await finals(2, daemon);
  await expect.poll(() => w.state()).toMatchObject({ 'n:succeeded': '2', 'n:filtered': '4', winDue: '0' });
  const all = told(daemon);
  expect(story(all)).toEqual(['1 of {}', 'end of {"sum":1}', '2 of {}', 'end of {"sum":2}']);
  expect(all.map(({ window }) => window)).toEqual([1, 1, 3, 3].map((n) => times(PAST + n * LENGTH)));
});

test('a batch that waits for more does not wait beyond the end of its tumbling window', async () => {
  const w = await windowed(redis, summing(), { maximumBatchingWindowInSeconds: 60 });
  const daemon = w.start();
  await daemon.ready;
  const [first] = await add(w.redis, 's', ['1']);
  const all = await hear(2, 'the batch and its end', daemon);
  const end = (Math.floor(Number(first!.split('-')[0]) / LENGTH) + 1) * LENGTH;
  expect(story(all)).toEqual(['1 of {}', 'end of {"sum":1}']);
  expect(all[0]!.at).toBeGreaterThanOrEqual(end);
  // Far from the minute that the batch would have waited.
  expect(all[1]!.at).toBeLessThan(end + 20_000);
});
