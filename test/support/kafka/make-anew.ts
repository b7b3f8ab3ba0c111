/** A topic deleted and made anew under its name. */
import type { Admin } from 'kafkajs';
import { patiently } from './world.ts';

/**
 * kafkajs waits for the leaders of what it made; where that fails, the topic is there, and asking again only says that it was there
 * before. So the waiting is done here.
 */
export async function makeAnew(admin: Admin, topic: string, numPartitions: number): Promise<void> {
  await admin.deleteTopics({ topics: [topic] });
  const wanted = { topics: [{ topic, numPartitions, replicationFactor: 1 }], waitForLeaders: false };
  const make = () => admin.createTopics(wanted).catch((error: unknown) => String(error));
  await patiently(make, (made) => made === true, { what: 'the topic made anew' });
  const partitions = () =>
    admin.fetchTopicMetadata({ topics: [topic] }).then(
      ({ topics: [one] }) => one!.partitions.filter(({ leader }) => leader >= 0).length,
      () => 0,
    );
  await patiently(partitions, (there) => there === numPartitions, { what: 'leaders of the topic made anew' });
}
