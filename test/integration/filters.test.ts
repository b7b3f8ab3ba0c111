/** filterCriteria in the running engine: what is passed over is counted and never run, whatever happens to what is left. */
import { describe, expect, test } from 'vitest';
import { collectStatus } from '../../src/observe/status.ts';
import { toSequenceNumber } from '../../src/record.ts';
import { eventually, type TestDaemon } from '../support/daemon.ts';
import { heard, said, SAID, type World, world } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const KEEP = { filterCriteria: { filters: [{ pattern: { data: { keep: [true] } } }] } };
const NAMES = `const names = (event) => event.Records.map((r) => JSON.parse(atob(r.kinesis.data)).n);
const tell = (event, context) => console.log(JSON.stringify({ id: context.awsRequestId, attempt: context.millrace.attempt,
  data: names(event), first: context.millrace.firstSequenceNumber, last: context.millrace.lastSequenceNumber }));
`;
const GOOD = `${NAMES}export const handler = async (event, context) => { tell(event, context); };`;

/** `a` is kept, `-` is not; numbered in their order. */
async function put(w: World, marks: string, from = 0): Promise<string[]> {
  const pipeline = w.redis.pipeline();
  [...marks].forEach((mark, i) => {
    const data = mark === '!' ? 'no json' : JSON.stringify({ n: `${mark}${from + i}`, keep: mark !== '-' });
    pipeline.xadd('s', '*', 'partitionKey', mark, 'data', data);
  });
  return ((await pipeline.exec()) ?? []).map(([, id]) => String(id));
}

const settled = (w: World, counts: Record<string, string>) =>
  eventually(
    () => w.state(),
    (s) => Object.entries(counts).every(([name, n]) => (s[`n:${name}`] ?? '0') === n),
    { what: JSON.stringify(counts), withinMs: 30_000 },
  );
const batches = (daemon: TestDaemon) => said(daemon).map((s) => s.data.join());

/** Nothing is left behind the checkpoint, for Redis' own tools too, and every record is counted once. */
async function expectEnd(w: World, ids: readonly string[], total = ids.length): Promise<void> {
  const state = await w.state();
  expect(state).toMatchObject({ cp: ids.at(-1), read: String(total), units: '[]' });
  const counted = ['succeeded', 'filtered', 'givenUp', 'expired'].reduce(
    (sum, n) => sum + Number(state[`n:${n}`] ?? 0),
    0,
  );
  expect(counted).toBe(total);
  expect(state['n:lostBySource'] ?? '0').toBe('0');
  const [group] = (await w.redis.xinfo('GROUPS', 's')) as unknown[][];
  expect(group!.slice(group!.indexOf('entries-read'))).toEqual(['entries-read', total, 'lag', 0]);
}

describe('records that the filter passes over', () => {
  test('are not in the events, are counted, and the checkpoint passes them to the end', async () => {
    const w = await world(redis, { handler: GOOD, mapping: { ...KEEP, batchSize: 3 } });
    const ids = await put(w, '--a-bc--de-f!--');
    const daemon = w.start();
    const ready = await daemon.ready;
    await settled(w, { succeeded: '6', filtered: '9' });
    await expect.poll(() => batches(daemon), SAID).toEqual(['a2,b4,c5', 'd8,e9,f11']);
    await expectEnd(w, ids);
    const { mappings } = await collectStatus(w.redis, w.keys);
    expect(mappings[0]!.shards[0]).toMatchObject({ lag: 0, settled: { succeeded: 6, filtered: 9 } });
    const metrics = await (await fetch(`http://${String(ready['http'])}/metrics`)).text();
    expect(metrics).toMatch(/millrace_records_settled_total\{mapping="m",outcome="filtered"\} 9/);
    // More of them, with nothing for the function: no invocation.
    const more = await put(w, '-'.repeat(2_500));
    await settled(w, { succeeded: '6', filtered: '2509' });
    await expectEnd(w, more, ids.length + more.length);
    expect(said(daemon)).toHaveLength(2);
    expect(await daemon.stop()).toBe(0);
  });

  test('do not count for the size of a batch, however many lie between', async () => {
    const w = await world(redis, { handler: GOOD, mapping: { ...KEEP, batchSize: 5 } });
    const ids = await put(w, `${'-'.repeat(700)}a`.repeat(12));
    const daemon = w.start();
    await settled(w, { succeeded: '12', filtered: '8400' });
    await expect.poll(() => said(daemon).map((s) => s.data.length), SAID).toEqual([5, 5, 2]);
    await expectEnd(w, ids);
  });

  test('are not part of what bisect halves, retries repeat and notices hold', async () => {
    const handler = `${NAMES}export const handler = async (event, context) => { tell(event, context);
      if (names(event).some((n) => n.startsWith('x'))) throw new RangeError('poison'); };`;
    const mapping = { ...KEEP, batchSize: 4, bisectBatchOnFunctionError: true, maximumRetryAttempts: 1 };
    const w = await world(redis, { handler, mapping });
    const ids = await put(w, '-a--x-b---c--');
    const daemon = w.start();
    await settled(w, { succeeded: '3', givenUp: '1', filtered: '9' });
    await expect.poll(() => batches(daemon), SAID).toEqual(['a1,x4,b6,c10', 'a1,x4', 'a1', 'x4', 'x4', 'b6,c10']);
    await expectEnd(w, ids);
    const [notice, ...others] = await w.notices();
    expect(others).toEqual([]);
    const x = toSequenceNumber(ids[4]!);
    expect(notice!.KinesisBatchInfo).toMatchObject({ batchSize: 1, startSequenceNumber: x, endSequenceNumber: x });
    const payload = JSON.parse(notice!.payload!) as { Records: { kinesis: { sequenceNumber: string } }[] };
    expect(payload.Records.map((r) => r.kinesis.sequenceNumber)).toEqual([x]);
  });

  test('lie between what a partial response settles and what runs again', async () => {
    const handler = `${NAMES}let first = true;
      export const handler = async (event, context) => { tell(event, context);
        if (!first) return; first = false;
        return { batchItemFailures: [{ itemIdentifier: event.Records[2].kinesis.sequenceNumber }] }; };`;
    const w = await world(redis, { handler, mapping: { ...KEEP, functionResponseTypes: ['ReportBatchItemFailures'] } });
    const ids = await put(w, 'a--b--c--d-');
    const daemon = w.start();
    await settled(w, { succeeded: '4', filtered: '7' });
    await expect.poll(() => batches(daemon), SAID).toEqual(['a0,b3,c6,d9', 'c6,d9']);
    expect(said(daemon)[1]).toMatchObject({ first: toSequenceNumber(ids[6]!), last: toSequenceNumber(ids[9]!) });
    await expectEnd(w, ids);
  });

  test('may be poison: they are never run', async () => {
    const handler = `${NAMES}export const handler = async (event, context) => { tell(event, context);
      if (names(event).some((n) => n.startsWith('-'))) process.exit(1); };`;
    const w = await world(redis, { handler, mapping: KEEP });
    const ids = await put(w, '-a-!-b');
    w.start();
    await settled(w, { succeeded: '2', filtered: '4' });
    await expectEnd(w, ids);
    expect(await w.notices()).toEqual([]);
  });

  test('are neither repeated nor lost when daemons are killed in between', { timeout: 120_000 }, async () => {
    const handler = `${NAMES}export const handler = async (event, context) => { tell(event, context); await new Promise((r) => setTimeout(r, 30)); };`;
    const w = await world(redis, { handler, mapping: { ...KEEP, batchSize: 3 } });
    const marks = '-a--b-c---'.repeat(60);
    const ids = await put(w, marks);
    const daemons: TestDaemon[] = [];
    for (let n = 1; n <= 4; n++) {
      const daemon = w.start();
      daemons.push(daemon);
      await daemon.ready;
      await eventually(
        () => w.state(),
        (s) => Number(s['n:succeeded'] ?? 0) >= n * 30,
        { what: `${n * 30} settled`, withinMs: 40_000 },
      );
      if (n < 4) daemon.kill('SIGKILL');
    }
    await settled(w, { succeeded: '180', filtered: '420' });
    await expectEnd(w, ids);
    const expected = [...marks].flatMap((mark, i) => (mark === '-' ? [] : [`${mark}${i}`]));
    const seen = () => said(...daemons).flatMap((s) => s.data);
    await expect.poll(() => [...new Set(seen())].sort(), SAID).toEqual([...expected].sort());
    // A kill repeats at most the batch that it hit.
    expect(seen().length - expected.length).toBeLessThanOrEqual(3 * 3);
  });
});

describe('a changed filter', () => {
  test('lets a blocked shard go on: what was not settled goes through the new one', { timeout: 60_000 }, async () => {
    const handler = `${NAMES}export const handler = async (event, context) => { tell(event, context);
      if (names(event).some((n) => n.startsWith('x'))) throw new Error('poison'); };`;
    const w = await world(redis, { handler, mapping: { ...KEEP, batchSize: 3 } });
    const ids = await put(w, 'a-x-b-c');
    const first = w.start();
    await heard(3, first);
    expect(await first.stop()).toBe(0);
    expect(JSON.parse((await w.state())['units']!)).toMatchObject([{ count: 3, passes: { count: 3 } }]);
    const pattern = { data: { keep: [true], n: [{ 'anything-but': { prefix: 'x' } }] } };
    const changed = await world(redis, {
      ...{ handler, mapping: { batchSize: 3, filterCriteria: { filters: [{ pattern }] } } },
    });
    const second = changed.start();
    await settled(w, { succeeded: '3', filtered: '4' });
    await expect.poll(() => batches(second), SAID).toEqual(['a0,b4,c6']);
    await expectEnd(w, ids);
    expect(await w.notices()).toEqual([]);
  });
});

describe('with a batching window', () => {
  const mapping = { ...KEEP, batchSize: 3, maximumBatchingWindowInSeconds: 3 };

  test('a batch of three waits for three that pass, or for the window', { timeout: 60_000 }, async () => {
    const w = await world(redis, { handler: GOOD, mapping });
    const daemon = w.start();
    await daemon.ready;
    await put(w, 'abc');
    await settled(w, { succeeded: '3' });
    await heard(1, daemon);
    // Many that do not pass fill no batch: it waits for its window, from the first one that passes.
    const from = Date.now();
    const ids = await put(w, `--d${'-'.repeat(50)}e----`);
    await settled(w, { succeeded: '5', filtered: '56' });
    const [, late] = await heard(2, daemon);
    expect(late!.data).toHaveLength(2);
    expect(late!.at - from).toBeGreaterThanOrEqual(2_900);
    await expectEnd(w, ids, 61);
    // Three that pass do.
    const again = Date.now();
    await put(w, 'f--g--h--');
    const [, , full] = await heard(3, daemon);
    expect(full!.data).toHaveLength(3);
    expect(full!.at - again).toBeLessThan(2_900);
    await settled(w, { succeeded: '8', filtered: '62' });
  });
});
