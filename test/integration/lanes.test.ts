/** Key lanes on the real server: order per key, a blocked key blocks its lane only, and what is settled above the checkpoint stays so (docs/lanes.md). */
import { expect, test } from 'vitest';
import { laneOf } from '../../src/lanes.ts';
import { toSequenceNumber } from '../../src/record.ts';
import { readStatus, type ShardStatus } from '../support/lanes.ts';
import { eventually, type TestDaemon } from '../support/daemon.ts';
import { add, type Said, said, type World, world } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const FACTOR = 4;
/** One key of each lane. */
const KEYS = Array.from({ length: FACTOR }, (_, lane) =>
  'abcdefghijklmnop'.split('').find((key) => laneOf(key, FACTOR) === lane)!,
);

const laned = (handler: string, mapping: Record<string, unknown> = {}) =>
  world(redis, {
    handler: `export const handler = async (event, context) => {
      const data = event.Records.map((r) => Buffer.from(r.kinesis.data, 'base64').toString());
      const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
      ${handler} };`,
    mapping: { parallelizationFactor: FACTOR, batchSize: 2, ...mapping },
  });

/** `n` records of each key, in turns: `a0 b0 … a1 b1 …`. */
async function fill(w: World, n: number, keys = KEYS, from = 0): Promise<string[]> {
  return await add(w.redis, 's', Array.from({ length: n }, (_, i) => keys.map((key) => `${key}${from + i}`)).flat());
}

const recordsOf = (all: readonly Said[], key: string) =>
  all.flatMap(({ data }) => data).filter((text) => text.startsWith(key));
const numbered = (key: string, n: number, from = 0) => Array.from({ length: n }, (_, i) => `${key}${from + i}`);
const settled = (w: World, n: number) =>
  eventually(
    () => w.state(),
    (state) => Number(state['n:succeeded'] ?? 0) >= n,
    { what: `${n} records settled`, withinMs: 60_000 },
  );

test('lanes run at once, and each key in its order', async () => {
  const w = await laned('const from = Date.now(); await sleep(150); say(event, context, { from, to: Date.now() }); ');
  await fill(w, 6);
  const daemon = w.start();
  const state = await settled(w, 6 * FACTOR);
  expect(state['n:succeeded']).toBe(String(6 * FACTOR));
  await eventually(
    () => said(daemon).length,
    (n) => n === 3 * FACTOR,
    { what: 'all said' },
  );
  for (const key of KEYS) expect(recordsOf(said(daemon), key)).toEqual(numbered(key, 6));
  for (const { data } of said(daemon)) expect(new Set(data.map((text) => text[0])).size).toBe(1);
  const spans = said(daemon) as (Said & { readonly from: number; readonly to: number })[];
  const atOnce = spans.map(({ from }) => spans.filter((other) => other.from <= from && from < other.to).length);
  expect(Math.max(...atOnce)).toBeGreaterThan(1);
  expect(await daemon.stop()).toBe(0);
  const last = (await w.redis.xrevrange('s', '+', '-', 'COUNT', 1))[0]![0];
  expect(await w.state()).toMatchObject({ cp: last, read: String(6 * FACTOR), units: '[]' });
});

const POISON = `say(event, context); if (data.some((text) => text === '${KEYS[1]}2')) throw new Error('poison');`;

test('a poison key blocks its lane only; the checkpoint stays before it, and `status` says which lane', async () => {
  const w = await laned(POISON);
  const ids = await fill(w, 10);
  const daemon = w.start();
  await settled(w, 32);
  const free = KEYS.filter((key) => key !== KEYS[1]);
  for (const key of free) expect(recordsOf(said(daemon), key)).toEqual(numbered(key, 10));
  // What comes now for other keys is not held up by the poison record's back-off.
  const before = Date.now();
  await fill(w, 5, free, 10);
  await settled(w, 32 + 15);
  expect(Date.now() - before).toBeLessThan(5_000);
  const state = await w.state();
  // The last record before the poison one.
  expect(state['cp']).toBe(ids[2 * FACTOR]);
  const shard: ShardStatus = await readStatus(w);
  expect(shard.state).toBe('blocked');
  expect(shard.lanes!.map(({ lane, state: s }) => [lane, s])).toEqual(
    KEYS.map((_, lane) => [lane, lane === 1 ? 'blocked' : 'idle']),
  );
  expect(shard.lanes![1]!.blocked).toMatchObject({
    ...{ sequenceNumber: toSequenceNumber(ids[2 * FACTOR + 1]!), partitionKey: KEYS[1], recordsInUnit: 2 },
    lastError: { errorType: 'Error', errorMessage: 'poison' },
  });
  expect(await daemon.stop()).toBe(0);
});

test('what is settled above the checkpoint is not run again after a kill, and nothing is lost', async () => {
  const w = await laned(POISON);
  await fill(w, 20);
  const one = w.start();
  await settled(w, 2 + 3 * 20);
  one.kill('SIGKILL');
  await one.exited;
  const ran = said(one).flatMap(({ data }) => data);
  const two = w.start();
  await fill(w, 5, KEYS, 20);
  await settled(w, 2 + 3 * 25);
  const again = new Set(said(two).flatMap(({ data }) => data));
  const poison = new Set(numbered(KEYS[1]!, 30));
  expect(ran.filter((text) => again.has(text) && !poison.has(text))).toEqual([]);
  for (const key of KEYS.filter((k) => k !== KEYS[1])) expect(recordsOf(said(two), key)).toEqual(numbered(key, 5, 20));
  expect(await two.stop()).toBe(0);
});

async function killedOverAndOver(w: World, kills: number): Promise<TestDaemon[]> {
  const daemons: TestDaemon[] = [];
  for (let i = 0; i < kills; i++) {
    const daemon = w.start();
    daemons.push(daemon);
    await daemon.ready;
    await new Promise((resolve) => setTimeout(resolve, 300 + 200 * i));
    daemon.kill('SIGKILL');
    await daemon.exited;
  }
  daemons.push(w.start());
  return daemons;
}

test('killed over and over: each key in its order, repeats of what was in flight only, outputs once', async () => {
  const w = await laned(
    `say(event, context); await sleep(10);
     return { output: event.Records.map((r) => ({ itemIdentifier: r.kinesis.sequenceNumber, data: Buffer.from(r.kinesis.data, 'base64').toString() })) };`,
    { output: { type: 'redis-stream', stream: 'out' } },
  );
  await fill(w, 100);
  const daemons = await killedOverAndOver(w, 3);
  const state = await settled(w, 100 * FACTOR);
  expect(state['n:succeeded']).toBe(String(100 * FACTOR));
  expect(state['read']).toBe(String(100 * FACTOR));
  const out = (await w.redis.xrange('out', '-', '+')).map(([, fields]) => fields[3]!);
  for (const key of KEYS) expect(out.filter((text) => text.startsWith(key))).toEqual(numbered(key, 100));
  for (const key of KEYS) {
    // In the order of first runs; what ran again is at most a batch of the lane per kill.
    const runs = recordsOf(said(...daemons), key);
    expect([...new Set(runs)]).toEqual(numbered(key, 100));
    expect(runs.length).toBeLessThanOrEqual(100 + 2 * 3);
  }
  expect(await daemons.at(-1)!.stop()).toBe(0);
});

test(
  'another factor takes effect when the lanes are level; order per key holds throughout',
  { timeout: 120_000 },
  async () => {
    const w = await laned('say(event, context); await sleep(5);');
    const all: TestDaemon[] = [];
    let written = 0;
    for (const factor of [4, 2, 10, 1, 3]) {
      await fill(w, 20, KEYS, written);
      const text = await (await import('node:fs/promises')).readFile(w.config, 'utf8');
      const changed = text.replace(/parallelizationFactor: \d+/, `parallelizationFactor: ${factor}`);
      await (await import('node:fs/promises')).writeFile(w.config, changed);
      const daemon = w.start();
      all.push(daemon);
      // Stopped while it is at it, so that the next one finds lanes that are not level.
      await settled(w, (written + 10) * FACTOR);
      expect(await daemon.stop()).toBe(0);
      written += 20;
    }
    const last = w.start();
    all.push(last);
    const state = await settled(w, written * FACTOR);
    expect(state['n:succeeded']).toBe(String(written * FACTOR));
    expect(await last.stop()).toBe(0);
    expect(JSON.parse((await w.state())['lanes']!).lanes).toHaveLength(3);
    for (const key of KEYS) expect(recordsOf(said(...all), key)).toEqual(numbered(key, written));
  },
);

test('partial responses and bisection are of the lane’s batch', async () => {
  const bad = `${KEYS[2]}3`;
  const w = await laned(
    `say(event, context);
     const at = data.indexOf('${bad}');
     return { batchItemFailures: at < 0 ? [] : [{ itemIdentifier: event.Records[at].kinesis.sequenceNumber }] };`,
    {
      batchSize: 10,
      functionResponseTypes: ['ReportBatchItemFailures'],
      maximumRetryAttempts: 1,
      bisectBatchOnFunctionError: true,
    },
  );
  await fill(w, 10);
  const daemon = w.start();
  const state = await settled(w, 10 * FACTOR - 1);
  expect(state).toMatchObject({ 'n:succeeded': String(10 * FACTOR - 1), 'n:givenUp': '1' });
  const [notice] = await w.notices();
  expect(notice).toMatchObject({
    requestContext: { condition: 'RetryAttemptsExhausted' },
    KinesisBatchInfo: { batchSize: 1 },
  });
  for (const key of KEYS) expect([...new Set(recordsOf(said(daemon), key))]).toEqual(numbered(key, 10));
  for (const key of KEYS.filter((k) => k !== KEYS[2])) expect(recordsOf(said(daemon), key)).toEqual(numbered(key, 10));
  expect(await daemon.stop()).toBe(0);
});

test('a filter: what it passes over is counted once, and the checkpoint reaches the end', async () => {
  const w = await laned('say(event, context);', {
    filterCriteria: { filters: [{ pattern: { data: { n: [{ numeric: ['>', 4] }] } } }] },
  });
  for (let i = 0; i < 10; i++)
    for (const key of KEYS) await w.redis.xadd('s', '*', 'partitionKey', key, 'data', JSON.stringify({ n: i }));
  const daemon = w.start();
  const last = (await w.redis.xrevrange('s', '+', '-', 'COUNT', 1))[0]![0];
  const state = await eventually(
    () => w.state(),
    (s) => s['cp'] === last,
    { what: 'the end' },
  );
  expect(state).toMatchObject({
    'n:succeeded': String(5 * FACTOR),
    'n:filtered': String(5 * FACTOR),
    read: String(10 * FACTOR),
  });
  expect(await daemon.stop()).toBe(0);
});
