/** Tumbling windows on the real server: state from invocation to invocation, one final one for each window (docs/windows.md). */
import { expect, test } from 'vitest';
import { toSequenceNumber } from '../../src/record.ts';
import { eventually } from '../support/daemon.ts';
import { add } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';
import { finals, hear, LENGTH, PAST, put, summing, times, windowed } from '../support/windowed.ts';

const redis = useRedis();
const ARN = 'arn:millrace:redis:::stream/s';

test('state goes from invocation to invocation of a window; a final one ends it with the members that AWS has', async () => {
  const w = await windowed(redis, summing(), { batchSize: 2 });
  await put(w, [PAST, '1'], [PAST + 500, '2'], [PAST + 1_999, '3'], [PAST + LENGTH, '10']);
  const daemon = w.start();
  const all = await hear(5, 'both windows', daemon);
  const seen = all.map(({ data, state, final, early, window }) => ({ data, state, final, early, window }));
  const [one, two] = [times(PAST), times(PAST + LENGTH)];
  expect(seen.slice(0, 5)).toEqual([
    { data: ['1', '2'], state: {}, final: false, early: false, window: one },
    { data: ['3'], state: { sum: 3 }, final: false, early: false, window: one },
    { data: [], state: { sum: 6 }, final: true, early: false, window: one },
    { data: ['10'], state: {}, final: false, early: false, window: two },
    { data: [], state: { sum: 10 }, final: true, early: false, window: two },
  ]);
  const members = ['window', 'state', 'shardId', 'eventSourceARN', 'isFinalInvokeForWindow', 'isWindowTerminatedEarly'];
  for (const { keys, arn, in: shard } of all) {
    expect(keys).toEqual(['Records', ...members]);
    expect([arn, shard]).toEqual([ARN, 'shardId-000000000000']);
  }
  expect(await daemon.stop()).toBe(0);
  const state = await w.state();
  expect(state).toMatchObject({ units: '[]', winDue: '0', winState: '{}', 'n:succeeded': '4' });
  expect(JSON.parse(state['win']!)).toEqual({
    ...{ start: PAST + LENGTH, end: PAST + 2 * LENGTH, part: 0, open: false, early: false },
  });
});

test('a window ends by the clock when no record comes any more', async () => {
  const w = await windowed(redis, summing());
  const daemon = w.start();
  await daemon.ready;
  const [id] = await add(w.redis, 's', ['7']);
  const [end] = await finals(1, daemon);
  const ms = Number(id!.split('-')[0]);
  const start = Math.floor(ms / LENGTH) * LENGTH;
  expect(end).toMatchObject({ data: [], state: { sum: 7 }, final: true, early: false, window: times(start) });
  expect(end!.at).toBeGreaterThanOrEqual(start + LENGTH);
  expect(end!.at).toBeLessThan(start + LENGTH + 2_000);
});

test('outputs of a final invocation are named by the window, and are appended with its settle', async () => {
  const w = await windowed(redis, summing('', `return { output: [{ partitionKey: 'sum', data: event.state.sum }] };`), {
    output: { type: 'redis-stream', stream: 'out' },
  });
  await put(w, [PAST, '1'], [PAST + 1, '2'], [PAST + LENGTH, '3']);
  const daemon = w.start();
  await finals(2, daemon);
  const entries = await eventually(
    () => w.redis.xrange('out', '-', '+'),
    (all) => all.length === 2,
    { what: 'both sums' },
  );
  expect(entries.map(([, fields]) => fields)).toEqual([
    ['partitionKey', 'sum', 'data', '3', 'origin', `m/shardId-000000000000/1/w${PAST}/0`],
    ['partitionKey', 'sum', 'data', '3', 'origin', `m/shardId-000000000000/1/w${PAST + LENGTH}/0`],
  ]);
});

test('an answer without a state object fails the attempt; a final one needs none', async () => {
  const w = await windowed(redis, summing(`if (attempt === 1) return { sum: 1 };`), {
    maximumRetryAttempts: 3,
  });
  const [id] = await put(w, [PAST, '5']);
  const daemon = w.start();
  const all = await hear(3, 'the final invocation', daemon);
  expect(all.map(({ attempt, state, final }) => ({ attempt, state, final }))).toEqual([
    { attempt: 1, state: {}, final: false },
    { attempt: 2, state: {}, final: false },
    { attempt: 1, state: { sum: 5 }, final: true },
  ]);
  expect(toSequenceNumber(id!)).toBeDefined();
});
