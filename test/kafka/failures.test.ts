/** `millrace failures` where notices are messages of a topic, on a real broker. */
import { expect, test } from 'vitest';
import { Keys } from '../../src/redis/keys.ts';
import { readOutboxes } from '../../src/observe/outboxes.ts';
import { numbers } from '../support/engine.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { kafkaWorld, patiently } from '../support/kafka/world.ts';
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
