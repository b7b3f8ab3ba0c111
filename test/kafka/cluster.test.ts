/** Too few copies are in sync: of the group's offsets, then nothing can be committed and nothing else stops; of a topic of notices. (Lost brokers: test/chaos/r16.) */
import { expect, test } from 'vitest';
import { collectStatus } from '../../src/observe/status.ts';
import { Keys } from '../../src/redis/keys.ts';
import { numbers } from '../support/engine.ts';
import { type Cluster, OFFSETS, withCluster } from '../support/kafka/cluster.ts';
import { makeTopic } from '../support/kafka/make-topic.ts';
import { readTopic } from '../support/kafka/read-topic.ts';
import { allowKafkaTime, describeGroup } from '../support/kafka/use-kafka.ts';
import { dataOf, kafkaSaid, kafkaWorld, patiently, SAID, settled } from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';

allowKafkaTime();
const redis = useRedis();
const TOPIC = 'few-copies';
const GROUP = `g-${TOPIC}`;
const BROKERS = 3;
const TOPIC_CONFIG = 2;

async function send(cluster: Cluster, texts: readonly string[]): Promise<void> {
  const producer = cluster.client().producer({ idempotent: true });
  await producer.connect();
  await producer.send({ topic: TOPIC, messages: texts.map((value) => ({ value })) });
  await producer.disconnect();
}

/** The group's coordinator is one of two brokers that stay and have the topic; the third one can go. */
async function prepare(cluster: Cluster): Promise<{ readonly spare: number; readonly stays: number }> {
  const admin = cluster.client().admin();
  await admin.connect();
  const done = (act: () => Promise<unknown>, what: string) =>
    patiently(
      () =>
        act().then(
          () => true,
          () => false,
        ),
      Boolean,
      { what },
    );
  // Makes the cluster's own topic.
  await done(() => admin.fetchOffsets({ groupId: GROUP, topics: [] }), 'a coordinator');
  const configEntries = [{ name: 'min.insync.replicas', value: String(BROKERS) }];
  const resources = [{ type: TOPIC_CONFIG, name: OFFSETS, configEntries }];
  await done(() => admin.alterConfigs({ validateOnly: false, resources }), 'the copies that offsets need');
  const stays = await cluster.coordinatorOf(GROUP);
  const [other, spare] = cluster.ids.filter((id) => id !== stays) as [number, number];
  await makeTopic(cluster.client(), { topic: TOPIC, replicaAssignment: [{ partition: 0, replicas: [stays, other] }] });
  await admin.disconnect();
  return { spare, stays };
}

test('records are read and settled meanwhile; the lag follows when the copies are back', () =>
  withCluster(BROKERS, async (cluster) => {
    const { spare, stays } = await prepare(cluster);
    const place = cluster.places.find(({ id }) => id === stays)!;
    const group = () => describeGroup(place, GROUP);
    await send(cluster, numbers(20));
    const w = await kafkaWorld(
      redis,
      { bootstrap: cluster.bootstrap.join() },
      {
        topic: TOPIC,
        connection: { brokers: cluster.bootstrap },
      },
    );
    const daemon = w.start();
    const lag = (offset: number) =>
      patiently(group, (seen) => seen.get(0)?.offset === offset && seen.get(0)?.lag === 0, {
        what: `offset ${offset}`,
      });
    await settled(w, 20);
    await lag(20);
    await cluster.stop(spare, 'SIGKILL');
    const inSync = async () => (await cluster.partitionsOf(OFFSETS)).map(({ isr }) => isr.length);
    await patiently(inSync, (counts) => counts.every((n) => n === BROKERS - 1), { what: 'the loss noticed' });
    await send(cluster, numbers(20, 20));
    await settled(w, 40);
    expect((await group()).get(0)).toEqual({ offset: 20, lag: 20 });
    await cluster.start(spare);
    await lag(40);
    await expect.poll(() => dataOf(kafkaSaid(daemon), `${TOPIC}-0`), SAID).toEqual(numbers(40));
    expect(await w.notices()).toEqual([]);
    expect(await w.state()).toMatchObject({ gen: '1' });
    expect(await daemon.stop()).toBe(0);
  }));

test('notices wait in the outbox until all copies are in sync again, and then come once and in order', () =>
  withCluster(BROKERS, async (cluster) => {
    const [stays, spare] = cluster.ids as [number, number];
    const failed = {
      ...{ topic: 'failed', replicaAssignment: [{ partition: 0, replicas: [stays, spare] }] },
      configEntries: [{ name: 'min.insync.replicas', value: '2' }],
    };
    await makeTopic(cluster.client(), failed);
    const add = async (texts: readonly string[]) => {
      for (const data of texts) await redis.client.xadd('in', '*', 'partitionKey', data, 'data', data);
    };
    const outbox = async () => {
      const { mappings } = await collectStatus(redis.client, new Keys('millrace'));
      return mappings.flatMap(({ shards }) => shards.flatMap((shard) => shard.outbox ?? []))[0];
    };
    const sent = (n: number) =>
      readTopic(
        cluster.client(),
        'failed',
        (_partition, { key }) => String(key),
        (keys) => keys.length >= n,
      );
    await add(numbers(10));
    const w = await kafkaWorld(
      redis,
      { bootstrap: cluster.bootstrap.join() },
      {
        ...{ topic: 'unused', handler: `export const handler = async () => { throw new Error('never'); };` },
        connection: { brokers: cluster.bootstrap },
        mapping: {
          ...{ source: { type: 'redis-stream', stream: 'in' }, startingPosition: 'TRIM_HORIZON', batchSize: 5 },
          ...{ maximumRetryAttempts: 0, bisectBatchOnFunctionError: false },
          destinationConfig: { onFailure: { type: 'kafka-topic', connection: 'test', topic: 'failed' } },
        },
      },
    );
    const daemon = w.start();
    expect(await sent(10)).toEqual(numbers(10));

    await cluster.stop(spare, 'SIGKILL');
    const inSync = async () => (await cluster.partitionsOf('failed'))[0]!.isr.length;
    await patiently(inSync, (count) => count === 1, { what: 'the loss noticed' });
    await add(numbers(20, 10));
    const held = await patiently(outbox, (box) => box?.messages === 20 && box.lastError !== null, {
      what: 'twenty held messages',
    });
    expect(held!.lastError).toContain('min.insync.replicas');
    // Nothing of them is there for anybody to read.
    expect(await sent(10)).toEqual(numbers(10));

    await cluster.start(spare);
    await patiently(outbox, (box) => box === undefined, { what: 'an empty outbox' });
    expect(await sent(30)).toEqual(numbers(30));
    expect(await daemon.stop()).toBe(0);
  }));
