/** The consumer group as others see it: daemons replaced one after the other, Kafka's own tools, and somebody else in the group. */
import { expect, test } from 'vitest';
import { collectStatus } from '../../src/observe/status.ts';
import { Keys } from '../../src/redis/keys.ts';
import { numbers } from '../support/engine.ts';
import { java } from '../support/kafka/broker.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { dataOf, joined, kafkaSaid, kafkaWorld, keyed, patiently, SAID, settled } from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const kafka = useKafka();
const PARTITIONS = 3;

/** Ends of the log as Kafka's GetOffsetShell tells them. */
async function endsOf(topic: string): Promise<number[]> {
  const args = ['--bootstrap-server', kafka.bootstrap, '--topic', topic];
  const printed = await java(kafka.place, 'org.apache.kafka.tools.GetOffsetShell', args);
  const rows = printed.trim().split('\n');
  const ends = rows.map((row) => row.split(':').slice(1).map(Number) as [number, number]);
  return ends.sort(([a], [b]) => a - b).map(([, end]) => end);
}

test('a rolling restart repeats nothing, and two of Kafka’s own tools agree on what was done', async () => {
  const topic = await kafka.topic(PARTITIONS);
  const handler = `export const handler = async (event, context) => { say(event, context);
    await new Promise((resolve) => setTimeout(resolve, 20)); };`;
  const w = await kafkaWorld(redis, kafka, { topic, handler, mapping: { batchSize: 5 } });
  const daemons = [w.start(), w.start()];
  await Promise.all(daemons.map(joined));
  const members = await patiently(
    async () => (await collectStatus(redis.client, new Keys('millrace'))).mappings[0]?.group?.members ?? [],
    (all) => all.length === 2 && all.every(({ partitions }) => partitions.length > 0),
    { what: 'both members in the status' },
  );
  expect(members.flatMap(({ partitions }) => partitions).toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
  expect(members.map(({ clientId }) => clientId)).toEqual(['millrace', 'millrace']);
  const rounds = daemons.length + 1;
  for (let round = 0; round < rounds; round++) {
    for (let partition = 0; partition < PARTITIONS; partition++)
      await kafka.send(topic, keyed(numbers(60, 60 * round)), partition);
    // Each that was there in the beginning, while it works.
    const oldest = daemons[round];
    if (!oldest || round >= rounds - 1) continue;
    daemons.push(w.start());
    await joined(daemons.at(-1)!);
    expect(await oldest.stop()).toBe(0);
  }
  await settled(w, PARTITIONS * 60 * rounds);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const seen = () => kafkaSaid(...daemons).filter(({ shard }) => shard === `${topic}-${partition}`);
    const count = () => seen().flatMap(({ data }) => data).length;
    await expect.poll(count, SAID).toBe(60 * rounds);
    const inOrder = seen().toSorted((a, b) => Number(a.epoch) - Number(b.epoch));
    expect(inOrder.flatMap(({ data }) => data)).toEqual(numbers(60 * rounds));
  }
  const ends = await endsOf(topic);
  expect(ends).toEqual(Array.from({ length: PARTITIONS }, () => 60 * rounds));
  const committed = await patiently(
    async () => [...(await kafka.group(w.groupId))].sort(([a], [b]) => a - b).map(([, row]) => row),
    (rows) => rows.length === PARTITIONS && rows.every(({ lag }) => lag === 0),
    { what: 'no lag' },
  );
  expect(committed.map(({ offset }) => offset)).toEqual(ends);
});

test('somebody else in the group gets partitions; what it commits is a skip with its notice, and nothing else is lost', async () => {
  const topic = await kafka.topic(2);
  const w = await kafkaWorld(redis, kafka, { topic });
  const daemon = w.start();
  await joined(daemon);
  for (const partition of [0, 1]) await kafka.send(topic, keyed(numbers(10)), partition);
  await settled(w, 20);
  // Commits follow what is settled within a second: whoever takes a partition before begins earlier.
  await patiently(
    () => kafka.group(w.groupId),
    (seen) => [0, 1].every((partition) => seen.get(partition)?.offset === 10),
    { what: 'both partitions committed' },
  );
  const stranger = kafka.client.consumer({ groupId: w.groupId, sessionTimeout: 10_000, heartbeatInterval: 500 });
  const taken: number[] = [];
  const read: string[] = [];
  stranger.on(stranger.events.GROUP_JOIN, ({ payload }) => void taken.push(...(payload.memberAssignment[topic] ?? [])));
  await stranger.connect();
  await stranger.subscribe({ topics: [topic] });
  await stranger.run({
    autoCommitThreshold: 1,
    eachMessage: ({ partition, message }) => Promise.resolve(void read.push(`${partition}:${message.offset}`)),
  });
  await patiently(
    () => taken.length,
    (n) => n > 0,
    { what: 'partitions of the stranger’s' },
  );
  const [theirs] = taken as [number];
  const ours = 1 - theirs;
  for (const partition of [0, 1]) await kafka.send(topic, keyed(numbers(5, 10)), partition);
  await patiently(
    () => read.length,
    (n) => n === 5,
    { what: 'what the stranger reads' },
  );
  await settled(w, 25);
  await stranger.disconnect();
  for (const partition of [0, 1]) await kafka.send(topic, keyed(numbers(5, 15)), partition);
  await settled(w, 35);
  await expect.poll(() => dataOf(kafkaSaid(daemon), `${topic}-${ours}`), SAID).toEqual(numbers(20));
  await expect
    .poll(() => dataOf(kafkaSaid(daemon), `${topic}-${theirs}`), SAID)
    .toEqual([...numbers(10), ...numbers(5, 15)]);
  expect(await w.notices()).toMatchObject([
    {
      requestContext: { condition: 'SkippedByOperator' },
      KafkaBatchInfo: { recordsInfo: { [`${topic}-${theirs}`]: { firstRecordOffset: 10, lastRecordOffset: 14 } } },
    },
  ]);
  expect(await w.state(theirs)).toMatchObject({ gen: '2' });
  expect(await w.state(ours)).toMatchObject({ gen: '1' });
});
