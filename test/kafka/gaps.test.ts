/** Gaps that are losses and gaps that are none, resets by an operator, topics that change under the mapping. */
import type { Producer, Transaction } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { numbers } from '../support/engine.ts';
import { java } from '../support/kafka/broker.ts';
import { spooled } from '../support/kafka/spooled.ts';
import { makeAnew, makeTopic } from '../support/kafka/make-topic.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import {
  caughtUp,
  dataOf,
  kafkaSaid,
  type KafkaWorld,
  kafkaWorld,
  keyed,
  patiently,
  SAID,
  settled,
} from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const kafka = useKafka();
const GROUPS = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand';

const lag = (w: KafkaWorld, offset: number) => caughtUp(kafka, w, offset);

/** What the log holds from its beginning to the offset, as any other consumer reads it. */
async function offsetsOf(topic: string, upTo: number): Promise<number[]> {
  const consumer = kafka.client.consumer({ groupId: `other-${topic}`, sessionTimeout: 6_000 });
  const offsets: number[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    const eachMessage = ({ message }: { readonly message: { readonly offset: string } }) => {
      offsets.push(Number(message.offset));
      if (Number(message.offset) >= upTo) resolve();
      return Promise.resolve();
    };
    consumer.run({ autoCommit: false, eachMessage }).catch(reject);
  });
  await consumer.disconnect();
  return offsets;
}

/** By Kafka's own tool, while nobody is in the group. */
async function reset(w: KafkaWorld, topic: string, to: number): Promise<void> {
  const args = ['--bootstrap-server', kafka.bootstrap, '--group', w.groupId, '--topic', topic];
  const printed = await java(kafka.place, GROUPS, [...args, '--reset-offsets', '--to-offset', String(to), '--execute']);
  expect(printed).toContain(w.groupId);
}

/**
 * Four producers of one partition, as the shards of a mapping have one each. Kafka lists what was aborted in the order of the ends: here the
 * first one to begin comes last. 15 offsets, of which 5 are markers; one record is committed, and one is in no transaction.
 */
async function overlap(topic: string): Promise<void> {
  const producers = Array.from({ length: 4 }, (_, i) =>
    kafka.client.producer({ transactionalId: `tx-${topic}-${i}`, maxInFlightRequests: 1, idempotent: true }),
  );
  await Promise.all(producers.map((producer) => producer.connect()));
  const send = async (tx: Transaction, value: string, key: Buffer | null = null) => {
    await tx.send({ topic, messages: [{ key, value }] });
  };
  const begin = async (producer: Producer) => {
    const tx = await producer.transaction();
    await send(tx, 'never');
    return tx;
  };
  const open: Transaction[] = [];
  for (const producer of producers) open.push(await begin(producer));
  const [first, second, third, fourth] = open as [Transaction, Transaction, Transaction, Transaction];
  // A key of a user that looks like the marker of an end.
  await send(fourth, 'never', Buffer.alloc(4));
  await send(fourth, 'never');
  await fourth.abort();
  await third.abort();
  const kept = await producers[3]!.transaction();
  await send(kept, 'kept');
  await send(first, 'never');
  await kept.commit();
  await second.abort();
  await send(first, 'never');
  await first.abort();
  await kafka.send(topic, [{ value: 'last' }], 0);
  await Promise.all(producers.map((producer) => producer.disconnect()));
}

describe('no loss', () => {
  test('aborted transactions and markers are passed, and the lag reaches 0', async () => {
    const topic = await kafka.topic(1);
    const producer = kafka.client.producer({
      transactionalId: `tx-${topic}`,
      maxInFlightRequests: 1,
      idempotent: true,
    });
    await producer.connect();
    const transact = async (texts: readonly string[], commit: boolean) => {
      const tx = await producer.transaction();
      await tx.send({ topic, messages: keyed(texts) });
      await (commit ? tx.commit() : tx.abort());
    };
    await transact(['a', 'b'], true);
    await transact(['never', 'seen'], false);
    await transact(['c'], true);
    const w = await kafkaWorld(redis, kafka, { topic });
    const daemon = w.start();
    await settled(w, 3);
    // a b marker, never seen marker, c marker; and a tail that holds nothing for us.
    await lag(w, 8);
    await transact(['nor', 'this'], false);
    await lag(w, 11);
    await producer.disconnect();
    expect(dataOf(kafkaSaid(daemon), `${topic}-0`)).toEqual(['a', 'b', 'c']);
    expect(await w.notices()).toEqual([]);
    expect((await w.state())['n:lostBySource']).toBeUndefined();
  });

  test.each([0, 3])(
    'transactions that overlap and are aborted in another order, read from offset %d on',
    async (offset) => {
      const topic = await kafka.topic(1);
      await overlap(topic);
      const w = await kafkaWorld(redis, kafka, { topic });
      const start = { groupId: w.groupId, topic, partitions: [{ partition: 0, offset: String(offset) }] };
      await kafka.admin.setOffsets(start);
      const daemon = w.start();
      await settled(w, 2);
      await lag(w, 15);
      expect(dataOf(kafkaSaid(daemon), `${topic}-0`)).toEqual(['kept', 'last']);
    },
  );

  test('compacted offsets are passed', async () => {
    const compact = { 'cleanup.policy': 'compact', 'segment.ms': '100', 'min.cleanable.dirty.ratio': '0.001' };
    const topic = await kafka.topic(1, { ...compact, 'delete.retention.ms': '100' });
    for (let round = 0; round < 5; round++) {
      await kafka.send(
        topic,
        Array.from({ length: 20 }, (_, i) => ({ key: `k${i % 4}`, value: `${round}-${i}` })),
      );
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    const read = () => offsetsOf(topic, 99);
    const left = await patiently(read, (offsets) => offsets.length < 60, {
      what: 'the log compacted',
    });
    const w = await kafkaWorld(redis, kafka, { topic });
    const daemon = w.start();
    await lag(w, 100);
    const all = () => kafkaSaid(daemon).flatMap(({ offsets }) => offsets);
    await expect.poll(all, SAID).toContain(99);
    const seen = all();
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.length).toBeLessThanOrEqual(left.length);
    expect(await w.notices()).toEqual([]);
  });
});

describe('losses', () => {
  test('records that were deleted before they were fetched are reported with their positions', async () => {
    const topic = await kafka.topic(1);
    await kafka.send(topic, keyed(numbers(10)));
    const w = await kafkaWorld(redis, kafka, { topic });
    const first = w.start();
    await settled(w, 10);
    await lag(w, 10);
    await first.stop();
    await kafka.send(topic, keyed(numbers(10, 10)));
    await kafka.admin.fetchTopicMetadata({ topics: [topic] });
    await kafka.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '15' }] });
    const second = w.start();
    await settled(w, 15);
    await expect
      .poll(() => dataOf(kafkaSaid(first, second), `${topic}-0`), SAID)
      .toEqual([...numbers(10), ...numbers(5, 15)]);
    const notices = await w.notices();
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatchObject({
      requestContext: { condition: 'SourceGap' },
      KafkaBatchInfo: { recordsInfo: { [`${topic}-0`]: { firstRecordOffset: 10, lastRecordOffset: 14 } } },
    });
    expect(await w.state()).toMatchObject({ 'n:lostBySource': '5', gen: '1' });
    await lag(w, 20);
  });

  test('a spool that was deleted is fetched again, and what was settled is not', async () => {
    const topic = await kafka.topic(1);
    await kafka.send(topic, keyed(numbers(6)));
    const handler = `export const handler = async (event, context) => { say(event, context);
      const [, records] = Object.entries(event.records)[0];
      if (records[0].offset === 2) throw new Error('not yet'); };`;
    const w = await kafkaWorld(redis, kafka, { topic, handler, mapping: { batchSize: 2 } });
    const daemon = w.start();
    await patiently(
      () => w.state(),
      (s) => s['blk'] !== '' && s['cp'] === '2-0',
      { what: 'blocked behind two records' },
    );
    await redis.client.del(`millrace:spool:m:${topic}-0`);
    await patiently(
      async () => (await spooled(redis.client, `millrace:spool:m:${topic}-0`)).length,
      (n) => n === 4,
      { what: 'fetched again' },
    );
    const before = kafkaSaid(daemon).length;
    await patiently(
      () => kafkaSaid(daemon).length,
      (n) => n > before + 1,
      { what: 'tried again' },
    );
    const tries = kafkaSaid(daemon).slice(1);
    expect(new Set(tries.map(({ id }) => id)).size).toBe(1);
    expect(new Set(tries.map(({ data }) => data.join()))).toEqual(new Set(['r2,r3']));
    expect(await w.notices()).toEqual([]);
  });
});

describe('an operator who sets the group’s offset', () => {
  test('back is a rewind: a new generation, what lies behind runs again', async () => {
    const topic = await kafka.topic(1);
    await kafka.send(topic, keyed(numbers(10)));
    const w = await kafkaWorld(redis, kafka, { topic });
    const first = w.start();
    await settled(w, 10);
    await lag(w, 10);
    await first.stop();
    await reset(w, topic, 4);
    const second = w.start();
    await settled(w, 16);
    await expect.poll(() => dataOf(kafkaSaid(second), `${topic}-0`), SAID).toEqual(numbers(6, 4));
    expect(await w.state()).toMatchObject({ gen: '2', 'n:redelivered': '6' });
    expect(await w.notices()).toEqual([]);
    await lag(w, 10);
    // Once: the next start goes on where this one was.
    await second.stop();
    await kafka.send(topic, keyed(numbers(1, 10)));
    const third = w.start();
    await settled(w, 17);
    expect(await w.state()).toMatchObject({ gen: '2' });
    await expect.poll(() => dataOf(kafkaSaid(third), `${topic}-0`), SAID).toEqual(['r10']);
  });

  test('forth is a skip, with a notice of what was skipped', async () => {
    const topic = await kafka.topic(1);
    await kafka.send(topic, keyed(numbers(10)));
    const w = await kafkaWorld(redis, kafka, { topic });
    const first = w.start();
    await settled(w, 10);
    await lag(w, 10);
    await first.stop();
    await kafka.send(topic, keyed(numbers(10, 10)));
    await reset(w, topic, 17);
    const second = w.start();
    await settled(w, 13);
    await expect.poll(() => dataOf(kafkaSaid(second), `${topic}-0`), SAID).toEqual(numbers(3, 17));
    expect(await w.notices()).toMatchObject([
      {
        requestContext: { condition: 'SkippedByOperator' },
        KafkaBatchInfo: { recordsInfo: { [`${topic}-0`]: { firstRecordOffset: 10, lastRecordOffset: 16 } } },
      },
    ]);
    await lag(w, 20);
  });

  test('is heard while Redis has no state: the committed offset is the start', async () => {
    const topic = await kafka.topic(1);
    await kafka.send(topic, keyed(numbers(10)));
    const w = await kafkaWorld(redis, kafka, { topic, mapping: { startingPosition: 'LATEST' } });
    await kafka.admin.setOffsets({ groupId: w.groupId, topic, partitions: [{ partition: 0, offset: '7' }] });
    const daemon = w.start();
    await settled(w, 3);
    await expect.poll(() => dataOf(kafkaSaid(daemon), `${topic}-0`), SAID).toEqual(numbers(3, 7));
  });
});

describe('a topic that changes', () => {
  test('new partitions are read from their beginning, whatever the starting position', async () => {
    const topic = await kafka.topic(1);
    const w = await kafkaWorld(redis, kafka, { topic, mapping: { startingPosition: 'LATEST' } });
    const daemon = w.start();
    await patiently(
      () => w.state(),
      (s) => s['sp:end'] !== undefined,
      { what: 'the first partition begun' },
    );
    await kafka.admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] });
    await kafka.send(topic, keyed(numbers(5)), 1);
    await settled(w, 5);
    await expect.poll(() => dataOf(kafkaSaid(daemon), `${topic}-1`), SAID).toEqual(numbers(5));
  });

  test('that does not exist yet is waited for', async () => {
    const topic = `late-${process.pid}`;
    const w = await kafkaWorld(redis, kafka, { topic });
    const daemon = w.start();
    await daemon.line((l) => l['error'] === `there is no topic ${topic}`, 'the warning');
    await makeTopic(kafka.client, { topic, numPartitions: 1 });
    await kafka.send(topic, keyed(['a']));
    await settled(w, 1);
  });

  test('that is deleted and made anew is a new generation, also when its log is longer than the old one was', async () => {
    const topic = await kafka.topic(1);
    await kafka.send(topic, keyed(numbers(10)));
    const w = await kafkaWorld(redis, kafka, { topic });
    const first = w.start();
    await settled(w, 10);
    await first.stop();
    await makeAnew(kafka.client, topic, 1);
    const anew = Array.from({ length: 15 }, (_, i) => `new-${i}`);
    await kafka.send(topic, keyed(anew));
    const second = w.start();
    await settled(w, 25);
    await expect.poll(() => dataOf(kafkaSaid(second), `${topic}-0`), SAID).toEqual(anew);
    expect(await w.state()).toMatchObject({ gen: '2' });
    await lag(w, 15);
  });
});
