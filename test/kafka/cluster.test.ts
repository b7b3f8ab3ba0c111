/** Too few copies of the group's offsets are in sync: nothing can be committed, and nothing else stops. (Lost brokers: test/chaos/r16.) */
import { expect, test } from 'vitest';
import { numbers } from '../support/engine.ts';
import { type Cluster, OFFSETS, withCluster } from '../support/kafka/cluster.ts';
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
  await admin.createTopics({
    topics: [{ topic: TOPIC, replicaAssignment: [{ partition: 0, replicas: [stays, other] }] }],
    waitForLeaders: true,
  });
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
