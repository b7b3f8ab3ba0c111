/** Brokers of a test's own, so that they can be killed, stopped and started again: one, or three that form a cluster. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import kafkajs, { type Kafka, type PartitionMetadata } from 'kafkajs';
import { patchKafkajs } from '../../../connectors/kafka/patches.ts';
import { type Broker, type BrokerPlace, newClusterPlaces, startBroker, stopBroker } from './broker.ts';

/** Where groups keep what they committed. */
export const OFFSETS = '__consumer_offsets';

export class Cluster {
  readonly places: readonly BrokerPlace[];
  readonly #running = new Map<number, Broker>();

  constructor(places: readonly BrokerPlace[]) {
    this.places = places;
  }

  get bootstrap(): string[] {
    return this.places.map(({ port }) => `127.0.0.1:${port}`);
  }

  get ids(): number[] {
    return this.places.map(({ id }) => id);
  }

  async start(...ids: readonly number[]): Promise<void> {
    const broken = await Promise.allSettled(
      ids.map(async (id) => this.#running.set(id, await startBroker(this.#placeOf(id)))),
    );
    for (const one of broken) if (one.status === 'rejected') throw one.reason;
  }

  /** SIGKILL, or SIGTERM: then it hands its partitions over first. */
  async stop(id: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const broker = this.#running.get(id);
    this.#running.delete(id);
    if (broker) await stopBroker(broker, signal);
  }

  freeze(id: number, frozen: boolean): void {
    this.#running.get(id)?.process.kill(frozen ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Asked at those that run. */
  client(): Kafka {
    patchKafkajs();
    const brokers = [...this.#running.values()].map(({ port }) => `127.0.0.1:${port}`);
    return new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING, requestTimeout: 5_000 });
  }

  /** A topic's partitions, in their order. */
  async partitionsOf(topic: string): Promise<PartitionMetadata[]> {
    const admin = this.client().admin();
    await admin.connect();
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      return topics[0]!.partitions.toSorted((a, b) => a.partitionId - b.partitionId);
    } finally {
      await admin.disconnect();
    }
  }

  /** The leader of that partition of the cluster's own topic which belongs to the group (by Java's String.hashCode). */
  async coordinatorOf(groupId: string): Promise<number> {
    const partitions = await this.partitionsOf(OFFSETS);
    let hash = 0;
    for (const char of groupId) hash = (Math.imul(31, hash) + char.charCodeAt(0)) | 0;
    return partitions[(hash & 0x7fffffff) % partitions.length]!.leader;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((id) => this.stop(id, 'SIGKILL')));
  }

  #placeOf(id: number): BrokerPlace {
    return this.places.find((place) => place.id === id)!;
  }
}

async function openCluster(dir: string, count: number): Promise<Cluster> {
  const cluster = new Cluster(await newClusterPlaces(dir, count));
  try {
    await cluster.start(...cluster.ids);
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return cluster;
}

export async function withCluster<T>(count: number, body: (cluster: Cluster) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(path.join(tmpdir(), 'millrace-kafka-'));
  const cluster = await openCluster(dir, count);
  try {
    return await body(cluster);
  } finally {
    await cluster.close();
    await rm(dir, { recursive: true, force: true });
  }
}
