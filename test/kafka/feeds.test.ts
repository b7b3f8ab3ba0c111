/** Filters and event formats on Kafka's partitions: what is passed over moves the committed offset, what does not fit fails alone. */
import { describe, expect, test } from 'vitest';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { kafkaSaid, type KafkaWorld, kafkaWorld, patiently, SAID } from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const kafka = useKafka();
const values = (texts: readonly (string | null)[]) => texts.map((value) => ({ key: 'k', value }));

const counted = (w: KafkaWorld, counts: Record<string, string>) =>
  patiently(
    () => w.state(),
    (s) => Object.entries(counts).every(([name, n]) => (s[`n:${name}`] ?? '0') === n),
    { what: JSON.stringify(counts) },
  );
const committed = (w: KafkaWorld, offset: number) =>
  patiently(
    async () => [...(await kafka.group(w.groupId)).values()].map((one) => [one.offset, one.lag]),
    (seen) => JSON.stringify(seen) === JSON.stringify([[offset, 0]]),
    { what: `offset ${offset}` },
  );

describe('a filter', () => {
  test('passes over records, and the committed offset reaches the end', async () => {
    const topic = await kafka.topic(1);
    const keep = (n: number) => JSON.stringify({ n, keep: true });
    const drop = (n: number) => JSON.stringify({ n, keep: false });
    await kafka.send(topic, values([drop(0), keep(1), drop(2), 'text', keep(4), null, drop(6), drop(7)]));
    const filters = [{ pattern: { value: { keep: [true] } } }];
    const handler = `export const handler = async (event, context) => { say(event, context);
      const [[name, records]] = Object.entries(event.records);
      return { batchItemFailures: records.length === 3 ? [{ itemIdentifier: { partition: name, offset: records[1].offset } }] : [] }; };`;
    const mapping = { filterCriteria: { filters }, functionResponseTypes: ['ReportBatchItemFailures'] };
    const w = await kafkaWorld(redis, kafka, { topic, handler, mapping });
    const daemon = w.start();
    await counted(w, { succeeded: '3', filtered: '5' });
    // As AWS has it: text is not what the pattern is for, so that only its other conditions count, and it has none.
    await expect
      .poll(() => kafkaSaid(daemon).map(({ offsets }) => offsets), SAID)
      .toEqual([
        [1, 3, 4],
        [3, 4],
      ]);
    await committed(w, 8);
    // Nothing for the function: still settled to the end.
    await kafka.send(topic, values([drop(8), drop(9)]));
    await counted(w, { succeeded: '3', filtered: '7' });
    await committed(w, 10);
    expect(await w.notices()).toEqual([]);
  });
});

describe('change records', () => {
  test('come as DynamoDB’s event; a tombstone is given up by policy', async () => {
    const topic = await kafka.topic(1);
    const change = (id: string) => JSON.stringify({ Keys: { id: { S: id } }, OldImage: { id: { S: id } } });
    await kafka.send(topic, values([change('a'), null, change('b')]));
    const handler = `export const handler = async ({ Records }) => {
      console.log(JSON.stringify(Records.map((r) => [r.eventName, r.dynamodb.Keys.id.S, r.dynamodb.SequenceNumber]))); };`;
    const mapping = { eventFormat: 'dynamodb', maximumRetryAttempts: 0 };
    const w = await kafkaWorld(redis, kafka, { topic, handler, mapping });
    const daemon = w.start();
    await counted(w, { succeeded: '2', givenUp: '1' });
    const told = () => daemon.lines.filter((l) => l['stream'] === 'handler').map((l) => JSON.parse(l.msg) as unknown);
    await expect.poll(told, SAID).toEqual([[['REMOVE', 'a', '0']], [['REMOVE', 'b', '2']]]);
    const [notice, ...more] = await w.notices();
    expect(more).toEqual([]);
    expect(notice).toMatchObject({
      error: { errorType: 'MalformedRecord', errorMessage: 'The record has no data (a tombstone)' },
      KafkaBatchInfo: { recordsInfo: { [`${topic}-0`]: { firstRecordOffset: 1, lastRecordOffset: 1 } } },
    });
    await committed(w, 3);
  });
});
