/** Kafka behind the source port: the contract of every source, with a member of the group that fills the spools. */
import { afterEach, expect } from 'vitest';
import { silentLog } from '../../src/observe/log.ts';
import { Keys } from '../../src/redis/keys.ts';
import { openSpools } from '../../src/shard/spool.ts';
import type { Feed, Source, SourceShard, StartingPosition } from '../../src/source/port.ts';
import { openSource } from '../../src/source/registry.ts';
import { positionAfter } from '../../src/spool.ts';
import { systemClock } from '../../src/time.ts';
import { type Begun, sourceContract } from '../contract/source-contract.ts';
import { SAID } from '../support/kafka/world.ts';
import { readTopic } from '../support/kafka/read-topic.ts';
import { spooled } from '../support/kafka/spooled.ts';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const kafka = useKafka();
const keys = new Keys('contract');
const feeds: Feed[] = [];
afterEach(async () => {
  await Promise.all(feeds.splice(0).map((feed) => feed.stop()));
});

/** The mapping is called as its topic is. */
function open(topic: string): Source {
  return openSource(
    {
      ...{ type: 'kafka', mapping: topic, topic, groupId: `g-${topic}`, isolationLevel: 'read_committed' },
      cluster: { brokers: [kafka.bootstrap], clientId: 'contract', ssl: false },
    },
    { redis: redis.client, keys, clock: systemClock, log: silentLog },
  );
}

const topicOf = ({ shardId }: SourceShard): string => shardId.replace(/-0$/, '');

/** The end of the log, as the broker has it. */
async function end(topic: string): Promise<number> {
  const [first] = (await kafka.admin.fetchTopicOffsets(topic)).filter(({ partition }) => partition === 0);
  return Number(first!.high);
}

async function begin(source: Source, shard: SourceShard, position: StartingPosition): Promise<Begun> {
  const mapping = topicOf(shard);
  const state = keys.shard(mapping, shard.shardId);
  const spools = openSpools({
    ...{ redis: redis.client, keys, mapping, monoMs: () => systemClock.monoMs() },
    failures: () => ({ stream: 'failures', bytesMax: 1e6 }),
    notice: (shardId, loss) => JSON.stringify({ shardId, loss }),
  });
  feeds.push(source.feed!({ spools, position }));
  // Begun: what comes from here on is behind the position.
  await expect.poll(() => spools.known(), SAID).toHaveLength(2);
  const behind = async () => {
    const [cp] = await redis.client.hmget(state, 'cp');
    return (await spooled(redis.client, shard.key)).filter(({ id }) => positionAfter(id) > positionAfter(cp!));
  };
  return {
    async unsettled() {
      const upTo = await end(mapping);
      await expect.poll(async () => Number(await redis.client.hget(state, 'sp:next')), SAID).toBe(upTo);
      return (await behind()).map(({ value }) => value);
    },
    async settle(count) {
      const { id } = (await behind())[count - 1]!;
      await redis.client.hset(state, 'cp', id);
      // Told to Kafka, which is also when it is removed.
      const position = positionAfter(id);
      const committed = async () => {
        const [found] = await kafka.admin.fetchOffsets({ groupId: `g-${mapping}`, topics: [mapping] });
        return found!.partitions.find(({ partition }) => partition === 0)?.offset;
      };
      await expect.poll(committed, SAID).toBe(String(position));
    },
    checkpoint: async () => (await redis.client.hget(state, 'cp'))!,
    async settledBehind(checkpoint) {
      const settled = positionAfter((await redis.client.hget(state, 'cp'))!);
      const last = (got: readonly { offset: number }[]) => got.some(({ offset }) => offset >= settled - 1);
      const there = await readTopic(
        kafka.client,
        mapping,
        (_partition, message) => ({ offset: Number(message.offset), value: String(message.value) }),
        last,
      );
      return there
        .filter(({ offset }) => offset >= positionAfter(checkpoint) && offset < settled)
        .map(({ value }) => value);
    },
    kept: async () => (await spooled(redis.client, shard.key)).map(({ value }) => value),
  };
}

sourceContract('Kafka topic', {
  missing: async () => open('absent'),
  async create() {
    const topic = await kafka.topic(2);
    const shardId = `${topic}-0`;
    const shard = { shardId, key: keys.spool(topic, shardId), parents: [], closed: false, spooled: true as const };
    return { source: open(topic), shard };
  },
  append: (shard, texts) =>
    kafka.send(
      topicOf(shard),
      texts.map((value) => ({ value })),
      0,
    ),
  async loseOldest(shard, count) {
    const partitions = [{ partition: 0, offset: String(count) }];
    // Asked first: the client has to have heard of the topic.
    await end(topicOf(shard));
    await kafka.admin.deleteTopicRecords({ topic: topicOf(shard), partitions });
  },
  begin,
});
