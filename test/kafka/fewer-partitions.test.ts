/** A topic that is deleted and made anew with fewer partitions, and later with more again, while a daemon runs. */
import { expect, test } from 'vitest';
import { collectStatus } from '../../src/observe/status.ts';
import { Keys } from '../../src/redis/keys.ts';
import { numbers } from '../support/engine.ts';
import { useHttpServer } from '../support/http-server.ts';
import { makeAnew } from '../support/kafka/make-topic.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { dataOf, joined, kafkaSaid, kafkaWorld, keyed, patiently, SAID } from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const kafka = useKafka();
let open = false;
const gate = useHttpServer(() => ({ status: 200, body: open ? 'open' : 'shut' }));
/** More than a spool takes (SPOOL_RECORDS_MAX) and a poller queues. */
const MANY = 60_000;

test('what is spooled of partitions that went is worked off, what was never fetched is reported, then their shards are closed', async () => {
  const topic = await kafka.topic(3);
  const [kept, full, held] = [0, 1, 2].map((partition) => `${topic}-${partition}`) as [string, string, string];
  await kafka.send(topic, keyed(numbers(5)), 0);
  for (let sent = 0; sent < MANY; sent += 10_000)
    await kafka.send(
      topic,
      numbers(10_000, sent).map((value) => ({ value })),
      1,
    );
  await kafka.send(topic, keyed(numbers(5)), 2);
  const handler = `export const handler = async (event, context) => {
    while (!context.millrace.shardId.endsWith('-0') && (await (await fetch('${gate.url}/')).text()) !== 'open')
      await new Promise((resolve) => setTimeout(resolve, 100));
    const [[shard, records]] = Object.entries(event.records);
    if (records.length < 100) return say(event, context);
    console.log(JSON.stringify({ shard, data: [], offsets: [records[0].offset, records.at(-1).offset] }));
  };`;
  const w = await kafkaWorld(redis, kafka, {
    ...{ topic, handler, mapping: { batchSize: 1_000 } },
    function: { timeout: 300, network: { allow: [gate.host] } },
  });
  const daemon = w.start();
  await joined(daemon);
  const said = () => kafkaSaid(daemon);
  const shards = async () => (await collectStatus(redis.client, new Keys('millrace'))).mappings[0]?.shards ?? [];
  await patiently(
    shards,
    (all) =>
      all[0]?.settled.succeeded === 5 && Number(all[1]?.spool?.next) >= 20_000 && Number(all[2]?.spool?.next) === 5,
    { what: 'a full spool and a held one' },
  );

  await makeAnew(kafka.client, topic, 1);
  await kafka.send(topic, keyed(numbers(3, 100)), 0);
  await expect.poll(() => dataOf(said(), kept), SAID).toEqual([...numbers(5), ...numbers(3, 100)]);
  open = true;
  const closed = await patiently(shards, (all) => all[1]?.state === 'closed' && all[2]?.state === 'closed', {
    what: 'closed shards',
  });
  await expect.poll(() => dataOf(said(), held), SAID).toEqual(numbers(5));
  const { succeeded, lostBySource } = closed[1]!.settled;
  expect(succeeded).toBeGreaterThanOrEqual(20_000);
  expect(lostBySource).toBeGreaterThan(0);
  expect(succeeded + lostBySource).toBe(MANY);
  const batches = () => said().flatMap(({ shard, offsets }) => (shard === full ? [offsets] : []));
  await expect.poll(() => batches().at(-1)?.at(-1), SAID).toBe(succeeded - 1);
  for (const [i, [first]] of batches().entries()) expect(first).toBe(i === 0 ? 0 : batches()[i - 1]!.at(-1)! + 1);
  expect(await w.notices()).toMatchObject([
    {
      requestContext: { condition: 'SourceGap' },
      KafkaBatchInfo: { recordsInfo: { [full]: { firstRecordOffset: succeeded, lastRecordOffset: MANY - 1 } } },
    },
  ]);
  for (const shard of closed.slice(1)) expect(shard).toMatchObject({ lag: 0, blocked: null, spool: { records: 0 } });
  expect(closed[2]!.settled).toMatchObject({ succeeded: 5, lostBySource: 0 });
  expect(closed[0]!.state).not.toBe('closed');
  expect(await w.state()).toMatchObject({ gen: '2' });

  // Those that come back are read from their beginning.
  await makeAnew(kafka.client, topic, 3);
  await kafka.send(topic, keyed(numbers(4, 200)), 2);
  await expect.poll(() => dataOf(said(), held), SAID).toEqual([...numbers(5), ...numbers(4, 200)]);
  expect((await shards()).map(({ state }) => state)).not.toContain('closed');
  expect(await w.state(2)).toMatchObject({ gen: '2', done: '' });
  expect(await w.notices()).toHaveLength(1);
  expect(await daemon.stop()).toBe(0);
});
