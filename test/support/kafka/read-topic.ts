/** Everything in a topic, as a consumer of kafkajs gets it, once `enough` of it is there; partitions in their order. */
import type { Kafka, KafkaMessage } from 'kafkajs';
import { patiently } from './world.ts';

export async function readTopic<T>(
  client: Kafka,
  topic: string,
  toGot: (partition: number, message: KafkaMessage) => T,
  enough: (got: readonly T[]) => boolean,
  { readUncommitted = false } = {},
): Promise<T[]> {
  const groupId = `reads-${topic}-${Math.random()}`;
  const consumer = client.consumer({ groupId, sessionTimeout: 6_000, readUncommitted });
  const got: T[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: ({ partition, message }: { readonly partition: number; readonly message: KafkaMessage }) => {
      got.push(toGot(partition, message));
      return Promise.resolve();
    },
  });
  try {
    return await patiently(() => got, enough, { what: `messages in ${topic}` });
  } finally {
    await consumer.disconnect();
  }
}
