/**
 * The broker that all test files of a run share (`useKafka()` at the top of a file): the first one starts it, scripts/test.mjs ends it.
 * Tests keep apart by topics and groups of their own. Without scripts/test.mjs each file has one of its own.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import kafkajs, { type Admin, type Kafka, type Message, type Producer } from 'kafkajs';
import { afterAll, beforeAll, vi } from 'vitest';
import { patchKafkajs } from '../../../connectors/kafka/patches.ts';
import { messageOf } from '../../../src/errors.ts';
import {
  type Broker,
  type BrokerPlace,
  java,
  makeClassArchive,
  newBrokerPlace,
  startBroker,
  stopBroker,
} from './broker.ts';
import { makeTopic } from './make-topic.ts';

const START_MS = 120_000;
const TEST_MS = 180_000;
const READ_MS = 8_000;

/** Tests of this file may take their time. */
export function allowKafkaTime(): void {
  vi.setConfig({ testTimeout: TEST_MS, hookTimeout: START_MS });
}

export interface TestKafka {
  readonly place: BrokerPlace;
  readonly bootstrap: string;
  readonly client: Kafka;
  readonly admin: Admin;
  readonly producer: Producer;
  /** A topic of its own name; the name. */
  topic(partitions: number, config?: Readonly<Record<string, string>>): Promise<string>;
  send(topic: string, messages: readonly Message[], partition?: number): Promise<void>;
  /** Every committed record of a topic, partition by partition in its order, as Kafka's own consumer has them. */
  committed(topic: string): Promise<readonly TopicRecord[]>;
  /** How many records it has, those of aborted transactions among them. */
  everything(topic: string): Promise<number>;
  /** What Kafka's own tool says of a group's partitions: committed offset and lag. */
  group(groupId: string): Promise<ReadonlyMap<number, { readonly offset: number; readonly lag: number }>>;
}

export interface TopicRecord {
  readonly partition: number;
  readonly offset: number;
  /** Header of that name; '': none. */
  readonly origin: string;
  readonly value: string;
}

let topics = 0;

export function useKafka(): TestKafka {
  allowKafkaTime();
  let place: BrokerPlace;
  let own: { broker: Broker; dir: string } | null = null;
  let client: Kafka;
  let admin: Admin;
  let producer: Producer;
  beforeAll(async () => {
    const shared = process.env['MILLRACE_RUN_DIR'];
    if (shared) place = await sharedBroker(shared);
    else {
      const dir = await mkdtemp(path.join(tmpdir(), 'millrace-kafka-'));
      place = await newBrokerPlace(dir);
      own = { broker: await startBroker(place), dir };
    }
    client = openClient(place);
    admin = client.admin();
    producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await Promise.all([admin.connect(), producer.connect()]);
  }, START_MS);
  afterAll(async () => {
    await Promise.all([admin?.disconnect(), producer?.disconnect()]);
    if (!own) return;
    await stopBroker(own.broker);
    await rm(own.dir, { recursive: true, force: true });
  });
  return {
    get place() {
      return place;
    },
    get bootstrap() {
      return `127.0.0.1:${place.port}`;
    },
    get client() {
      return client;
    },
    get admin() {
      return admin;
    },
    get producer() {
      return producer;
    },
    async topic(numPartitions, config = {}) {
      const topic = `t${process.pid}-${++topics}`;
      const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
      await makeTopic(client, { topic, numPartitions, configEntries });
      return topic;
    },
    async send(topic, messages, partition) {
      await producer.send({
        topic,
        messages: messages.map((m) => (partition === undefined ? m : { ...m, partition })),
      });
    },
    committed: (topic) => recordsOf(place, topic, 'read_committed'),
    everything: async (topic) => (await recordsOf(place, topic, 'read_uncommitted')).length,
    group: (groupId) => describeGroup(place, groupId),
  };
}

export function openClient({ port }: BrokerPlace): Kafka {
  // Or Node warns of its timers among the results.
  patchKafkajs();
  return new kafkajs.Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: kafkajs.logLevel.NOTHING });
}

/** A broker that a test may kill, with one topic. The caller stops it. */
export async function startOwnBroker(
  dir: string,
  topic: string,
  numPartitions: number,
): Promise<{ readonly place: BrokerPlace; readonly broker: Broker; readonly client: Kafka }> {
  const place = await newBrokerPlace(path.join(dir, 'kafka'));
  const broker = await startBroker(place);
  const client = openClient(place);
  await makeTopic(client, { topic, numPartitions });
  return { place, broker, client };
}

/** One file starts it, the others wait for what it writes. */
async function sharedBroker(dir: string): Promise<BrokerPlace> {
  const file = path.join(dir, 'kafka.json');
  try {
    await writeFile(path.join(dir, 'kafka.lock'), String(process.pid), { flag: 'wx' });
  } catch {
    // Another file was first.
    return await announced(file);
  }
  try {
    await makeClassArchive(path.join(dir, 'classes'));
    const place = await newBrokerPlace(path.join(dir, 'kafka'));
    const { pid } = await startBroker(place, true);
    await writeFile(file, JSON.stringify({ ...place, pid }));
    return place;
  } catch (error) {
    await writeFile(file, JSON.stringify({ error: messageOf(error) }));
    throw error;
  }
}

async function announced(file: string): Promise<BrokerPlace> {
  for (const until = performance.now() + START_MS; performance.now() < until;) {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text.endsWith('}')) {
      const found = JSON.parse(text) as BrokerPlace & { readonly error?: string };
      if (found.error !== undefined) throw new Error(found.error);
      return found;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the test file that starts the broker did not come to an end');
}

async function recordsOf(place: BrokerPlace, topic: string, isolation: string): Promise<TopicRecord[]> {
  const shown = ['partition', 'offset', 'headers'].flatMap((what) => ['--formatter-property', `print.${what}=true`]);
  const text = await java(place, 'org.apache.kafka.tools.consumer.ConsoleConsumer', [
    ...['--bootstrap-server', `127.0.0.1:${place.port}`, '--topic', topic, '--from-beginning', ...shown],
    // It ends when nothing came for so long.
    ...['--isolation-level', isolation, '--timeout-ms', String(READ_MS)],
  ]);
  return text.split('\n').flatMap((line) => {
    const [, partition, offset, headers, value] = /^Partition:(\d+)\tOffset:(\d+)\t([^\t]*)\t(.*)$/.exec(line) ?? [];
    if (value === undefined) return [];
    const origin = /(?:^|,)origin:([^,]*)/.exec(headers!)?.[1] ?? '';
    return [{ partition: Number(partition), offset: Number(offset), origin, value }];
  });
}

export async function describeGroup(place: BrokerPlace, groupId: string) {
  const args = ['--bootstrap-server', `127.0.0.1:${place.port}`, '--describe', '--group', groupId];
  const table = await java(place, 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', args);
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/));
  const ours = rows.filter((row) => row[0] === groupId && /^\d+$/.test(row[2] ?? ''));
  return new Map(ours.map((row) => [Number(row[2]), { offset: Number(row[3]), lag: Number(row[5]) }]));
}
