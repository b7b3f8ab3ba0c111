/** Lanes of a partition, on a real broker: order per key, a blocked key, the committed offset, and a kill (docs/lanes.md). */
import { expect, test } from 'vitest';
import { laneOf } from '../../src/lanes.ts';
import type { TestDaemon } from '../support/daemon.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { kafkaSaid, kafkaWorld, patiently } from '../support/kafka/world.ts';
import { MILLRACE, run } from '../support/run.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const kafka = useKafka();
const FACTOR = 4;
const KEYS = Array.from({ length: FACTOR }, (_, lane) =>
  'abcdefghijklmnop'.split('').find((key) => laneOf(key, FACTOR) === lane)!,
);
const N = 30;
const POISON = `${KEYS[1]}5`;

const HANDLER = `export const handler = async (event, context) => {
  const records = Object.values(event.records)[0] ?? [];
  const data = records.map((r) => Buffer.from(r.value, 'base64').toString());
  console.log(JSON.stringify({ id: context.awsRequestId, shard: context.millrace.shardId, data, offsets: [] }));
  if (data.includes('${POISON}')) throw new Error('poison');
};`;

test('a blocked key blocks its lane of the partition only, across a kill; keys keep their order', async () => {
  const topic = await kafka.topic(1);
  const records = Array.from({ length: N }, (_, i) => KEYS.map((key) => ({ key, value: `${key}${i}` }))).flat();
  await kafka.send(topic, records, 0);
  const mapping = { parallelizationFactor: FACTOR, batchSize: 1 };
  const w = await kafkaWorld(redis, kafka, { topic, handler: HANDLER, mapping });
  const succeeded = (n: number) =>
    patiently(
      () => w.state(),
      (state) => Number(state['n:succeeded'] ?? 0) >= n,
      { what: `${n} records settled` },
    );
  const free = KEYS.filter((key) => key !== KEYS[1]);
  const told = (n: number, ...daemons: readonly TestDaemon[]) =>
    patiently(
      () => Promise.resolve(kafkaSaid(...daemons).flatMap(({ data }) => data)),
      (data) => free.every((key) => data.includes(`${key}${n}`)),
      { what: `number ${n} of each free key in the log` },
    );
  const one = w.start();
  const state = await succeeded(3 * N + 5);
  // The last one before the poison record, whose offset is 5 * 4 + 1.
  expect(state['cp']).toBe(`${5 * FACTOR + 1}-0`);
  // Lines that it has not written by then end with it.
  await told(N - 1, one);
  one.kill('SIGKILL');
  await one.exited;
  const more = Array.from({ length: 5 }, (_, i) => KEYS.map((key) => ({ key, value: `${key}${N + i}` }))).flat();
  await kafka.send(topic, more, 0);
  const two = w.start();
  await succeeded(3 * N + 5 + 15);
  const ran = await told(N + 4, one, two);
  for (const key of free)
    expect(ran.filter((text) => text?.startsWith(key))).toEqual(Array.from({ length: N + 5 }, (_, i) => `${key}${i}`));
  const ofPoison = [...new Set(ran.filter((text) => text?.startsWith(KEYS[1]!)))];
  expect(ofPoison).toEqual(Array.from({ length: 6 }, (_, i) => `${KEYS[1]}${i}`));
  const skipped = await run(MILLRACE, ['mapping', 'skip', 'm', '-c', w.config, '--shard', `${topic}-0`, '--yes']);
  expect([skipped.code, skipped.stdout]).toEqual([0, expect.stringContaining('1 record skipped')]);
  const end = await succeeded(FACTOR * (N + 5) - 1);
  expect(end).toMatchObject({ 'n:givenUp': '1', cp: `${FACTOR * (N + 5)}-0` });
  const rest = kafkaSaid(two).flatMap(({ data }) => data);
  const behind = Array.from({ length: N + 5 - 6 }, (_, i) => `${KEYS[1]}${i + 6}`);
  expect(rest.filter((text) => text?.startsWith(KEYS[1]!) && text !== POISON)).toEqual(behind);
  expect(await two.stop()).toBe(0);
});
