/** Kafka partitions through the whole path, on a real broker: poller, spool, ordinary turns, committed offsets. */
import { describe, expect, test } from 'vitest';
import { numbers } from '../support/engine.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { dataOf, kafkaSaid, type KafkaWorld, kafkaWorld, patiently, SAID, settled } from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const kafka = useKafka();
const values = (texts: readonly string[]) => texts.map((value) => ({ key: 'k', value }));

const committed = (w: KafkaWorld, offsets: readonly number[]) =>
  patiently(
    async () =>
      [...(await kafka.group(w.groupId))].sort(([a], [b]) => a - b).map(([, { offset, lag }]) => [offset, lag]),
    (seen) => JSON.stringify(seen) === JSON.stringify(offsets.map((offset) => [offset, 0])),
    { what: `offsets ${offsets.join()}` },
  );

describe('records of a topic', () => {
  test('reach the handler once, each partition in order, and Kafka’s own tools see them settled', async () => {
    const topic = await kafka.topic(3);
    for (const partition of [0, 1, 2]) await kafka.send(topic, values(numbers(50, partition * 100)), partition);
    const w = await kafkaWorld(redis, kafka, { topic, mapping: { batchSize: 7 } });
    const daemon = w.start();
    await daemon.ready;
    await settled(w, 150);
    await kafka.send(topic, values(numbers(10, 50)), 0);
    await settled(w, 160);
    await expect.poll(() => dataOf(kafkaSaid(daemon), `${topic}-0`), SAID).toEqual(numbers(60));
    for (const partition of [1, 2])
      expect(dataOf(kafkaSaid(daemon), `${topic}-${partition}`)).toEqual(numbers(50, partition * 100));
    expect(Math.max(...kafkaSaid(daemon).map(({ data }) => data.length))).toBe(7);
    await committed(w, [60, 50, 50]);
    expect(await daemon.stop()).toBe(0);
  });

  test('go on where they were after a clean stop, without a repeat', async () => {
    const topic = await kafka.topic(1);
    await kafka.send(topic, values(numbers(20)));
    const w = await kafkaWorld(redis, kafka, { topic, mapping: { batchSize: 3 } });
    const first = w.start();
    await settled(w, 20);
    expect(await first.stop()).toBe(0);
    await kafka.send(topic, values(numbers(20, 20)));
    const second = w.start();
    await settled(w, 40);
    await expect.poll(() => dataOf(kafkaSaid(first, second), `${topic}-0`), SAID).toEqual(numbers(40));
    await committed(w, [40]);
  });

  test('come in AWS’s shape: null keys, tombstones, headers twice and binary, the time of the log', async () => {
    const topic = await kafka.topic(1, { 'message.timestamp.type': 'LogAppendTime' });
    const headers = { a: [Buffer.from([0, 127, 128, 255]), 'x'], 'b é': 'y' };
    await kafka.send(topic, [
      { key: Buffer.from([255, 0]), value: 'one', headers },
      { key: null, value: 'two' },
      { key: '', value: '' },
      { key: 'gone', value: null },
    ]);
    const handler = 'export const handler = async (event) => { console.log(JSON.stringify(event)); };';
    const daemon = (await kafkaWorld(redis, kafka, { topic, handler })).start();
    const line = await daemon.line((l) => l['stream'] === 'handler', 'the event');
    const event = JSON.parse(line.msg) as { records: Record<string, Record<string, unknown>[]> };
    const records = event.records[`${topic}-0`]!;
    expect(event).toMatchObject({ eventSource: 'SelfManagedKafka', bootstrapServers: kafka.bootstrap });
    expect(Object.keys(event.records)).toEqual([`${topic}-0`]);
    const common = { topic, partition: 0, timestamp: expect.any(Number) as number, timestampType: 'LOG_APPEND_TIME' };
    expect(records).toEqual([
      {
        ...{ ...common, offset: 0, key: '/wA=', value: 'b25l' },
        headers: [{ a: [0, 127, -128, -1] }, { a: [120] }, { 'b é': [121] }],
      },
      { ...common, offset: 1, value: 'dHdv', headers: [] },
      { ...common, offset: 2, key: '', value: '', headers: [] },
      { ...common, offset: 3, key: 'Z29uZQ==', value: null, headers: [] },
    ]);
    expect(Math.abs(Number(records[0]!['timestamp']) - Date.now())).toBeLessThan(60_000);
  });

  test('come as Kinesis records where that is asked for', async () => {
    const topic = await kafka.topic(1);
    await kafka.send(topic, [
      { key: 'k1', value: 'one', timestamp: String(Date.now() - 1_500) },
      { key: Buffer.from([255]), value: 'two' },
      { key: null, value: null },
    ]);
    const handler = 'export const handler = async (event) => { console.log(JSON.stringify(event)); };';
    const w = await kafkaWorld(redis, kafka, { topic, handler, mapping: { eventFormat: 'kinesis' } });
    const line = await w.start().line((l) => l['stream'] === 'handler', 'the event');
    const { Records } = JSON.parse(line.msg) as { Records: Record<string, Record<string, unknown>>[] };
    expect(
      Records.map(({ kinesis }) => [kinesis!['partitionKey'], kinesis!['sequenceNumber'], kinesis!['data']]),
    ).toEqual([
      ['k1', '0', 'b25l'],
      ['/w==', '1', 'dHdv'],
      [topic, '2', ''],
    ]);
    expect(Records[1]!['eventID']).toBe(`${topic}-0:1`);
  });
});

describe('records that fail', () => {
  const failing = (response: string) => `export const handler = async (event, context) => {
    say(event, context);
    const [shard, records] = Object.entries(event.records)[0];
    const bad = records.find((r) => atob(r.value) === 'bad');
    return { batchItemFailures: bad ? [{ itemIdentifier: ${response} }] : [] };
  };`;
  const mapping = { batchSize: 4, functionResponseTypes: ['ReportBatchItemFailures'], maximumRetryAttempts: 0 };

  test.each([['{ partition: shard, offset: bad.offset }'], ['String(bad.offset)']])(
    'are named by %s; what lies before is settled, and the notice says which',
    async (identifier) => {
      const topic = await kafka.topic(1);
      await kafka.send(topic, values(['a', 'b', 'bad', 'c']));
      const w = await kafkaWorld(redis, kafka, { topic, handler: failing(identifier), mapping });
      const daemon = w.start();
      await patiently(
        () => w.notices(),
        (notices) => notices.length === 1,
        { what: 'the notice' },
      );
      await expect.poll(() => kafkaSaid(daemon).map(({ data }) => data.join()), SAID).toEqual(['a,b,bad,c', 'bad,c']);
      const [notice] = await w.notices();
      expect(notice).toMatchObject({
        requestContext: { condition: 'RetryAttemptsExhausted', approximateInvokeCount: 1 },
        KafkaBatchInfo: {
          batchSize: 2,
          bootstrapServers: kafka.bootstrap,
          recordsInfo: { [`${topic}-0`]: { firstRecordOffset: 2, lastRecordOffset: 3 } },
        },
      });
      await committed(w, [4]);
    },
  );

  test('hold their partition and no other; the committed offset waits before them', async () => {
    const topic = await kafka.topic(2);
    await kafka.send(topic, values(['a', 'b', 'bad', 'c']), 0);
    await kafka.send(topic, values(numbers(30)), 1);
    const handler = `export const handler = async (event, context) => {
      say(event, context);
      const [, records] = Object.entries(event.records)[0];
      if (records.some((r) => atob(r.value) === 'bad')) throw new Error('poison');
    };`;
    const w = await kafkaWorld(redis, kafka, { topic, handler, mapping: { batchSize: 2 } });
    w.start();
    await patiently(
      () => w.state(1),
      (s) => s['n:succeeded'] === '30',
      { what: 'the other partition' },
    );
    await patiently(
      () => w.state(0),
      (s) => s['blk'] !== '' && s['blk'] !== undefined,
      { what: 'the partition blocked' },
    );
    await patiently(
      async () => [...(await kafka.group(w.groupId)).entries()].sort(([a], [b]) => a - b),
      (rows) => JSON.stringify(rows) === '[[0,{"offset":2,"lag":2}],[1,{"offset":30,"lag":0}]]',
      { what: 'the committed offset before the poison record' },
    );
  });
});
