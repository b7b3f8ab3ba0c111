/** `millrace validate --connect`, the Kafka side: whether the cluster answers, and the topic is there. */
import { explainKafka } from '../../connectors/kafka/explain.ts';
import { createKafkaClient } from '../../connectors/kafka/kafkajs.ts';
import { MillraceError } from '../errors.ts';
import type { ConnectionConfig } from '../mapping/types.ts';
import { silentLog } from '../observe/log.ts';

/** False when there is no such topic. Rejects with `kafka-unreachable`. */
export async function topicExists(cluster: ConnectionConfig, topic: string): Promise<boolean> {
  const client = createKafkaClient(cluster, silentLog);
  try {
    return (await client.partitions(topic)) !== null;
  } catch (error) {
    throw new MillraceError('kafka-unreachable', `the Kafka cluster "${cluster.name}": ${explainKafka(error)}`, {
      hint: `look at connections.${cluster.name} in the configuration`,
      cause: error,
    });
  } finally {
    await client.close();
  }
}
