/**
 * Topics that can be used when they are there. kafkajs waits for leaders by asking a broker for its metadata, and fails where that broker
 * has not heard of the topic yet; the topic is made all the same, and asking again only says that it was there before. And a broker may
 * name itself the leader of what it does not host yet. So each partition's leader is asked for its offsets, until all answer.
 *
 * Each time by an admin of its own: one that has asked for a topic does nothing any more once that is deleted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, ITopicConfig, Kafka } from 'kafkajs';

const MADE_WITHIN_MS = 60_000;
const ASK_EVERY_MS = 50;

export function makeTopic(client: Kafka, config: ITopicConfig): Promise<void> {
  return withAdmin(client, async (admin) => {
    if (!(await admin.createTopics({ topics: [config], waitForLeaders: false })))
      throw new Error(`the topic ${config.topic} is there already`);
    await hosted(admin, config.topic, config.numPartitions ?? config.replicaAssignment?.length ?? 1);
  });
}

/** Deletes it, and makes it anew under its name. */
export function makeAnew(client: Kafka, topic: string, numPartitions: number): Promise<void> {
  return withAdmin(client, async (admin) => {
    await admin.deleteTopics({ topics: [topic] });
    const wanted = { topics: [{ topic, numPartitions }], waitForLeaders: false };
    // The old one may still be on its way out.
    await until(() => admin.createTopics(wanted), `the topic ${topic} made anew`);
    await hosted(admin, topic, numPartitions);
  });
}

function hosted(admin: Admin, topic: string, partitions: number): Promise<void> {
  const answers = async () => (await admin.fetchTopicOffsets(topic)).length === partitions;
  return until(answers, `leaders of all partitions of ${topic}`);
}

async function withAdmin(client: Kafka, act: (admin: Admin) => Promise<void>): Promise<void> {
  const admin = client.admin();
  await admin.connect();
  try {
    await act(admin);
  } finally {
    await admin.disconnect();
  }
}

async function until(done: () => Promise<boolean>, what: string): Promise<void> {
  let reason: unknown = 'it was not so';
  for (const end = performance.now() + MADE_WITHIN_MS; performance.now() < end; await sleep(ASK_EVERY_MS)) {
    try {
      if (await done()) return;
    } catch (error) {
      reason = error;
    }
  }
  throw new Error(`in vain waited for: ${what}`, { cause: reason });
}
