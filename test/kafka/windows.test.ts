/** Tumbling windows over partitions of a topic, on a real broker: late records, the clock, and outputs of final invocations (docs/windows.md). */
import { expect, test } from 'vitest';
import { WINDOW_FEED_MS } from '../../src/tumbling.ts';
import type { TestDaemon } from '../support/daemon.ts';
import { readTopic } from '../support/kafka/read-topic.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { type KafkaWorld, kafkaSaid, kafkaWorld, patiently, type Said, settled } from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';
import { LENGTH, PAST, times } from '../support/windowed.ts';

const redis = useRedis();
const kafka = useKafka();

interface Told extends Said {
  readonly window: { readonly start: string; readonly end: string };
  readonly state: { readonly sum?: number };
  readonly final: boolean;
  readonly early: boolean;
  readonly keys: readonly string[];
  readonly in: string;
  readonly at: number;
}

/** A final invocation has no records, so what it says names its partition by the member of the event. */
const SUMMING = `export const handler = async (event, context) => {
  const records = Object.values(event.records)[0] ?? [];
  const numbers = records.map((r) => Number(Buffer.from(r.value, 'base64').toString()));
  console.log(JSON.stringify({ id: context.awsRequestId, shard: event.shardId, data: numbers.map(String), offsets: [],
    window: event.window, state: event.state, final: event.isFinalInvokeForWindow, early: event.isWindowTerminatedEarly,
    keys: Object.keys(event), at: Date.now() }));
  if (event.isFinalInvokeForWindow)
    return { output: [{ partitionKey: event.shardId, data: { ...event.window, sum: event.state.sum ?? 0 } }] };
  return { state: { sum: numbers.reduce((sum, n) => sum + n, event.state.sum ?? 0) } };
};`;

const FAILING = SUMMING.replace(
  'if (event.isFinal',
  `if (event.isFinalInvokeForWindow) throw new Error('no');\n  if (event.isFinal`,
);

const mapping = (more: object = {}) => ({ tumblingWindowInSeconds: LENGTH / 1_000, ...more });
const told = (...daemons: readonly TestDaemon[]) => kafkaSaid(...daemons) as Told[];
const finals = (n: number, ...daemons: readonly TestDaemon[]) =>
  patiently(
    () => told(...daemons).filter(({ final }) => final),
    (all) => all.length >= n,
    { what: `${n} final invocations` },
  );
const at = (ms: number, n: number) => ({ key: 'k', value: String(n), timestamp: String(ms) });
const over = (w: KafkaWorld) =>
  patiently(
    () => w.state(),
    ({ winDue }) => winDue === '0',
    { what: 'no open window' },
  );

test('records count by their timestamps: late ones in the window that is open, or in the next one', async () => {
  const topic = await kafka.topic(1);
  const records = [
    ...[at(PAST + 10, 1), at(PAST + LENGTH - 1, 2), at(PAST - 5_000, 4)],
    ...[at(PAST + 3 * LENGTH, 10), at(PAST + 100, 20), at(PAST + 3 * LENGTH + 1, 40)],
  ];
  await kafka.send(topic, records, 0);
  const w = await kafkaWorld(redis, kafka, { topic, handler: SUMMING, mapping: mapping({ batchSize: 2 }) });
  const daemon = w.start();
  const ends = await finals(2, daemon);
  expect(ends.map(({ window, state, early }) => ({ window, state, early }))).toEqual([
    { window: times(PAST), state: { sum: 7 }, early: false },
    { window: times(PAST + 3 * LENGTH), state: { sum: 70 }, early: false },
  ]);
  const members = ['window', 'state', 'shardId', 'eventSourceARN', 'isFinalInvokeForWindow', 'isWindowTerminatedEarly'];
  for (const one of told(daemon)) {
    expect(one.keys).toEqual(['eventSource', 'bootstrapServers', 'records', ...members]);
    expect(one.shard).toBe(`${topic}-0`);
  }
  await settled(w, records.length);
  await over(w);
});

test('a window ends by the clock some seconds after its end, when what is on its way has come', async () => {
  const topic = await kafka.topic(1);
  const w = await kafkaWorld(redis, kafka, { topic, handler: SUMMING, mapping: mapping() });
  const daemon = w.start();
  await daemon.ready;
  const now = Date.now();
  await kafka.send(topic, [at(now, 3)], 0);
  const [end] = await finals(1, daemon);
  const start = Math.floor(now / LENGTH) * LENGTH;
  expect(end).toMatchObject({ window: times(start), state: { sum: 3 }, early: false });
  expect(end!.at).toBeGreaterThanOrEqual(start + LENGTH + WINDOW_FEED_MS);
  await over(w);
});

test('an offset that is set beyond a final invocation that fails leaves its window to end all the same', async () => {
  const topic = await kafka.topic(1);
  await kafka.send(topic, [at(PAST, 1), at(PAST + LENGTH, 2), at(PAST + LENGTH, 3)], 0);
  const w = await kafkaWorld(redis, kafka, { topic, handler: FAILING, mapping: mapping() });
  const first = w.start();
  const [failed] = await finals(1, first);
  await patiently(
    () => kafka.group(w.groupId),
    (seen) => seen.get(0)?.offset === 1,
    { what: 'the first record committed' },
  );
  expect(await first.stop()).toBe(0);
  await kafka.admin.setOffsets({ groupId: w.groupId, topic, partitions: [{ partition: 0, offset: '3' }] });
  const second = w.start();
  const [again] = (await patiently(
    () => told(second).filter(({ id }) => id !== failed!.id),
    (all) => all.length > 0,
    { what: 'another final invocation' },
  )) as [Told];
  expect(again).toMatchObject({ final: true, window: times(PAST), state: { sum: 1 }, data: [] });
});

test('sums of all partitions reach a topic once each, although the daemon is killed again and again', async () => {
  const [topic, target] = [await kafka.topic(2), await kafka.topic(1)];
  const [windows, perWindow] = [10, 12];
  for (const partition of [0, 1]) {
    const records = Array.from({ length: windows * perWindow }, (_, i) =>
      at(PAST + Math.floor(i / perWindow) * LENGTH + (i % perWindow), 1 + partition),
    );
    await kafka.send(topic, records, partition);
  }
  const output = { type: 'kafka-topic', connection: 'test', topic: target };
  const w = await kafkaWorld(redis, kafka, {
    ...{
      topic,
      handler: SUMMING.replace(
        '= async (event, context) => {',
        '= async (event, context) => { await new Promise((r) => setTimeout(r, 30));',
      ),
    },
    mapping: mapping({ batchSize: 5, output }),
  });
  for (let kill = 0; kill < 3; kill++) {
    const before = await w.succeeded();
    const daemon = w.start();
    await patiently(
      () => w.succeeded(),
      (count) => count > before,
      { what: 'some are settled' },
    );
    daemon.kill('SIGKILL');
    await daemon.exited;
  }
  w.start();
  const got = await readTopic(
    kafka.client,
    target,
    (_, { value, headers }) => ({ value: String(value), origin: String(headers?.['origin']) }),
    (all) => all.length >= 2 * windows,
    {},
  );
  await settled(w, 2 * windows * perWindow);
  for (const partition of [0, 1]) {
    const own = got.filter(({ origin }) => origin.startsWith(`m/${topic}-${partition}/`));
    expect(own).toEqual(
      Array.from({ length: windows }, (_, n) => ({
        value: JSON.stringify({ ...times(PAST + n * LENGTH), sum: perWindow * (1 + partition) }),
        origin: `m/${topic}-${partition}/1/w${PAST + n * LENGTH}/0`,
      })),
    );
  }
});
