/** What functions return, into a topic: through the shard's outbox, each entry once for who reads what is committed, on a real broker. */
import type { KafkaMessage } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { createExactSender } from '../../connectors/kafka/exact-producer.ts';
import { ExactWay } from '../../src/daemon/exact-way.ts';
import { silentLog } from '../../src/observe/log.ts';
import { collectStatus } from '../../src/observe/status.ts';
import type { OutgoingEntry } from '../../src/outbox.ts';
import { Keys } from '../../src/redis/keys.ts';
import { makeTopic } from '../support/kafka/make-topic.ts';
import { readTopic } from '../support/kafka/read-topic.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { kafkaWorld, patiently } from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const redis = useRedis();
const kafka = useKafka();
const keys = new Keys('millrace');

interface Got {
  readonly partition: number;
  readonly key: string | null;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What readers of committed records get, once `enough` of it is there. */
function read(topic: string, enough: (got: readonly Got[]) => boolean, committed = true): Promise<Got[]> {
  const toGot = (partition: number, { key, value, headers: given }: KafkaMessage): Got => {
    const headers = Object.entries(given ?? {}).map(([name, text]) => [name, String(text)] as const);
    return {
      partition,
      key: key === null ? null : String(key),
      value: String(value),
      headers: Object.fromEntries(headers),
    };
  };
  return readTopic(kafka.client, topic, toGot, enough, { readUncommitted: !committed });
}

const look = async () => (await collectStatus(redis.client, keys)).mappings.find(({ name }) => name === 'm');
const shardsNow = async () => (await look())?.shards ?? [];
const sentAll = () =>
  patiently(shardsNow, (all) => all.length > 0 && all.every((one) => !one.unsent), { what: 'all is sent' });
const output = (topic: string, more: object = {}) => ({
  output: { type: 'kafka-topic', connection: 'test', topic, ...more },
});
const stream = { type: 'redis-stream', stream: 'in' };
const fromStream = { source: stream, startingPosition: 'TRIM_HORIZON', batchSize: 10 };
const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => String(from + i));
const add = async (values: readonly string[]) => {
  for (const data of values) await redis.client.xadd('in', '*', 'partitionKey', `k${Number(data) % 5}`, 'data', data);
};

describe('an output to a topic', () => {
  test('has key, bytes, headers and origin of each entry, each key’s in order, and says nothing of an empty outbox', async () => {
    const target = await kafka.topic(3);
    await add(numbers(60));
    const handler = `export const handler = async (event) => ({ output: event.Records.map((record) => ({
      itemIdentifier: record.kinesis.sequenceNumber, headers: { kind: 'é', origin: 'mine' },
      ...(record.kinesis.data === 'NQ==' ? { dataBase64: '/wCA' } : { data: { is: Number(Buffer.from(record.kinesis.data, 'base64')) } }) })) });`;
    const w = await kafkaWorld(redis, kafka, {
      topic: 'unused',
      handler,
      mapping: { ...fromStream, ...output(target) },
    });
    const daemon = w.start();
    const got = await read(target, (all) => all.length >= 60);
    await sentAll();
    expect(got).toHaveLength(60);
    const valueOf = (n: number) => (n === 5 ? Buffer.from([255, 0, 128]).toString() : JSON.stringify({ is: n }));
    for (const k of [0, 1, 2, 3, 4]) {
      const own = got.filter(({ key }) => key === `k${k}`);
      expect(own.map(({ value }) => value)).toEqual(Array.from({ length: 12 }, (_, i) => valueOf(5 * i + k)));
    }
    expect(new Set(got.map(({ headers }) => headers['origin'])).size).toBe(60);
    for (const { headers } of got) {
      expect(headers['origin']).toMatch(/^m\/shardId-000000000000\/1\/\d+\/0$/);
      expect(headers['kind']).toBe('é');
    }
    expect(await look()).toMatchObject({
      output: { type: 'kafka-topic', connection: 'test', topic: target, unsettled: 0, waitsFor: null },
    });
    expect(await daemon.stop()).toBe(0);
  });

  test('from a topic, with a partial success: what was settled, and the rest with its own success', async () => {
    const [topic, target] = [await kafka.topic(2), await kafka.topic(1)];
    const handler = `export const handler = async (event, context) => {
      const records = Object.values(event.records)[0];
      const output = records.map((r) => ({ itemIdentifier: String(r.offset), data: Buffer.from(r.value, 'base64').toString() }));
      if (context.millrace.attempt > 1 || records.length < 3) return { output };
      return { output, batchItemFailures: [{ itemIdentifier: String(records[2].offset) }] };
    };`;
    const functionResponseTypes = ['ReportBatchItemFailures'];
    const mapping = { ...output(target), functionResponseTypes, batchSize: 7 };
    const w = await kafkaWorld(redis, kafka, { topic, handler, mapping });
    for (const partition of [0, 1]) {
      const values = numbers(50, partition * 50).map((value) => ({ key: `p${partition}`, value }));
      await kafka.send(topic, values, partition);
    }
    w.start();
    const got = await read(target, (all) => all.length >= 100);
    await sentAll();
    expect(got).toHaveLength(100);
    for (const partition of [0, 1]) {
      const own = got.filter(({ headers }) => headers['origin']!.startsWith(`m/${topic}-${partition}/`));
      expect(own.map(({ value }) => value)).toEqual(numbers(50, partition * 50));
      expect(new Set(own.map(({ key }) => key))).toEqual(new Set([`p${partition}`]));
    }
  });

  test('that is missing is waited for: the shard waits at its bound, status says for whom, and all comes once it is there', async () => {
    const target = `${await kafka.topic(1)}-later`;
    await add(numbers(100));
    const handler = `export const handler = async (event) => ({ output: event.Records.map((record) => ({
      itemIdentifier: record.kinesis.sequenceNumber, data: record.kinesis.data })) });`;
    const mapping = { ...fromStream, ...output(target, { maxUnsettled: 30 }) };
    const w = await kafkaWorld(redis, kafka, { topic: 'unused', handler, mapping });
    const daemon = w.start();
    const waits = (now: Awaited<ReturnType<typeof look>>) =>
      now?.output?.waitsFor != null && !!now.shards[0]?.unsent?.lastError;
    const waiting = await patiently(look, waits, { what: 'somebody who waits' });
    expect(waiting!.output).toMatchObject({ maxUnsettled: 30, waitsFor: `test/${target}` });
    expect(waiting!.shards[0]!.unsent).toMatchObject({ lastError: `there is no topic ${target}` });
    const { unsettled } = waiting!.output!;
    // The batch in hand, and the one whose settle waits to be one with the next delivery.
    expect(unsettled).toBeGreaterThanOrEqual(30);
    expect(unsettled).toBeLessThan(50);
    const cli = (...args: readonly string[]) => run(MILLRACE, [...args, '-c', w.config]);
    const checked = await cli('validate', '--connect');
    expect([checked.code, checked.stdout + checked.stderr]).toEqual([
      1,
      expect.stringContaining(`the outputs go to a topic: there is no topic \`${target}\``),
    ]);
    expect((await cli('status')).stdout).toContain(`waits for test/${target}`);
    expect(await daemon.stop()).toBe(0);
    const refused = await cli('mapping', 'forget', 'm', '--yes');
    expect([refused.code, refused.stdout + refused.stderr]).toEqual([1, expect.stringContaining('messages of m')]);
    await makeTopic(kafka.client, { topic: target, numPartitions: 1 });
    w.start();
    const got = await read(target, (all) => all.length >= 100);
    await sentAll();
    expect(got.map(({ value }) => Buffer.from(value, 'base64').toString())).toEqual(numbers(100));
  });
});

describe('a shard’s way into a topic', () => {
  const entries = (from: number, count: number, size = 10): OutgoingEntry[] =>
    numbers(count, from).map((n) => ({
      ...{ mark: `mark ${n}`, partitionKey: `k${Number(n) % 3}`, headers: [], origin: n },
      data: Buffer.alloc(size, n),
    }));
  const connection = () => ({ brokers: [kafka.bootstrap], clientId: 'test', ssl: false });
  const opened: { close(): Promise<void> }[] = [];
  const open = (topic: string, name: string) => {
    const way = new ExactWay(createExactSender(connection(), topic, name, silentLog));
    opened.push(way);
    /** As who empties an outbox does: where it is to be read again, these are what is in it. */
    const send = async (given: readonly OutgoingEntry[]) => {
      while (!(await way.send(given)));
    };
    return { send };
  };
  const origins = (got: readonly Got[]) =>
    got.map(({ headers }) => Number(headers['origin'])).toSorted((a, b) => a - b);
  const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

  test('takes what it has no second time, whoever sends it, and in the middle of what it has', async () => {
    const topic = await kafka.topic(2);
    const [first, second] = [open(topic, `x.${topic}`), open(topic, `x.${topic}`)];
    await first.send(entries(0, 10));
    await second.send(entries(0, 10));
    await second.send(entries(5, 10));
    await expect(first.send(entries(15, 5))).rejects.toThrow('another daemon sends');
    await first.send(entries(10, 10));
    // What one of another shard sends is no business of theirs.
    await open(topic, `y.${topic}`).send(entries(20, 5));
    const got = await read(topic, (all) => all.length >= 25);
    expect(origins(got)).toEqual(upTo(25));
  });

  test('cut off in the middle of a transaction, leaves nothing that committed readers see, and the next one goes on', async () => {
    const topic = await kafka.topic(1);
    const name = `x.${topic}`;
    await open(topic, name).send(entries(0, 5));
    const producer = kafka.client.producer({ transactionalId: name, maxInFlightRequests: 1 });
    await producer.connect();
    const transaction = await producer.transaction();
    const position = { partition: 0, offset: '0', metadata: 'mark 9' };
    await transaction.sendOffsets({ consumerGroupId: name, topics: [{ topic, partitions: [position] }] });
    await transaction.send({ topic, messages: [{ key: 'k', value: 'never', headers: { origin: '5' } }] });
    await open(topic, name).send(entries(0, 10));
    await expect(transaction.commit()).rejects.toThrow();
    await producer.disconnect();
    expect(origins(await read(topic, (all) => all.length >= 10))).toEqual(upTo(10));
    // Who reads what is not committed sees both.
    expect(await read(topic, (all) => all.length >= 11, false)).toHaveLength(11);
  });

  test('takes together what the topic takes together, and says which setting keeps the rest out', async () => {
    const topic = await kafka.topic(1, { 'max.message.bytes': '50000' });
    const sender = open(topic, `x.${topic}`);
    await sender.send(entries(0, 12, 20_000));
    await expect(sender.send(entries(12, 1, 60_000))).rejects.toThrow('max.message.bytes');
    await sender.send(entries(12, 1, 10));
    expect(origins(await read(topic, (all) => all.length >= 13))).toEqual(upTo(13));
    await Promise.all(opened.splice(0).map((one) => one.close()));
  });
});
