/** Large records, many records, compressed records: what is bounded stays so, and what fits gets through. */
import { expect, test } from 'vitest';
import { SPOOL_RECORDS_MAX } from '../../src/kafka-limits.ts';
import { spooled } from '../support/kafka/spooled.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { dataOf, kafkaSaid, kafkaWorld, patiently, SAID, settled } from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const kafka = useKafka();

test.each(['gzip', 'snappy', 'lz4', 'zstd'])('records compressed with %s are read', async (codec) => {
  // The broker compresses them, whatever they came as.
  const topic = await kafka.topic(1, { 'compression.type': codec });
  const texts = Array.from({ length: 40 }, (_, i) => `${i}:${'the same again '.repeat(6)}`);
  await kafka.send(
    topic,
    texts.map((value) => ({ value })),
  );
  const daemon = (await kafkaWorld(redis, kafka, { topic })).start();
  await expect.poll(() => dataOf(kafkaSaid(daemon), `${topic}-0`), SAID).toEqual(texts);
});

test('records of some megabytes get through; one that fits no event is given up with its notice', async () => {
  const topic = await kafka.topic(1, { 'max.message.bytes': '8000000' });
  const handler = `export const handler = async (event) => {
    for (const records of Object.values(event.records))
      console.log(JSON.stringify(records.map((r) => Buffer.from(r.value, 'base64').length))); };`;
  for (const size of [1_200_000, 4_000_000, 5_500_000, 10])
    await kafka.send(topic, [{ value: Buffer.alloc(size, 'x') }]);
  const mapping = { maximumRetryAttempts: 0 };
  const w = await kafkaWorld(redis, kafka, { topic, handler, mapping, function: { timeout: 20, memorySize: 256 } });
  const daemon = w.start();
  await settled(w, 3);
  const sizes = () =>
    daemon.lines.filter((l) => l['stream'] === 'handler').flatMap((l) => JSON.parse(l.msg) as number[]);
  await expect.poll(sizes, SAID).toEqual([1_200_000, 4_000_000, 10]);
  expect(await w.notices()).toMatchObject([
    {
      KafkaBatchInfo: { batchSize: 1, recordsInfo: { [`${topic}-0`]: { firstRecordOffset: 2, lastRecordOffset: 2 } } },
    },
  ]);
});

test('a partition whose handler fails is fetched up to a bound; the rest waits in Kafka, and no other partition waits', async () => {
  const topic = await kafka.topic(2);
  const many = 3 * SPOOL_RECORDS_MAX;
  for (let sent = 0; sent < many; sent += 10_000)
    await kafka.send(
      topic,
      Array.from({ length: 10_000 }, (_, i) => ({ value: `r${sent + i}` })),
      0,
    );
  const handler = `export const handler = async (event, context) => {
      const [shard, records] = Object.entries(event.records)[0];
      if (shard.endsWith('-0') && records[0].offset === 0 && context.millrace.attempt <= 6) throw new Error('not yet'); };`;
  const w = await kafkaWorld(redis, kafka, { topic, handler, mapping: { batchSize: 1_000 } });
  const daemon = w.start();
  const spool = `millrace:spool:m:${topic}-0`;
  await patiently(
    async () => (await spooled(redis.client, spool)).length,
    (n) => n >= SPOOL_RECORDS_MAX,
    { what: 'the spool full' },
  );
  await kafka.send(topic, [{ value: 'other' }], 1);
  await patiently(
    () => w.state(1),
    (s) => s['n:succeeded'] === '1',
    { what: 'the other partition' },
  );
  // At most one append beyond the bound.
  expect((await spooled(redis.client, spool)).length).toBeLessThanOrEqual(SPOOL_RECORDS_MAX + 1_000);
  await settled(w, many + 1);
  await patiently(
    () => redis.client.xlen(spool),
    (n) => n === 0,
    { what: 'nothing left in the spool' },
  );
  expect(await daemon.stop()).toBe(0);
});
