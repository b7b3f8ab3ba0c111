/** The orders' topic: on the Kafka of KAFKA_BROKERS, or on a broker that the example starts and ends. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import { patchKafkajs } from '../../connectors/kafka/patches.ts';
import { MillraceError } from '../../src/errors.ts';
import { newBrokerPlace, startBroker, stopBroker } from '../../test/support/kafka/broker.ts';
import { kafkaJars } from '../../test/support/kafka/jars.ts';
import { makeTopic } from '../../test/support/kafka/make-topic.ts';

const PARTITIONS = 4;
const OTHERWISE = 'KAFKA_BROKERS=HOST:PORT npm start -- orders';

export interface Message {
  readonly key: string;
  readonly data: unknown;
}

export interface Broker {
  /** HOST:PORT */
  readonly address: string;
  /** It outlives the example. */
  readonly given: boolean;
  close(): Promise<void>;
}

export async function openBroker(): Promise<Broker> {
  const given = process.env['KAFKA_BROKERS'];
  if (given) return { address: given, given: true, close: () => Promise.resolve() };
  try {
    await kafkaJars(`or name one that you have: ${OTHERWISE}`);
  } catch (error) {
    throw new MillraceError('kafka-unreachable', error instanceof Error ? error.message : String(error));
  }
  console.log('Starting a Kafka broker.');
  const dir = await mkdtemp(path.join(tmpdir(), 'millrace-orders-'));
  const broker = await startBroker(await newBrokerPlace(dir));
  return {
    address: `127.0.0.1:${broker.port}`,
    given: false,
    close: async () => {
      await stopBroker(broker);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Makes the topic and fills it. */
export async function fillTopic(address: string, topic: string, messages: readonly Message[]): Promise<void> {
  const kafka = clientOf(address);
  await makeTopic(kafka, { topic, numPartitions: PARTITIONS });
  const producer = kafka.producer({ idempotent: true, createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  try {
    const all = messages.map(({ key, data }) => ({ key, value: JSON.stringify(data) }));
    await producer.send({ topic, acks: -1, messages: all });
  } finally {
    await producer.disconnect();
  }
}

/** With the group that read it. */
export async function removeTopic(address: string, topic: string, group: string): Promise<void> {
  await administer(clientOf(address), async (admin) => {
    await admin.deleteTopics({ topics: [topic] });
    await admin.deleteGroups([group]);
  });
}

async function administer(kafka: Kafka, act: (admin: Admin) => Promise<unknown>): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    await act(admin);
  } finally {
    await admin.disconnect();
  }
}

function clientOf(address: string): Kafka {
  // Or Node warns of its timers among the results.
  patchKafkajs();
  return new kafkajs.Kafka({ clientId: 'millrace-demo', brokers: [address], logLevel: kafkajs.logLevel.NOTHING });
}
