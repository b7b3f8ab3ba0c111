/** A broker for figures, and a topic with records in it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { patchKafkajs } from '../../connectors/kafka/patches.ts';
import { type Broker, java, newBrokerPlace, startBroker, stopBroker } from '../../test/support/kafka/broker.ts';
import { makeTopic } from '../../test/support/kafka/make-topic.ts';
import { record200 } from './lab.ts';

const DIFFERENT = 1_000;

export interface KafkaLab {
  readonly broker: Broker;
  readonly bootstrap: string;
  /** Records of 200 bytes of JSON, without a key, spread over the partitions by Kafka's own producer. */
  fill(topic: string, partitions: number, records: number): Promise<void>;
  /** Records per second of Kafka's own ConsumerPerformance, from its first fetch on. */
  consumerPerformance(topic: string, group: string, records: number): Promise<number>;
  close(): Promise<void>;
}

export async function openKafkaLab(): Promise<KafkaLab> {
  const dir = mkdtempSync(path.join(tmpdir(), 'millrace-bench-kafka-'));
  const broker = await startBroker(await newBrokerPlace(dir));
  const bootstrap = `127.0.0.1:${broker.port}`;
  patchKafkajs();
  const kafka = new Kafka({ clientId: 'bench', brokers: [bootstrap], logLevel: logLevel.NOTHING });
  return {
    ...{ broker, bootstrap },
    async fill(topic, partitions, records) {
      await makeTopic(kafka, { topic, numPartitions: partitions });
      const file = path.join(dir, 'payloads');
      writeFileSync(file, Array.from({ length: DIFFERENT }, (_, n) => record200(0, n)).join('\n'));
      const properties = ['--producer-props', `bootstrap.servers=${bootstrap}`, 'batch.size=65536', 'linger.ms=5'];
      const what = ['--topic', topic, '--num-records', String(records), '--throughput', '-1', '--payload-file', file];
      await java(broker, 'org.apache.kafka.tools.ProducerPerformance', [...what, ...properties], []);
    },
    async consumerPerformance(topic, group, records) {
      const said = await java(
        broker,
        'org.apache.kafka.tools.ConsumerPerformance',
        [
          ...['--bootstrap-server', bootstrap, '--topic', topic, '--group', group],
          ...['--num-records', String(records), '--timeout', '60000', '--hide-header'],
        ],
        [],
      );
      const columns = said.trim().split('\n').at(-1)!.split(',');
      const rate = Number(columns.at(-1));
      if (!(rate > 0)) throw new Error(`ConsumerPerformance said: ${said}`);
      return rate;
    },
    async close() {
      await stopBroker(broker);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
