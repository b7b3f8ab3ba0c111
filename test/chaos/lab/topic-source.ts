/**
 * A topic of Kafka as the source of a lab. Its histories call a record by what its entry in the spool would be called, so that the checker
 * reads them as those of Redis streams. Offsets come again when a topic is made anew or rewound: each generation of a shard has a `base`
 * that is added to them, which the story says beforehand; a generation that nobody said fails the run.
 */
import type { Redis } from 'ioredis';
import kafkajs, { type Admin, type Kafka, type Message, type Producer } from 'kafkajs';
import { patchKafkajs } from '../../../connectors/kafka/patches.ts';
import { BEFORE_ALL, toSequenceNumber } from '../../../src/record.ts';
import type { Keys } from '../../../src/redis/keys.ts';
import { positionAfter } from '../../../src/spool.ts';
import { makeTopic } from '../../support/kafka/make-topic.ts';
import { recordsIn } from '../../support/kafka/spooled.ts';
import { eventually } from '../../support/daemon.ts';
import type { NoticeEnd } from '../../support/end-state.ts';
import type { Recorder } from '../../support/recorder.ts';
import { type LabRecord, type LabShard, type LabSource, MAPPING, type Near, type NearRecord } from './source.ts';
import type { ShardNow, SourceParts } from './source.ts';

const ASK_EVERY_MS = 100;
/** A broker that is away holds up its own partitions only. */
const WRITE_MS = 500;
const CREATE_MS = 30_000;
/** Above every offset of a run. */
const ERA = 1_000_000_000;

export interface TopicSpec {
  readonly brokers: readonly string[];
  readonly partitions: number;
  /** The brokers of each partition, its preferred leader first. */
  readonly placement?: readonly (readonly number[])[];
  /** Of the topic. */
  readonly settings?: Readonly<Record<string, string>>;
}

let labs = 0;

export interface TopicPartition {
  readonly shard: LabShard;
  readonly partition: number;
  /** One per generation, the first one's first. */
  readonly bases: number[];
  /** Wall ms at which each generation was first seen. */
  readonly seenAt: number[];
  /** Behind the last record that was accepted, or that the broker told of; with the base. */
  end: number;
  /** As the group has it, with the base, and the generation that it is of; null: not committed, or not by a daemon. */
  committed: { readonly at: number; readonly generation: string } | null;
  /** What the records themselves say, and what the function adds by its environment. */
  inData: number;
  inEnvironment: number;
  /** A write without an answer yet: nothing else is written meanwhile, so that the other partitions do not wait for it. */
  writing: boolean;
  /** When the spool was seen to grow (local monotonic ms). */
  readonly grewAt: number[];
  grownTo: string;
}

export class TopicSource implements LabSource {
  readonly partitions: TopicPartition[] = [];
  readonly client: Kafka;
  readonly admin: Admin;
  /** Name of the topic and of the group. */
  readonly name: string;
  readonly #spec: TopicSpec;
  readonly #parts: SourceParts;
  #producer: Producer;
  #closed = false;
  #asking: Promise<void> = Promise.resolve();

  constructor(spec: TopicSpec, parts: SourceParts) {
    this.#spec = spec;
    this.#parts = parts;
    this.name = `lab-${process.pid}-${++labs}`;
    patchKafkajs();
    this.client = new kafkajs.Kafka({
      ...{ brokers: [...spec.brokers], logLevel: kafkajs.logLevel.NOTHING },
      ...{ connectionTimeout: 2_000, requestTimeout: 5_000 },
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 20 },
    });
    this.admin = this.client.admin();
    this.#producer = this.#newProducer();
  }

  get shards(): LabShard[] {
    return this.partitions.map(({ shard }) => shard);
  }

  get config() {
    const bases = Object.fromEntries(this.partitions.map((p) => [p.shard.shardId, p.inEnvironment]));
    return {
      connections: { lab: { type: 'kafka', brokers: [...this.#spec.brokers] } },
      mapping: {
        source: { type: 'kafka', connection: 'lab', topic: this.name, consumerGroupId: this.name },
        eventFormat: 'kinesis',
      },
      environment: { SPOOLED: JSON.stringify(bases) },
    };
  }

  async open(): Promise<this> {
    await this.admin.connect();
    this.#addPartitions(this.#spec.partitions);
    await this.#create();
    await this.#producer.connect();
    this.#asking = this.#ask();
    return this;
  }

  #newProducer(): Producer {
    return this.client.producer({ idempotent: true, maxInFlightRequests: 1 });
  }

  async #create(): Promise<void> {
    const { placement, settings = {} } = this.#spec;
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    const where = placement
      ? { replicaAssignment: placement.map((replicas, partition) => ({ partition, replicas: [...replicas] })) }
      : { numPartitions: this.partitions.length, replicationFactor: 1 };
    const topic = { topic: this.name, ...where, configEntries };
    await makeTopic(this.client, topic);
  }

  async #settleWrites(): Promise<void> {
    while (this.partitions.some(({ writing }) => writing)) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Records go to the new ones, too. */
  async growTo(count: number): Promise<void> {
    await this.admin.createPartitions({ topicPartitions: [{ topic: this.name, count }] });
    // One that knows the topic as it was before would not find them for minutes.
    const [old, fresh] = [this.#producer, this.#newProducer()];
    await fresh.connect();
    this.#producer = fresh;
    this.#addPartitions(count);
    await this.#settleWrites();
    await old.disconnect();
  }

  #addPartitions(upTo: number): void {
    for (let partition = this.partitions.length; partition < upTo; partition++) {
      const shardId = `${this.name}-${partition}`;
      const shard = { shardId, name: `${MAPPING}/${shardId}`, key: this.#parts.keys.spool(MAPPING, shardId) };
      const fresh = { bases: [0], seenAt: [], end: 0, committed: null, inData: 0, inEnvironment: 0 };
      this.partitions.push({ shard, partition, ...fresh, writing: false, grewAt: [], grownTo: '' });
    }
  }

  /** Deletes the topic and makes it anew: the next generation of each shard begins, from offset 0. */
  async recreate(): Promise<void> {
    await this.#settleWrites();
    await this.#producer.disconnect();
    await this.admin.deleteTopics({ topics: [this.name] });
    const made = () => this.#create().then(() => 'made', String);
    const what = 'the topic made anew';
    await eventually(made, (answer) => answer === 'made', { withinMs: CREATE_MS, everyMs: 100, what });
    for (const partition of this.partitions) {
      partition.inData += ERA;
      this.#nextGeneration(partition);
      partition.end = partition.bases.at(-1)!;
    }
    this.#producer = this.#newProducer();
    await this.#producer.connect();
  }

  /** The group's offset was set back: from there on everything is there again, under a new base. Write the configuration anew. */
  rewound(partition: TopicPartition): void {
    partition.inEnvironment += ERA;
    this.#nextGeneration(partition);
    partition.end += ERA;
  }

  /** It was set forth: a new generation whose positions go on. */
  skipped(partition: TopicPartition): void {
    partition.bases.push(partition.bases.at(-1)!);
  }

  /** What the history calls an offset of the generation that is the newest. */
  positionOf({ bases }: TopicPartition, offset: number): string {
    return positionOf(bases.at(-1)! + offset);
  }

  #nextGeneration(partition: TopicPartition): void {
    partition.bases.push(partition.inData + partition.inEnvironment);
    partition.committed = null;
  }

  async write(records: readonly LabRecord[]): Promise<(string | null)[]> {
    const places = new Map<LabShard, { readonly at: TopicPartition; readonly indexes: number[] }>();
    for (const [index, { shard }] of records.entries()) {
      const at = this.partitions.find((p) => p.shard === shard)!;
      const place = places.get(shard) ?? { at, indexes: [] };
      place.indexes.push(index);
      places.set(shard, place);
    }
    const positions: (string | null)[] = records.map(() => null);
    const sent = [...places.values()]
      .filter(({ at }) => !at.writing)
      .map(async ({ at, indexes }) => {
        at.writing = true;
        const messages = indexes.map((index) => ({
          partition: at.partition,
          value: JSON.stringify({ ...(JSON.parse(records[index]!.data) as object), base: at.inData }),
        }));
        const first = await this.#send(at, messages).finally(() => (at.writing = false));
        for (const [n, index] of indexes.entries()) positions[index] = positionOf(first + n);
      });
    // What was not acknowledged, or not soon, is not claimed (`everything` tells of it).
    await Promise.race([Promise.allSettled(sent), new Promise((resolve) => setTimeout(resolve, WRITE_MS))]);
    return [...positions];
  }

  async #send(at: TopicPartition, messages: Message[]): Promise<number> {
    const [metadata] = await this.#producer.send({ topic: this.name, messages, acks: -1 });
    const first = Number(metadata!.baseOffset) + at.inData + at.inEnvironment;
    at.end = Math.max(at.end, first + messages.length);
    return first;
  }

  /** What the log has at the end, acknowledged or not: all of it has to be settled. Of topics that were not changed. */
  async everything(recorder: Recorder): Promise<void> {
    const ends = await this.admin.fetchTopicOffsets(this.name);
    for (const { shard, partition } of this.partitions) {
      const high = Number(ends.find((end) => end.partition === partition)!.high);
      const positions = positionsUpTo(high);
      if (high > 0) await recorder.record({ kind: 'accepted', shard: shard.name, positions });
    }
  }

  /** Of a topic that was not changed. */
  async positionsIn({ name }: LabShard): Promise<string[]> {
    const { partition } = this.partitions.find(({ shard }) => shard.name === name)!;
    const ends = await this.admin.fetchTopicOffsets(this.name);
    return positionsUpTo(Number(ends.find((end) => end.partition === partition)!.high));
  }

  /** The group's offsets and the log's ends, as far as the broker tells them just now. */
  async #ask(): Promise<void> {
    while (!this.#closed) {
      await this.#askOnce().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  }

  async #askOnce(): Promise<void> {
    const [offsets] = await this.admin.fetchOffsets({ groupId: this.name, topics: [this.name] });
    for (const { partition, offset, metadata } of offsets?.partitions ?? []) {
      const at = this.partitions[partition];
      const generation = /^millrace:(\d+):/.exec(metadata ?? '')?.[1];
      if (!at || generation === undefined || Number(offset) < 0) continue;
      at.committed = { at: baseOf(at, generation) + Number(offset), generation };
    }
    const bases = this.partitions.map((p) => p.inData + p.inEnvironment);
    for (const { partition, high } of await this.admin.fetchTopicOffsets(this.name)) {
      const at = this.partitions[partition];
      if (at && bases[partition] === at.inData + at.inEnvironment)
        at.end = Math.max(at.end, bases[partition] + Number(high));
    }
  }

  /** Not in a transaction: a Redis whose memory is full takes none. So of each spool first, and again where a generation began meanwhile. */
  async look(): Promise<ShardNow[]> {
    const partitions = [...this.partitions];
    const markers = partitions.map(({ committed }) => committed);
    const step = this.#parts.redis.pipeline();
    for (const { shard } of partitions) {
      const key = this.#parts.keys.shard(MAPPING, shard.shardId);
      step.hget(key, 'gen').xrangeBuffer(shard.key, '-', '+', 'COUNT', 1).hgetall(key);
    }
    const replies = (await step.exec())!.map(([, reply]) => reply);
    const states = partitions.map((_, index) => (replies[3 * index + 2] ?? {}) as Record<string, string>);
    if (states.some((state, index) => (state['gen'] ?? null) !== (replies[3 * index] ?? null)))
      return await this.look();
    return partitions.map((partition, index) => {
      const [first] = (replies[3 * index + 1] ?? []) as readonly Parameters<typeof recordsIn>[0][];
      return toShardNow(partition, states[index]!, markers[index]!, first ? recordsIn(first)[0]!.id : null);
    });
  }

  notices(): Promise<NoticeEnd[]> {
    return noticesOf(this.#parts.redis, this.#parts.keys, this.partitions);
  }

  /** Of topics that were not changed. */
  async near({ shardId, name }: LabShard, most: number): Promise<Near> {
    const { end } = this.partitions.find(({ shard }) => shard.name === name)!;
    const checkpoint = await this.#parts.redis.hget(this.#parts.keys.shard(MAPPING, shardId), 'cp');
    if (checkpoint === null) return { settled: [], next: [] };
    const at = positionAfter(checkpoint);
    const toNear = (offset: number): NearRecord => ({
      ...{ id: `${offset + 1}-0`, position: positionOf(offset), name: String(offset) },
    });
    const settled = Array.from({ length: Math.min(most, at) }, (_, n) => toNear(at - 1 - n));
    return {
      settled,
      next: Array.from({ length: Math.max(0, Math.min(most, end - at)) }, (_, n) => toNear(at + n)),
    };
  }

  mayRewind({ name }: LabShard): void {
    this.skipped(this.partitions.find(({ shard }) => shard.name === name)!);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#asking;
    await Promise.allSettled([this.admin.disconnect(), this.#producer.disconnect()]);
  }
}

function toShardNow(
  partition: TopicPartition,
  state: Record<string, string>,
  committed: TopicPartition['committed'],
  first: string | null,
): ShardNow {
  const { shard, end, seenAt } = partition;
  const generation = state['gen'];
  if (generation === undefined)
    return { ...{ shard, state, checkpoint: null, groupMarker: null, firstEntry: null }, lastEntry: `${end}-0` };
  seenAt[Number(generation) - 1] ??= Date.now();
  if (partition.grownTo !== state['sp:next']) partition.grewAt.push(performance.now());
  partition.grownTo = state['sp:next'] ?? '';
  const base = baseOf(partition, generation);
  const moved = (id: string, by = 0, seq = '0'): string => `${base + positionAfter(id) + by}-${seq}`;
  const settled = moved(state['cp']!);
  const marker = committed?.generation === generation ? committed.at : null;
  return {
    ...{
      shard,
      state,
      checkpoint: settled === BEFORE_ALL ? null : settled,
      groupMarker: marker ? `${marker}-0` : null,
    },
    // There is nothing between two records: before this moment lies the record before, and not its ms.
    ...{ firstEntry: first && moved(first, -1, '1'), lastEntry: end === 0 ? null : `${end}-0` },
  };
}

function baseOf({ bases, shard }: TopicPartition, generation: string): number {
  const base = bases[Number(generation) - 1];
  if (base === undefined) throw new Error(`generation ${generation} of ${shard.name} was not to come`);
  return base;
}

function positionsUpTo(end: number): string[] {
  return Array.from({ length: end }, (_, offset) => positionOf(offset));
}

/** Of an offset with its base. */
function positionOf(offset: number): string {
  return toSequenceNumber(`${offset + 1}-0`);
}

interface KafkaNotice {
  readonly requestContext: NoticeEnd['notice']['requestContext'];
  readonly KafkaBatchInfo: {
    readonly batchSize: number;
    readonly recordsInfo: Readonly<
      Record<string, { readonly firstRecordOffset: number; readonly lastRecordOffset: number }>
    >;
  };
}

/** A notice belongs to the generation in which it was written; one that a new generation begins with is the old one's. */
async function noticesOf(redis: Redis, keys: Keys, partitions: readonly TopicPartition[]): Promise<NoticeEnd[]> {
  const entries = await redis.xrange(keys.failures(MAPPING), '-', '+');
  return entries.map(([id, fields]): NoticeEnd => {
    const { requestContext, KafkaBatchInfo } = JSON.parse(fields[fields.indexOf('notice') + 1]!) as KafkaNotice;
    const [shardId, info] = Object.entries(KafkaBatchInfo.recordsInfo)[0]!;
    const partition = partitions.find(({ shard }) => shard.shardId === shardId)!;
    const writtenAt = Number(id.slice(0, id.indexOf('-')));
    const generation = Math.max(1, partition.seenAt.filter((at) => at < writtenAt).length);
    const base = baseOf(partition, String(generation));
    const KinesisBatchInfo = {
      startSequenceNumber: positionOf(base + info.firstRecordOffset),
      endSequenceNumber: positionOf(base + info.lastRecordOffset),
      batchSize: KafkaBatchInfo.batchSize,
    };
    return { shard: partition.shard.name, id, notice: { requestContext, KinesisBatchInfo } };
  });
}

/** For `LabSpec.source`. */
export function fromTopic(spec: TopicSpec): (parts: SourceParts) => Promise<TopicSource> {
  return (parts) => new TopicSource(spec, parts).open();
}
