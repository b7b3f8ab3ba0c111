/** `millrace failures` where notices are messages of a topic, on a real broker. */
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { Keys } from '../../src/redis/keys.ts';
import { readOutboxes } from '../../src/observe/outboxes.ts';
import { numbers } from '../support/engine.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { kafkaSaid, kafkaWorld, patiently } from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const redis = useRedis();
const kafka = useKafka();
const keys = new Keys('millrace');
const FAILS = `export const handler = async () => { throw new Error('never'); };`;

async function failedWorld(records: number, partitions: number) {
  const [topic, failed] = [await kafka.topic(1), await kafka.topic(partitions)];
  const messages = numbers(records).map((value) => ({ key: value, value }));
  await kafka.send(topic, messages);
  const onFailure = { type: 'kafka-topic', connection: 'test', topic: failed };
  const mapping = { maximumRetryAttempts: 0, batchSize: 4, destinationConfig: { onFailure } };
  const w = await kafkaWorld(redis, kafka, { topic, handler: FAILS, mapping });
  const daemon = w.start();
  await patiently(
    () => w.state(),
    (state) => state['n:givenUp'] === String(records),
    { what: 'all of them given up' },
  );
  await patiently(
    () => readOutboxes(redis.client, keys, 'm', [`${topic}-0`], 'notices'),
    ({ size }) => size === 0,
    { what: 'an empty outbox' },
  );
  await daemon.stop();
  const cli = (...args: readonly string[]) => run(MILLRACE, ['failures', ...args, '-c', w.config]);
  return { ...w, topic, failed, cli };
}

test('each message is listed by partition and offset, and shown', async () => {
  const w = await failedWorld(10, 3);
  const { code, stdout, stderr } = await w.cli('list', '--json');
  expect([code, stderr]).toEqual([0, '']);
  const list = JSON.parse(stdout) as { id: string }[];
  expect(list).toHaveLength(10);
  expect(new Set(list.map(({ id }) => id)).size).toBe(10);
  for (const entry of list)
    expect(entry).toEqual({
      id: expect.stringMatching(/^[012]:\d+$/) as string,
      ...{ mapping: 'm', shardId: `${w.topic}-0`, condition: 'RetryAttemptsExhausted', records: 1 },
      time: expect.any(String) as string,
      error: { errorType: 'Error', errorMessage: 'never' },
    });
  const shown = await w.cli('show', list[3]!.id, '--json');
  expect(shown.code).toBe(0);
  const { notice, ...summary } = JSON.parse(shown.stdout) as { notice: { payload: string } };
  expect(summary).toEqual(list[3]);
  expect(Object.keys((JSON.parse(notice.payload) as { records: object }).records)).toEqual([`${w.topic}-0`]);
  const missing = await w.cli('show', '2:999999');
  expect([missing.code, missing.stdout]).toEqual([1, '']);
});

test('a redrive runs each record once, in order; what succeeded is not listed any more', async () => {
  const w = await failedWorld(24, 3);
  await writeFile(
    `${w.dir}/handler.mjs`,
    `export const handler = async (event, context) => {
       const [shard, [record]] = Object.entries(event.records)[0];
       const data = Buffer.from(record.value, 'base64').toString();
       console.log(JSON.stringify({ data: [data], offsets: [record.offset], shard: context.millrace.shardId }));
       if (data === 'r7') throw new Error('still');
     };`,
  );
  const daemon = w.start();
  await daemon.ready;
  const ours = () => kafkaSaid(daemon).filter(({ shard }) => shard === `redrive:${w.topic}-0`);
  const some = (JSON.parse((await w.cli('list', '--json')).stdout) as { id: string }[]).slice(0, 2);
  const asked = ['redrive', '--mapping', 'm', '--yes', '--json'];
  const [one, both] = await Promise.all([w.cli(...asked, ...some.map(({ id }) => id)), w.cli(...asked)]);
  const reports = [one, both].map(({ code, stdout }) => {
    expect(code).toBe(0);
    return JSON.parse(stdout) as { redriven: number; succeeded: number; failedAgain: number };
  });
  const sum = (of: 'redriven' | 'succeeded' | 'failedAgain') => reports.reduce((n, report) => n + report[of], 0);
  expect([sum('redriven'), sum('succeeded'), sum('failedAgain')]).toEqual([24, 23, 1]);
  await patiently(ours, (said) => said.length >= 24, { what: '24 runs' });
  // What was put there first may have begun first; nothing ran twice.
  expect(
    ours()
      .flatMap(({ offsets }) => offsets)
      .toSorted((a, b) => a - b),
  ).toEqual(numbers(24).map((_, i) => i));
  const left = JSON.parse((await w.cli('list', '--json')).stdout) as object[];
  expect(left).toHaveLength(1);
  const again = await w.cli(...asked);
  expect(JSON.parse(again.stdout)).toEqual({ redriven: 1, succeeded: 0, failedAgain: 1 });
  await daemon.stop();
  expect(await redis.client.exists(keys.redriveTexts('m'), keys.redrives())).toBe(0);
  await kafka.admin.deleteTopics({ topics: [w.failed] });
});

test('a redrive of messages is in the order of their records, whatever partitions they are in', async () => {
  const w = await failedWorld(20, 3);
  await writeFile(
    `${w.dir}/handler.mjs`,
    `export const handler = async (event, context) => {
       const [[record]] = Object.values(event.records);
       console.log(JSON.stringify({ data: [null], offsets: [record.offset], shard: context.millrace.shardId }));
     };`,
  );
  const daemon = w.start();
  await daemon.ready;
  const ran = await w.cli('redrive', '--mapping', 'm', '--yes', '--json');
  expect([ran.code, JSON.parse(ran.stdout)]).toEqual([0, { redriven: 20, succeeded: 20, failedAgain: 0 }]);
  const offsets = () => kafkaSaid(daemon).flatMap((said) => said.offsets);
  await patiently(offsets, (all) => all.length >= 20, { what: '20 runs' });
  expect(offsets()).toEqual(numbers(20).map((_, i) => i));
  expect(JSON.parse((await w.cli('list', '--json')).stdout)).toEqual([]);
});

test('a topic that is missing is said; a broker that is away is exit 2', async () => {
  const topic = await kafka.topic(1);
  const onFailure = (connection: string) => ({ type: 'kafka-topic', connection, topic: `${topic}-failed` });
  const list = async (connection: string) => {
    const away = { type: 'kafka', brokers: ['127.0.0.1:1'] };
    const mapping = { destinationConfig: { onFailure: onFailure(connection) } };
    const w = await kafkaWorld(redis, kafka, { topic, mapping, connections: { away } });
    return run(MILLRACE, ['failures', 'list', '--json', '-c', w.config]);
  };
  const missing = await list('test');
  expect([missing.code, missing.stdout]).toEqual([0, '[]\n']);
  expect(missing.stderr).toContain(`there is no topic ${topic}-failed`);
  const away = await list('away');
  expect([away.code, away.stdout]).toEqual([2, '']);
  expect(away.stderr).toContain('no broker answers');
});
