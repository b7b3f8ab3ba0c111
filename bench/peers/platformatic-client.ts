/**
 * @platformatic/kafka behind the connector's port (connectors/kafka/client.ts), as far as filling spools needs it: for `npm run bench -- --only kafka-client`, so that a
 * change of client can be decided on figures. What it does better than kafkajs: it fetches from the offsets that it is told, answers OFFSET_OUT_OF_RANGE
 * instead of going elsewhere, knows topics by their ids, has every codec, the KIP-848 protocol and static membership. What keeps it from taking kafkajs' place: a commit
 * carries no metadata (always null), by which resets are told from our own commits (docs/kafka.md, Offsets).
 */
import { Consumer, type FetchOptions, type RecordsBatch } from '@platformatic/kafka';
import type {
  FetchedBatch,
  GroupMember,
  GroupOptions,
  KafkaClient,
  KafkaConnection,
  KafkaMessage,
} from '../../connectors/kafka/client.ts';
import {
  KAFKA_FETCH_BYTES,
  KAFKA_FETCH_WAIT_MS,
  KAFKA_HEARTBEAT_MS,
  KAFKA_SESSION_MS,
} from '../../src/kafka-limits.ts';

type Wanted = FetchOptions<Buffer, Buffer, Buffer, Buffer>['topics'][number];

const CONTROL = 1 << 5;
const LOG_APPEND_TIME = 1 << 3;
const EARLIEST = -2n;
const LATEST = -1n;
const IDLE_MS = 5;

export function createPlatformaticClient({ brokers, clientId }: KafkaConnection): KafkaClient {
  const open = (groupId: string): Consumer =>
    new Consumer({
      ...{ groupId, clientId, bootstrapBrokers: [...brokers], autocommit: false, retries: 3 },
      ...{ sessionTimeout: KAFKA_SESSION_MS, heartbeatInterval: KAFKA_HEARTBEAT_MS },
      ...{ maxWaitTime: KAFKA_FETCH_WAIT_MS, minBytes: 1, maxBytes: 50 * 1024 * 1024 },
    });
  const asking = open('never-joined');
  const offsets = async (topic: string, timestamp: bigint): Promise<number[]> =>
    ((await asking.listOffsets({ topics: [topic], timestamp })).get(topic) ?? []).map(Number);
  return {
    async partitions(topic) {
      const { topics } = await asking.metadata({ topics: [topic], forceUpdate: true });
      return topics.get(topic)?.partitions.map((_, partition) => partition) ?? null;
    },
    async facts(topic) {
      const id = (await asking.metadata({ topics: [topic] })).topics.get(topic)?.id;
      return id === undefined ? 'missing' : { id, mayRead: true, mayWrite: true };
    },
    mayJoin: () => Promise.resolve(true),
    async ends(topic) {
      const [low, high] = [await offsets(topic, EARLIEST), await offsets(topic, LATEST)];
      return new Map(low.map((first, partition) => [partition, { low: first, high: high[partition]! }]));
    },
    async offsetsAt(topic, timestampMs) {
      return new Map((await offsets(topic, BigInt(timestampMs))).map((offset, partition) => [partition, offset]));
    },
    // Without its metadata a committed offset would count as an operator's: the figure begins with groups that have none.
    committed: () => Promise.resolve(new Map()),
    join: (options) => join(open(options.groupId), options),
    // For status only.
    members: () => Promise.resolve([]),
    close: () => asking.close(),
  };
}

async function join(consumer: Consumer, options: GroupOptions): Promise<GroupMember> {
  const { topic, events } = options;
  /** Partition → the offset to fetch next; paused ones keep theirs apart. */
  const at = new Map<number, { offset: number; paused: boolean }>();
  let left = false;
  consumer.topics.trackAll(topic);
  const assigned = (): void => {
    at.clear();
    events.assigned(consumer.assignments?.find((one) => one.topic === topic)?.partitions ?? []);
  };
  await consumer.joinGroup();
  consumer.on('consumer:group:join', assigned);
  assigned();
  const loop = async (): Promise<void> => {
    while (!left) {
      const due = [...at].filter(([, { paused }]) => !paused);
      if (due.length === 0) await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
      else
        await fetchOnce(
          consumer,
          options,
          at,
          due.map(([partition]) => partition),
        );
    }
  };
  const looping = loop().catch((error: unknown) => {
    if (!left) events.ended(String(error));
  });
  return {
    begin: (partition, offset) => void at.set(partition, { offset, paused: false }),
    pause: (partition) => void (at.has(partition) && (at.get(partition)!.paused = true)),
    resume: (partition) => void (at.has(partition) && (at.get(partition)!.paused = false)),
    commit: (entries) =>
      consumer.commit({
        offsets: entries.map(({ partition, offset }) => ({
          topic,
          partition,
          offset: BigInt(offset),
          leaderEpoch: -1,
        })),
      }),
    async leave() {
      left = true;
      await looping;
      await consumer.leaveGroup();
      await consumer.close();
    },
  };
}

async function fetchOnce(
  consumer: Consumer,
  { topic, events, readUncommitted }: GroupOptions,
  at: Map<number, { offset: number; paused: boolean }>,
  partitions: readonly number[],
): Promise<void> {
  const { topics } = await consumer.metadata({ topics: [topic] });
  const { id, partitions: known } = topics.get(topic)!;
  const byLeader = Map.groupBy(partitions, (partition) => known[partition]!.leader);
  for (const [node, list] of byLeader) {
    const asked = list.map((partition) => ({ partition, from: at.get(partition)!.offset }));
    const request: Wanted = {
      topicId: id,
      partitions: asked.map(({ partition, from }) => ({
        ...{ partition, fetchOffset: BigInt(from), partitionMaxBytes: KAFKA_FETCH_BYTES },
        ...{ currentLeaderEpoch: -1, lastFetchedEpoch: -1 },
      })),
    };
    const { responses } = await consumer.fetch({ node, topics: [request], isolationLevel: readUncommitted ? 0 : 1 });
    for (const { partitionIndex, records, highWatermark } of responses.flatMap((one) => one.partitions)) {
      const place = at.get(partitionIndex);
      const from = asked.find(({ partition }) => partition === partitionIndex)!.from;
      if (place?.offset !== from || records === undefined || records.length === 0) continue;
      const batch = toBatch(partitionIndex, from, records, Number(highWatermark));
      place.offset = batch.next;
      await events.batch(batch);
    }
  }
}

function toBatch(partition: number, from: number, batches: readonly RecordsBatch[], end: number): FetchedBatch {
  let next = from;
  let bytes = 0;
  const messages: KafkaMessage[] = [];
  for (const { firstOffset, firstTimestamp, maxTimestamp, lastOffsetDelta, attributes, records } of batches) {
    const first = Number(firstOffset);
    next = Math.max(next, first + lastOffsetDelta + 1);
    if (attributes & CONTROL) continue;
    const logAppendTime = (attributes & LOG_APPEND_TIME) !== 0;
    for (const { offsetDelta, timestampDelta, key, value, headers } of records) {
      const offset = first + offsetDelta;
      if (offset < from) continue;
      bytes += (key?.length ?? 0) + (value?.length ?? 0);
      messages.push({
        ...{ offset, key, value, logAppendTime },
        timestamp: String(logAppendTime ? maxTimestamp : firstTimestamp + timestampDelta),
        headers: headers.map(([name, content]) => [name?.toString() ?? '', content] as const),
      });
    }
  }
  return { partition, from, messages, next, end, bytes };
}
