/** Tumbling windows on the real server: state from invocation to invocation, one final one for each window (docs/windows.md). */
import { expect, test } from 'vitest';
import { toSequenceNumber } from '../../src/record.ts';
import { eventually, type TestDaemon } from '../support/daemon.ts';
import { add, type Said, said, type World, world, type WorldSpec } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const LENGTH = 2_000;
const ARN = 'arn:millrace:redis:::stream/s';

interface Told extends Said {
  readonly window: { readonly start: string; readonly end: string };
  readonly state: Record<string, unknown>;
  readonly final: boolean;
  readonly early: boolean;
  readonly keys: readonly string[];
  readonly arn: string;
  readonly in: string;
}

/** Says everything; sums what it is given. `MOVES` may be put in front of the sum. */
const summing = (moves = '', end = '') => `export const handler = async (event, context) => {
  const final = event.isFinalInvokeForWindow;
  say(event, context, { window: event.window, state: event.state, final, early: event.isWindowTerminatedEarly,
    keys: Object.keys(event), arn: event.eventSourceARN, in: event.shardId });
  const data = event.Records.map((r) => Buffer.from(r.kinesis.data, 'base64').toString());
  if (final) { ${end} return {}; }
  ${moves}
  return { state: { sum: (event.state.sum ?? 0) + data.reduce((sum, text) => sum + Number(text), 0) } };
};`;

const told = (...daemons: readonly TestDaemon[]) => said(...daemons) as Told[];
const hear = (n: number, what: string, ...daemons: readonly TestDaemon[]) =>
  eventually(
    () => told(...daemons),
    (all) => all.length >= n,
    { what, withinMs: 60_000 },
  );
const finals = (n: number, ...daemons: readonly TestDaemon[]) =>
  eventually(
    () => told(...daemons).filter(({ final }) => final),
    (all) => all.length >= n,
    { what: `${n} final invocations`, withinMs: 60_000 },
  );

/** Beginning of a window of the past, so that everything put into it is old. */
const PAST = Math.floor((Date.now() - 3_600_000) / LENGTH) * LENGTH;
const iso = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
const times = (start: number) => ({ start: iso(start), end: iso(start + LENGTH) });

/** Records at given moments of the past, in order. */
async function put(w: World, ...records: readonly (readonly [ms: number, text: string])[]): Promise<string[]> {
  const ids: string[] = [];
  for (const [ms, text] of records) ids.push(...(await add(w.redis, 's', [text], `${ms}-*`)));
  return ids;
}

const windowed = (handler: string, mapping: Record<string, unknown> = {}, more: Partial<WorldSpec> = {}) =>
  world(redis, { handler, mapping: { tumblingWindowInSeconds: LENGTH / 1_000, ...mapping }, ...more });

test('state goes from invocation to invocation of a window; a final one ends it with the members that AWS has', async () => {
  const w = await windowed(summing(), { batchSize: 2 });
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
  const w = await windowed(summing());
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
  const w = await windowed(summing('', `return { output: [{ partitionKey: 'sum', data: event.state.sum }] };`), {
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
  const w = await windowed(summing(`if (context.millrace.attempt === 1) return { sum: 1 };`), {
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
