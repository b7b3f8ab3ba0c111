/** Who writes to a topic waits for the mappings that read it (docs/pipelines.md, "Back-pressure"), on a real broker. */
import { stringify } from 'yaml';
import { expect, test } from 'vitest';
import { collectStatus } from '../../src/observe/status.ts';
import { Keys } from '../../src/redis/keys.ts';
import { configDir, startTestDaemon, TEST_CACHE } from '../support/daemon.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { keyed, patiently } from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const redis = useRedis();
const kafka = useKafka();
const keys = new Keys('millrace');

const HANDLER = `
const dataOf = (event) => event.Records
  ? event.Records.map((r) => Buffer.from(r.kinesis.data, 'base64').toString())
  : Object.values(event.records)[0].map((r) => Buffer.from(r.value, 'base64').toString());
export const forward = async (event) => ({ output: dataOf(event).map((data) => ({ partitionKey: data, data })) });
export const twice = async (event) => ({ output: dataOf(event)
  .filter((data) => !data.startsWith('again')).map((data) => ({ partitionKey: data, data: 'again ' + data })) });
export const sink = async () => undefined;
`;

async function world(mappings: Record<string, Record<string, unknown>>) {
  const functions = ['forward', 'twice', 'sink'].map((handler) => [handler, { code: 'handler.mjs', handler }]);
  const yaml = stringify({
    redis: redis.url,
    connections: { test: { type: 'kafka', brokers: [kafka.bootstrap] } },
    functions: Object.fromEntries(functions) as object,
    mappings,
  });
  const config = `${await configDir({ 'millrace.yaml': yaml, 'handler.mjs': HANDLER })}/millrace.yaml`;
  const mapping = async (name: string) =>
    (await collectStatus(redis.client, keys)).mappings.find((one) => one.name === name);
  return {
    mapping,
    start: () => startTestDaemon({ config, env: { MILLRACE_CACHE: TEST_CACHE }, args: [] }),
    cli: (...args: readonly string[]) => run(MILLRACE, [...args, '-c', config]),
    settled: (name: string, count: number) =>
      patiently(
        () => mapping(name),
        (now) => now?.shards.reduce((sum, { settled }) => sum + settled.succeeded, 0) === count,
        { what: `${count} records settled by ${name}` },
      ),
  };
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));
const kafkaSource = (topic: string) => ({ type: 'kafka', connection: 'test', topic, consumerGroupId: `g-${topic}` });

test('a mapping waits for the one that reads its topic, and goes on when that does', async () => {
  const target = await kafka.topic(2);
  const w = await world({
    m: {
      ...{ function: 'forward', startingPosition: 'TRIM_HORIZON', batchSize: 25 },
      source: { type: 'redis-stream', stream: 'in' },
      output: { type: 'kafka-topic', connection: 'test', topic: target, maxUnsettled: 100 },
    },
    reader: { function: 'sink', source: kafkaSource(target) },
  });
  const daemon = w.start();
  await patiently(
    () => w.mapping('reader'),
    (now) => now?.shards.length === 2,
    { what: 'the reader begins' },
  );
  expect((await w.cli('mapping', 'pause', 'reader')).code).toBe(0);
  for (const data of numbers(1_000)) await redis.client.xadd('in', '*', 'partitionKey', data, 'data', data);

  const waiting = await patiently(
    () => w.mapping('m'),
    (now) => now?.output?.waitsFor === 'reader',
    { what: 'it waits for the reader' },
  );
  expect(waiting!.output!.unsettled).toBeGreaterThanOrEqual(100);
  // What was under way when the bound was noticed, and is in the outbox, may still come; then nothing does.
  const sentIn = async (ms: number) => {
    const before = await kafka.everything(target);
    await new Promise((resolve) => setTimeout(resolve, ms));
    return (await kafka.everything(target)) - before;
  };
  await patiently(
    () => sentIn(1_500),
    (more) => more === 0,
    { what: 'nothing comes any more' },
  );
  expect((await w.cli('status')).stdout).toContain('waits for reader');
  const [shard] = (await w.mapping('m'))!.shards;
  expect(shard!.settled.succeeded).toBeLessThan(1_000);

  expect((await w.cli('mapping', 'resume', 'reader')).code).toBe(0);
  await w.settled('reader', 1_000);
  // With all of it settled the marks of transactions count no more.
  await patiently(
    () => w.mapping('m'),
    (now) => now?.output?.unsettled === 0,
    { what: 'nothing is unsettled' },
  );
  expect((await w.mapping('m'))!.output!.waitsFor).toBeNull();
  expect(await daemon.stop()).toBe(0);
});

test('one that feeds itself, as `allowCycle` lets it, does not wait for itself', async () => {
  const topic = await kafka.topic(1);
  const w = await world({
    m: {
      ...{ function: 'twice', batchSize: 10, source: kafkaSource(topic) },
      output: { type: 'kafka-topic', connection: 'test', topic, maxUnsettled: 5, allowCycle: true },
    },
  });
  await kafka.send(topic, keyed(numbers(100)));
  const daemon = w.start();
  await w.settled('m', 200);
  expect(await daemon.stop()).toBe(0);
});
