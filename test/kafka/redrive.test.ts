/** A redrive through a mapping over a topic that has an output: what succeeds is there once, in order, also when the daemon is killed. */
import { writeFile } from 'node:fs/promises';
import type { KafkaMessage } from 'kafkajs';
import { expect, test, vi } from 'vitest';
import { Keys } from '../../src/redis/keys.ts';
import { numbers } from '../support/engine.ts';
import { readTopic } from '../support/kafka/read-topic.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { kafkaSaid, kafkaWorld, patiently } from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

// A killed daemon's partitions and turns are taken over, more than once.
vi.setConfig({ testTimeout: 240_000 });
const redis = useRedis();
const kafka = useKafka();
const keys = new Keys('millrace');
const RECORDS = 30;

const handlerOf = (bad: string) => `export const handler = async (event, context) => {
  const [[record]] = Object.values(event.records);
  const data = Buffer.from(record.value, 'base64').toString();
  if (/${bad}/.test(data)) throw new Error('bad');
  await new Promise((resolve) => setTimeout(resolve, 50));
  console.log(JSON.stringify({ data: [data], offsets: [record.offset], shard: context.millrace.shardId }));
  return { output: [{ itemIdentifier: String(record.offset), data }] };
};`;

interface Got {
  readonly value: string;
  readonly key: string;
  readonly origin: string;
}

async function readStream(enough: (got: readonly Got[]) => boolean): Promise<Got[]> {
  const look = async () =>
    (await redis.client.xrange('out', '-', '+')).map(([, fields]): Got => {
      const [, key, , value, , origin] = fields as [string, string, string, string, string, string];
      return { key, value, origin };
    });
  return await patiently(look, enough, { what: 'outputs in the stream' });
}

function readCommitted(topic: string, enough: (got: readonly Got[]) => boolean): Promise<Got[]> {
  const toGot = (_partition: number, { key, value, headers }: KafkaMessage): Got => {
    return { key: String(key), value: String(value), origin: String(headers?.['origin']) };
  };
  return readTopic(kafka.client, topic, toGot, enough);
}

test.for(['kafka-topic', 'redis-stream'])('with an output to a %s', async (kind) => {
  const [topic, target] = [await kafka.topic(1), await kafka.topic(1)];
  const place = { 'kafka-topic': { connection: 'test', topic: target }, 'redis-stream': { stream: 'out' } }[kind];
  const output = { type: kind, ...place };
  const mapping = { maximumRetryAttempts: 0, batchSize: 1, output };
  const w = await kafkaWorld(redis, kafka, { topic, handler: handlerOf('.'), mapping });
  const values = numbers(RECORDS);
  await kafka.send(
    topic,
    values.map((value) => ({ key: `k${value}`, value })),
  );
  const broken = w.start();
  await patiently(
    () => redis.client.xlen(keys.failures('m')),
    (n) => n === RECORDS,
    { what: 'all of them given up' },
  );
  await broken.stop();
  await writeFile(`${w.dir}/handler.mjs`, handlerOf('never'));
  const first = w.start();
  await first.ready;
  const asking = run(MILLRACE, ['failures', 'redrive', '--mapping', 'm', '--yes', '--json', '-c', w.config]);
  await patiently(
    () => kafkaSaid(first),
    (said) => said.length >= 5,
    { what: 'five runs' },
  );
  first.kill('SIGKILL');
  const second = w.start();
  // Beside it what comes meanwhile.
  await kafka.send(topic, [{ key: 'live', value: 'live' }]);
  const asked = await asking;
  expect([asked.code, JSON.parse(asked.stdout)]).toEqual([
    0,
    { redriven: RECORDS, succeeded: RECORDS, failedAgain: 0 },
  ]);
  const enough = (got: readonly Got[]) => got.length > RECORDS;
  const got = kind === 'kafka-topic' ? await readCommitted(target, enough) : await readStream(enough);
  expect(got.filter(({ value }) => value === 'live').map(({ origin }) => origin)).toEqual([
    `m/${topic}-0/1/${RECORDS}/0`,
  ]);
  const redriven = got.filter(({ value }) => value !== 'live');
  expect(redriven.map(({ value }) => value)).toEqual(values);
  expect(redriven.map(({ key }) => key)).toEqual(values.map((value) => `k${value}`));
  const origins = redriven.map(({ origin }) => origin);
  expect(new Set(origins).size).toBe(RECORDS);
  for (const origin of origins) expect(origin).toMatch(new RegExp(`^m/redrive:${topic}-0/[0-9a-f-]{36}/\\d+/0$`));
  expect(await redis.client.xlen(keys.failures('m'))).toBe(0);
  // The kill repeats what it hit, at most.
  const runs = kafkaSaid(first, second).filter(({ shard }) => shard === `redrive:${topic}-0`);
  expect(runs.length - RECORDS).toBeLessThanOrEqual(1);
  expect(await second.stop()).toBe(0);
});
