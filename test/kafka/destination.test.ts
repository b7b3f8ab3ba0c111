/** Notices of failed records as messages of a topic: through the shard's outbox, on a real broker. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaMessage } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { Keys } from '../../src/redis/keys.ts';
import { collectStatus } from '../../src/observe/status.ts';
import { encodeMessage } from '../../src/outbox.ts';
import { configDir } from '../support/daemon.ts';
import { numbers } from '../support/engine.ts';
import { startBroker, stopBroker } from '../support/kafka/broker.ts';
import { makeTopic } from '../support/kafka/make-topic.ts';
import { readTopic } from '../support/kafka/read-topic.ts';
import { startOwnBroker, useKafka } from '../support/kafka/use-kafka.ts';
import { kafkaWorld, patiently } from '../support/kafka/world.ts';
import { MILLRACE, run } from '../support/run.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const kafka = useKafka();
const keys = new Keys('millrace');
const FAILS = `export const handler = async () => { throw new Error('never'); };`;
const POLICY = { maximumRetryAttempts: 0, bisectBatchOnFunctionError: false };
const to = (topic: string, connection = 'test') => ({
  destinationConfig: { onFailure: { type: 'kafka-topic', connection, topic } },
});

interface Got {
  readonly partition: number;
  readonly key: string | null;
  readonly notice: {
    readonly requestContext: { readonly condition: string };
    readonly KafkaBatchInfo?: { readonly batchSize: number; readonly recordInfo: { readonly offset: string } };
    readonly KinesisBatchInfo?: { readonly batchSize: number; readonly startSequenceNumber: string };
    readonly payload?: string;
    readonly payloadOmitted?: string;
  };
}

/** Everything in the topic, once `enough` of it is there. */
function read(topic: string, enough: (got: readonly Got[]) => boolean, client = kafka.client): Promise<Got[]> {
  const toGot = (partition: number, { key, value }: KafkaMessage): Got => {
    const notice = JSON.parse(String(value)) as Got['notice'];
    return { partition, key: key === null ? null : key.toString(), notice };
  };
  return readTopic(client, topic, toGot, enough);
}

const outboxes = async () => {
  const status = await collectStatus(redis.client, keys);
  return status.mappings.flatMap(({ shards }) => shards.flatMap(({ outbox }) => outbox ?? []));
};
const empty = () => patiently(outboxes, (found) => found.length === 0, { what: 'empty outboxes' });
const offsetOf = ({ notice }: Got) => Number(notice.KafkaBatchInfo!.recordInfo.offset);

describe('a topic as the destination of notices', () => {
  test('gets AWS’s record for each failed record, keyed as the original, in order', async () => {
    const [topic, failed] = [await kafka.topic(1), await kafka.topic(3)];
    const messages = numbers(60).map((value, i) => ({ key: i % 7 === 6 ? null : `k${i % 5}`, value }));
    await kafka.send(topic, messages);
    const w = await kafkaWorld(redis, kafka, {
      topic,
      handler: FAILS,
      mapping: { ...POLICY, batchSize: 7, ...to(failed) },
    });
    const daemon = w.start();
    const got = await read(failed, (all) => all.length >= 60);
    await empty();
    expect(got).toHaveLength(60);
    for (const one of got) {
      const offset = offsetOf(one);
      expect(one.key).toBe(messages[offset]!.key);
      expect(one.notice).toMatchObject({
        requestContext: { condition: 'RetryAttemptsExhausted', approximateInvokeCount: 1 },
        responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
        version: '1.0',
        KafkaBatchInfo: { batchSize: 1, bootstrapServers: kafka.bootstrap },
        error: { errorType: 'Error', errorMessage: 'never' },
      });
      const { records } = JSON.parse(one.notice.payload!) as { records: Record<string, { offset: number }[]> };
      expect(records[`${topic}-0`]!.map((record) => record.offset)).toEqual([offset]);
    }
    for (const key of numbers(5).map((_, i) => `k${i}`)) {
      const offsets = got.filter((one) => one.key === key).map(offsetOf);
      expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    }
    expect(await w.notices()).toEqual([]);
    expect((await w.state())['n:givenUp']).toBe('60');
    expect(await daemon.stop()).toBe(0);
  });

  test('does so for a mapping that reads a Redis stream', async () => {
    const failed = await kafka.topic(1);
    for (const data of numbers(20)) await redis.client.xadd('in', '*', 'partitionKey', `p-${data}`, 'data', data);
    const w = await kafkaWorld(redis, kafka, {
      topic: 'unused',
      handler: FAILS,
      mapping: {
        source: { type: 'redis-stream', stream: 'in' },
        startingPosition: 'TRIM_HORIZON',
        ...POLICY,
        ...to(failed),
      },
    });
    w.start();
    const got = await read(failed, (all) => all.length >= 20);
    expect(got.map(({ key }) => key)).toEqual(numbers(20).map((data) => `p-${data}`));
    expect(got.every(({ notice }) => notice.KinesisBatchInfo!.batchSize === 1)).toBe(true);
    await empty();
  });

  test('that is missing is waited for; status says why, and nothing is lost', async () => {
    const topic = await kafka.topic(1);
    const failed = `${topic}-failed`;
    await kafka.send(
      topic,
      numbers(10).map((value) => ({ key: value, value })),
    );
    const w = await kafkaWorld(redis, kafka, { topic, handler: FAILS, mapping: { ...POLICY, ...to(failed) } });
    const daemon = w.start();
    const [held] = await patiently(outboxes, ([one]) => one?.lastError != null, { what: 'a reason in status' });
    expect(held).toMatchObject({ messages: 10, lastError: `there is no topic ${failed}` });
    expect(Date.parse(held!.since)).toBeGreaterThan(Date.now() - 120_000);
    await daemon.line((l) => l.msg === 'messages of the outbox cannot be sent', 'a line that says so');
    const cli = (...args: readonly string[]) => run(MILLRACE, [...args, '-c', w.config]);
    const checked = await cli('validate', '--connect');
    expect([checked.code, checked.stdout + checked.stderr]).toEqual([1, expect.stringContaining(`\`${failed}\``)]);
    expect((await cli('status')).stdout).toMatch(/10 messages to be sent, the oldest for .*: there is no topic/);
    expect(await daemon.stop()).toBe(0);
    const refused = await cli('mapping', 'forget', 'm', '--yes');
    expect([refused.code, refused.stdout + refused.stderr]).toEqual([1, expect.stringContaining('10 messages of m')]);
    const next = w.start();
    await next.ready;
    await makeTopic(kafka.client, { topic: failed, numPartitions: 1 });
    const got = await read(failed, (all) => all.length >= 10);
    expect(got.map(({ key }) => key)).toEqual(numbers(10));
    await empty();
  });

  test('that takes no message that large gets it without its payload, and those behind it whole', async () => {
    const [topic, failed] = [await kafka.topic(1), await kafka.topic(1, { 'max.message.bytes': '20000' })];
    await kafka.send(topic, [
      { key: 'large', value: 'x'.repeat(100_000) },
      { key: 'small', value: 'y' },
    ]);
    const w = await kafkaWorld(redis, kafka, { topic, handler: FAILS, mapping: { ...POLICY, ...to(failed) } });
    w.start();
    const [large, small] = await read(failed, (all) => all.length >= 2);
    expect([large!.key, small!.key]).toEqual(['large', 'small']);
    expect(large!.notice.payload).toBeUndefined();
    expect(large!.notice.payloadOmitted).toContain('no message that large');
    expect(small!.notice.payload).toBeDefined();
    await empty();
  });
});

describe('a full outbox', () => {
  test('holds the shard, which says so; it goes on when the topic takes messages again', async () => {
    const topic = await kafka.topic(1);
    const failed = `${topic}-failed`;
    const w = await kafkaWorld(redis, kafka, { topic, handler: FAILS, mapping: { ...POLICY, ...to(failed) } });
    // As settles before would have left it.
    const [target, key] = [{ connection: 'test', topic: failed }, Buffer.from('before')];
    const large = encodeMessage({
      to: target,
      key,
      headers: [],
      value: JSON.stringify({ n: 'x'.repeat(1024 * 1024) }),
    });
    const outbox = keys.outbox('m', `${topic}-0`);
    for (let i = 0; i < 17; i++) await redis.client.xadd(outbox, '*', 'message', large);
    w.start();
    await kafka.send(topic, [{ key: 'after', value: 'v' }]);
    const shards = async () => (await collectStatus(redis.client, keys)).mappings.flatMap((mapping) => mapping.shards);
    const blocked = await patiently(shards, ([shard]) => shard?.why !== undefined, { what: 'a shard that says why' });
    expect(blocked[0]).toMatchObject({ state: 'blocked', why: 'outbox-full', settled: { givenUp: 0 } });
    expect(blocked[0]!.outbox).toMatchObject({ messages: 17 });
    await makeTopic(kafka.client, { topic: failed, numPartitions: 1 });
    const got = await read(failed, (all) => all.some((one) => one.key === 'after'));
    expect(got.map((one) => one.key)).toEqual([...Array<string>(17).fill('before'), 'after']);
    await empty();
  });
});

describe('nothing is lost', () => {
  test('while the destination’s broker is away: held, shown, delivered when it is back', async () => {
    const { place, client: own, ...started } = await startOwnBroker(await configDir({}), 'failed', 1);
    let { broker } = started;
    try {
      await stopBroker(broker, 'SIGKILL');
      for (const data of numbers(30)) await redis.client.xadd('in', '*', 'partitionKey', data, 'data', data);
      const w = await kafkaWorld(redis, kafka, {
        topic: 'unused',
        handler: FAILS,
        connection: { brokers: [`127.0.0.1:${place.port}`] },
        mapping: {
          ...{ source: { type: 'redis-stream', stream: 'in' }, startingPosition: 'TRIM_HORIZON', batchSize: 10 },
          ...{ ...POLICY, ...to('failed') },
        },
      });
      const first = w.start();
      const enough = (found: Awaited<ReturnType<typeof outboxes>>) =>
        found[0]?.messages === 30 && found[0].lastError !== null;
      const [held] = await patiently(outboxes, enough, { what: 'thirty held messages' });
      expect(held!.lastError).toContain('no broker answers');
      // A stop while it is away is a stop all the same, and a kill loses nothing either.
      expect(await first.stop()).toBe(0);
      const second = w.start();
      await second.ready;
      second.kill('SIGKILL');
      broker = await startBroker(place);
      w.start();
      const got = await read('failed', (all) => all.length >= 30, own);
      await empty();
      expect(got.map(({ key }) => key)).toEqual(numbers(30));
    } finally {
      await stopBroker(broker, 'SIGKILL');
    }
  });

  test('while the broker is killed again and again as messages without keys are on their way to three partitions', async () => {
    const { place, client: own, ...started } = await startOwnBroker(await configDir({}), 'failed', 3);
    let { broker } = started;
    try {
      const [topic, TOTAL] = [await kafka.topic(1), 1_500];
      await kafka.send(
        topic,
        numbers(TOTAL).map((value) => ({ key: null, value })),
      );
      const handler = `export const handler = async () => { await new Promise((resolve) => setTimeout(resolve, 20)); throw new Error('never'); };`;
      const away = { type: 'kafka', brokers: [`127.0.0.1:${place.port}`] };
      const mapping = { ...POLICY, batchSize: 5, ...to('failed', 'away') };
      const w = await kafkaWorld(redis, kafka, { topic, handler, connections: { away }, mapping });
      w.start();
      for (let i = 0; i < 2; i++) {
        await sleep(1_000 + Math.random() * 2_000);
        await stopBroker(broker, 'SIGKILL');
        broker = await startBroker(place);
      }
      const got = await read('failed', (all) => new Set(all.map(offsetOf)).size >= TOTAL, own);
      await empty();
      expect(new Set(got.map(offsetOf)).size).toBe(TOTAL);
    } finally {
      await stopBroker(broker, 'SIGKILL');
    }
  });

  test('by four kills at random moments: every failed record has its message, in its order; repeats follow kills alone', async () => {
    const [topic, failed] = [await kafka.topic(2), await kafka.topic(1)];
    const [KILLS, EACH] = [4, 40];
    const handler = `export const handler = async () => { await new Promise((resolve) => setTimeout(resolve, 5)); throw new Error('never'); };`;
    const mapping = { ...POLICY, batchSize: 4, ...to(failed) };
    const w = await kafkaWorld(redis, kafka, { topic, handler, mapping });
    const pair = [w.start(), w.start()];
    await Promise.all(pair.map(({ ready }) => ready));
    for (let i = 0; i < KILLS; i++) {
      const values = numbers(EACH, i * EACH).map((value) => ({ key: value, value }));
      for (const partition of [0, 1]) await kafka.send(topic, values, partition);
      await sleep(Math.random() * 1_500);
      pair[i % 2]!.kill('SIGKILL');
      pair[i % 2] = w.start();
      await pair[i % 2]!.ready;
    }
    const total = 2 * KILLS * EACH;
    const distinct = (all: readonly Got[]) => new Set(all.map((one) => JSON.stringify(one.notice.KafkaBatchInfo))).size;
    const got = await read(failed, (all) => distinct(all) >= total);
    await empty();
    expect(distinct(got)).toBe(total);
    for (const partition of [0, 1]) {
      const shard = `${topic}-${partition}`;
      const seen = new Set<number>();
      for (const one of got.filter(
        ({ notice }) => shard in (notice.KafkaBatchInfo as never as { recordsInfo: object }).recordsInfo,
      )) {
        const offset = offsetOf(one);
        // First times ascend; what comes again was there.
        if (!seen.has(offset)) expect(offset).toBe(seen.size);
        seen.add(offset);
      }
      expect(seen.size).toBe(KILLS * EACH);
    }
    expect(got.length - total).toBeLessThanOrEqual(KILLS * 500);
  }, 600_000);
});
