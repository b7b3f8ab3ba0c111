/** `millrace failures` of a mapping with tumbling windows: what failed is seen, and runs again as windows of its own, if that is asked for. */
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { add, SAY, type World, world } from '../support/engine.ts';
import { failingFor, failures, givenUp, nothingLeft, ONCE, redrive, REDRIVE_LINE, SHARD } from '../support/redrive.ts';
import { useRedis } from '../support/redis.ts';
import { finals, hear, LENGTH, PAST, put, story, summing, times, told, windowed } from '../support/windowed.ts';

vi.setConfig({ testTimeout: 120_000 });
const redis = useRedis();
const [WINDOWS, KILLS] = [8, 4];

test('records and final invocations are listed and shown, and not redriven', async () => {
  const handler = summing(`if (Number.isNaN(sum)) throw new Error('no number');`, `throw new Error('never');`);
  const w = await windowed(redis, handler, { batchSize: 1, maximumRetryAttempts: 0 });
  await put(w, [PAST, '1'], [PAST + 1, 'bad'], [PAST + LENGTH, '2']);
  w.start();
  await givenUp(w, 3);
  const { stdout } = await failures(w, 'list', '--json');
  const list = JSON.parse(stdout) as { readonly id: string }[];
  const common = { mapping: 'm', shardId: SHARD, condition: 'RetryAttemptsExhausted' };
  expect(list).toMatchObject([
    { ...common, records: 1, error: { errorMessage: 'no number' } },
    { ...common, records: 0, error: { errorMessage: 'never' } },
    { ...common, records: 0, error: { errorMessage: 'never' } },
  ]);
  const shown = await failures(w, 'show', list[1]!.id);
  expect(shown.stdout).toContain(`mapping m, shard ${SHARD}: final invocation of a window\n`);
  const refused = await redrive(w);
  expect([refused.code, refused.stdout]).toEqual([1, '']);
  expect(refused.stderr).toContain('mapping m has a tumbling window: its windows are over');
  expect(refused.stderr).toContain('--as-window runs each notice as a window of its own');
  const asked = await failures(w, 'redrive', '--mapping', 'm', '--as-window');
  expect([asked.code, asked.stdout]).toEqual([
    1,
    'would run 1 record and 2 final invocations of 3 notices again; repeat with --yes to do it.\n',
  ]);
});

test('a mapping without a window has none to run them as', async () => {
  const w = await world(redis, { handler: failingFor('x'), mapping: ONCE });
  await add(w.redis, 's', ['1x']);
  w.start();
  await givenUp(w, 1);
  const refused = await redrive(w, '--as-window');
  expect([refused.code, refused.stdout]).toEqual([1, '']);
  expect(refused.stderr).toContain('mapping m has no tumbling window');
});

/** Sums; a final invocation says the sum to the next stage. `moves` and `end` as in windowed.ts. */
const adding = (moves = '', end = '') =>
  SAY + summing(moves, `${end} return { output: [{ partitionKey: 'k', data: String(event.state.sum) }] };`);
const OUT = { output: { type: 'redis-stream', stream: 'out' } };
const broken = `throw new Error('broken');`;

/** Six records in two windows, whose batches of three all failed, and with `ends` the ends of their windows, too. */
async function failed(ends: boolean, mapping: Record<string, unknown> = {}) {
  const handler = adding(broken, ends ? broken : '').slice(SAY.length);
  const w = await windowed(redis, handler, { batchSize: 3, maximumRetryAttempts: 0, ...OUT, ...mapping });
  const [first, later] = [PAST, PAST + LENGTH];
  await put(w, [first, '1'], [first + 1, '2'], [first + 2, '3'], [later, '10'], [later + 1, '20'], [later + 2, '30']);
  const daemon = w.start();
  await givenUp(w, ends ? 4 : 2);
  if (!ends) await finals(2, daemon);
  await daemon.stop();
  // Of the live final invocations.
  await w.redis.del('out');
  return { w };
}

const outputs = async (w: World) => {
  const entries = await w.redis.xrange('out', '-', '+');
  return entries.map(([, fields]) => {
    const field = (name: string) => fields[fields.indexOf(name) + 1]!;
    return { sum: field('data'), origin: field('origin') };
  });
};

async function again(w: World, handler: string, ...args: readonly string[]) {
  await writeFile(`${w.dir}/handler.mjs`, handler);
  const daemon = w.start();
  await daemon.ready;
  const ran = await redrive(w, '--as-window', ...args);
  return { ...ran, daemon };
}

test('each notice is a window of its own: from {} over its records to a final invocation, whose outputs come once', async () => {
  const { w } = await failed(true);
  const { report, daemon, stderr } = await again(w, adding());
  const six = { redriven: 6, succeeded: 6, failedAgain: 0 };
  expect([report, stderr]).toEqual([{ ...six, finalInvocations: { redriven: 2, succeeded: 2, failedAgain: 0 } }, '']);
  const all = told(daemon);
  expect(story(all)).toEqual([
    ...['end of {}', 'end of {}'],
    ...['1+2+3 of {}', 'end of {"sum":6}', '10+20+30 of {}', 'end of {"sum":60}'],
  ]);
  for (const one of all) expect(one).toMatchObject({ in: SHARD, shard: REDRIVE_LINE, early: false });
  const [a, b] = [times(PAST), times(PAST + LENGTH)];
  expect(all.map(({ window }) => window)).toEqual([a, b, a, a, b, b]);
  expect((await outputs(w)).map(({ sum }) => sum)).toEqual(['undefined', 'undefined', '6', '60']);
  await nothingLeft(w);
  expect(await w.notices()).toEqual([]);
  expect((await redrive(w, '--as-window')).report).toEqual({ redriven: 0, succeeded: 0, failedAgain: 0 });
});

test('what fails again keeps its notice, and the rest ends its window without it', async () => {
  const { w } = await failed(false, { functionResponseTypes: ['ReportBatchItemFailures'] });
  const partly = `const at = data.indexOf('2');
  if (at >= 0) return { state: { sum: at === 0 ? 0 : 1 }, batchItemFailures: [{ itemIdentifier: event.Records[at].kinesis.sequenceNumber }] };`;
  const { report, daemon } = await again(w, adding(partly));
  expect(report).toEqual({ redriven: 6, succeeded: 4, failedAgain: 2 });
  expect(story(told(daemon))).toEqual([
    ...['1+2+3 of {}', '2+3 of {"sum":1}', 'end of {"sum":1}'],
    ...['10+20+30 of {}', 'end of {"sum":60}'],
  ]);
  await daemon.stop();
  const second = await again(w, adding());
  expect(second.report).toEqual({ redriven: 2, succeeded: 2, failedAgain: 0 });
  expect(story(told(second.daemon))).toEqual(['2+3 of {}', 'end of {"sum":5}']);
  const out = await outputs(w);
  expect(out.map(({ sum }) => sum)).toEqual(['1', '60', '5']);
  expect(new Set(out.map(({ origin }) => origin)).size).toBe(3);
  await nothingLeft(w);
});

test('a final invocation that is given up again takes its records with it: all of them run again next time', async () => {
  const { w } = await failed(false);
  const { report, daemon, stderr } = await again(
    w,
    adding('', `if (event.state.sum === 6) throw new Error('the end');`),
  );
  expect(report).toEqual({ redriven: 6, succeeded: 3, failedAgain: 3 });
  expect(stderr).toContain('failed again: Error: the end');
  await daemon.stop();
  const second = await again(w, adding());
  expect(second.report).toEqual({ redriven: 3, succeeded: 3, failedAgain: 0 });
  expect(story(told(second.daemon))).toEqual(['1+2+3 of {}', 'end of {"sum":6}']);
  expect((await outputs(w)).map(({ sum }) => sum)).toEqual(['60', '6']);
  await nothingLeft(w);
});

test('a notice of a final invocation that fails again stays, and says so', async () => {
  const { w } = await failed(true);
  const { report, stderr, daemon } = await again(
    w,
    adding('', `if (event.state.sum === undefined) throw new Error('no sum');`),
  );
  expect(report).toEqual({
    ...{ redriven: 6, succeeded: 6, failedAgain: 0 },
    finalInvocations: { redriven: 2, succeeded: 0, failedAgain: 2 },
  });
  expect(stderr).toContain('failed again: Error: no sum');
  expect(await w.notices()).toHaveLength(2);
  await daemon.stop();
  const second = await again(w, adding());
  expect(second.report).toMatchObject({ redriven: 0, finalInvocations: { redriven: 2, succeeded: 2, failedAgain: 0 } });
  await nothingLeft(w);
});

test('a state that is too large ends the window of a notice early, and the rest of it has another', async () => {
  const { w } = await failed(false, { functionResponseTypes: ['ReportBatchItemFailures'] });
  const large = `if (data.length === 3) return { state: { sum, text: 'x'.repeat(${1024 * 1024}) }, batchItemFailures: [{ itemIdentifier: event.Records[1].kinesis.sequenceNumber }] };`;
  const { report, daemon } = await again(
    w,
    adding(large).replace('state: event.state', 'state: { sum: event.state.sum }'),
  );
  expect(report).toEqual({ redriven: 6, succeeded: 6, failedAgain: 0 });
  const seen = told(daemon).map(({ data, state, final, early }) => [data.join('+'), state['sum'], final, early]);
  expect(seen.slice(0, 4)).toEqual([
    ['1+2+3', undefined, false, false],
    ['', 6, true, true],
    ['2+3', undefined, false, false],
    ['', 5, true, false],
  ]);
  const origins = (await outputs(w)).map(({ origin }) => origin);
  expect([origins.length, new Set(origins).size]).toEqual([4, 4]);
});

test('killed at any of its invocations, it goes on with the state that was settled, and its outputs come once', async () => {
  const mapping = { batchSize: 3, maximumRetryAttempts: 0, functionResponseTypes: ['ReportBatchItemFailures'], ...OUT };
  const w = await windowed(redis, summing(broken), mapping);
  const starts = Array.from({ length: WINDOWS }, (_, n) => PAST + n * LENGTH);
  for (const [n, ms] of starts.entries()) await put(w, [ms, `${n}`], [ms + 1, '100'], [ms + 2, '1000']);
  const before = w.start();
  await finals(WINDOWS, before);
  await givenUp(w, WINDOWS);
  await before.stop();
  // One record of each batch at a time, so that each notice is of four invocations.
  const slowly = `await new Promise((resolve) => setTimeout(resolve, 80));
  const [one, next] = event.Records;
  if (next) return { state: { sum: (event.state.sum ?? 0) + Number(data[0]) }, batchItemFailures: [{ itemIdentifier: next.kinesis.sequenceNumber }] };`;
  await writeFile(`${w.dir}/handler.mjs`, adding(slowly, 'await new Promise((resolve) => setTimeout(resolve, 80));'));
  const asking = redrive(w, '--as-window');
  const daemons = [];
  for (let kill = 0; kill <= KILLS; kill++) {
    daemons.push(w.start());
    await daemons.at(-1)!.ready;
    if (kill === KILLS) break;
    await hear(1 + kill, 'an invocation', daemons.at(-1)!);
    await sleep(Math.random() * 60);
    daemons.at(-1)!.kill('SIGKILL');
  }
  expect((await asking).report).toEqual({ redriven: 3 * WINDOWS, succeeded: 3 * WINDOWS, failedAgain: 0 });
  expect((await outputs(w)).map(({ sum }) => sum)).toEqual(starts.map((_, n) => `${1_100 + n}`));
  // That kills hit something: an invocation that came to nothing ran again.
  expect(told(...daemons).length).toBeGreaterThan(4 * WINDOWS);
  await nothingLeft(w);
});
