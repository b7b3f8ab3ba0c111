/** Reads a topic once from its beginning to where its end is now, as the only member of a group of its own that commits nothing. */
import { randomUUID } from 'node:crypto';
import { KAFKA_READ_STALL_MS } from '../../src/failure-limits.ts';
import type { Log } from '../../src/observe/log.ts';
import type { FetchedBatch, GroupMember, KafkaClient, KafkaConnection, KafkaMessage, PartitionEnds } from './client.ts';
import { explainKafka } from './explain.ts';
import { createKafkaClient } from './kafkajs.ts';
import { principalOf } from './refused.ts';

export interface TopicReading {
  readonly topic: string;
  /** Begins the name of the group. */
  readonly groupPrefix: string;
  /** Nothing but this one message, if it is there. */
  readonly only?: { readonly partition: number; readonly offset: number };
  /** Partitions side by side, each in its order. */
  readonly onMessage: (partition: number, message: KafkaMessage) => void;
}

/** Where each partition begins; null: there is no such topic. Rejects with a sentence. */
export async function readTopic(
  connection: KafkaConnection,
  log: Log,
  reading: TopicReading,
): Promise<ReadonlyMap<number, PartitionEnds> | null> {
  const client = createKafkaClient(connection, log);
  try {
    if ((await client.partitions(reading.topic)) === null) return null;
    const ends = await client.ends(reading.topic);
    const left = new Map([...ends].flatMap(([partition, whole]) => wanted(reading, partition, whole)));
    if (left.size > 0) await readAll(client, reading, left);
    return ends;
  } catch (error) {
    const { topic, groupPrefix } = reading;
    const asked = { principal: principalOf(connection), topic, groupId: `${groupPrefix}*` };
    throw new Error(explainKafka(error, asked), { cause: error });
  } finally {
    await client.close();
  }
}

function wanted({ only }: TopicReading, partition: number, { low, high }: PartitionEnds): [number, PartitionEnds][] {
  if (only === undefined) return low < high ? [[partition, { low, high }]] : [];
  const there = only.partition === partition && only.offset >= low && only.offset < high;
  return there ? [[partition, { low: only.offset, high: only.offset + 1 }]] : [];
}

async function readAll(client: KafkaClient, reading: TopicReading, left: Map<number, PartitionEnds>): Promise<void> {
  const { topic, groupPrefix, onMessage } = reading;
  const { promise: over, resolve: done, reject: fail } = Promise.withResolvers<void>();
  // Whoever waits sees the failure; until then it is nobody's.
  over.catch(() => undefined);
  let stalled: NodeJS.Timeout | undefined;
  const progress = () => {
    clearTimeout(stalled);
    const seconds = KAFKA_READ_STALL_MS / 1_000;
    stalled = setTimeout(
      () => fail(new Error(`nothing came of the topic ${topic} for ${seconds} s`)),
      KAFKA_READ_STALL_MS,
    );
  };
  progress();
  const batch = ({ partition, messages, next }: FetchedBatch): Promise<void> => {
    const ends = left.get(partition);
    if (!ends) return Promise.resolve();
    progress();
    for (const message of messages) if (message.offset < ends.high) onMessage(partition, message);
    if (next >= ends.high) left.delete(partition);
    if (left.size === 0) done();
    return Promise.resolve();
  };
  const { promise: assigned, resolve: onAssigned } = Promise.withResolvers<readonly number[]>();
  const member = await client.join({
    ...{ topic, groupId: `${groupPrefix}${randomUUID()}`, readUncommitted: false },
    events: {
      ...{ assigned: onAssigned, batch },
      outOfRange: () => fail(new Error(`the topic ${topic} was trimmed while it was read: try again`)),
      ended: fail,
    },
  });
  try {
    await Promise.race([assigned.then((partitions) => begin(member, partitions, left)), over]);
    await over;
  } finally {
    clearTimeout(stalled);
    await member.leave();
  }
}

function begin(member: GroupMember, partitions: readonly number[], left: ReadonlyMap<number, PartitionEnds>): void {
  for (const partition of partitions) {
    const ends = left.get(partition);
    if (ends) member.begin(partition, ends.low);
  }
}
