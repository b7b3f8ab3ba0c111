/**
 * kafkajs 2.2.4 as the Kafka client, and everything that has to be worked around in it (it is no longer maintained upstream):
 *
 *  1. After a join it fetches from the committed offsets at once. → The join event is handled in the same tick: every partition is paused
 *     until the caller says where it begins.
 *  2. An offset that the log does not have is replaced by the default one, with nothing but a log line, and -2 is committed. → The line is
 *     taken for the event that is missing, the partition is paused, and the caller compares with the log's own ends. `from` of a batch
 *     tells it, too.
 *  3. `lastOffset` of a batch that holds only aborted records, markers or nothing after compaction is told by an event alone
 *     (`consumer.end_batch_process` with batchSize 0). → Such a batch is handed out as one without messages.
 *  4. A batch in work blocks all partitions of its broker, and is aborted by a rebalance. → The caller only queues.
 *  5. It pauses seconds to minutes after a broker's restart with its default retries. → 0.1 to 1 s, for ever; what is not to be retried
 *     ends the member, which is made anew.
 *  6. A consumer can end for good (CRASH with restart false), or restart itself with what was subscribed before. → It never restarts itself.
 *  7. Headers are an object: values of one name keep their order, the order between names is that of their first occurrence.
 *  8. Only the eager protocol: at every rebalance all partitions stop until every member has joined.
 *  9. A long poll delays seek, resume and leaving. → KAFKA_FETCH_WAIT_MS.
 * 10. New partitions are noticed when the metadata are old enough. → KAFKA_METADATA_MS.
 * 11. It does not know topics by their ids, nor what a login may do. → topic-facts.ts asks for it, over the connection of a consumer that never joins: partition
 *     assigners are handed what leads there.
 * 12. `disconnect` rejects when a listener throws, and an uncommitted partition reads as "-1".
 * 13. A commit that is not answered holds up the heartbeats. → commits.ts
 * 14. A refused coordinator reads as one that is not there, and is looked for again for ever. → group-right.ts asks before a join.
 * 15. A heartbeat that is not answered holds up all fetching; timers in the past, of which Node warns; which SASL mechanisms a broker offers
 *     is lost. → patches.ts
 * 16. Where transactions of several producers overlap in a partition, it hands out records of aborted ones. → aborted.ts
 */
import { readFileSync } from 'node:fs';
import type { Consumer, EachBatchPayload, IHeaders, Kafka as KafkaJs, LogEntry } from 'kafkajs';
import {
  KAFKA_CONNECT_MS,
  KAFKA_FETCH_BYTES,
  KAFKA_FETCH_WAIT_MS,
  KAFKA_HEARTBEAT_MS,
  KAFKA_METADATA_MS,
  KAFKA_REBALANCE_MS,
  KAFKA_REQUEST_MS,
  KAFKA_SESSION_MS,
} from '../../src/kafka-limits.ts';
import type { Log } from '../../src/observe/log.ts';
import type {
  CommitEntry,
  Committed,
  FetchedBatch,
  GroupMember,
  GroupOptions,
  KafkaClient,
  KafkaConnection,
  KafkaMessage,
} from './client.ts';
import { registerCodecs } from './codecs.ts';
import { commitApart, type Membership } from './commits.ts';
import { mayJoin } from './group-right.ts';
import { kafkajs } from './library.ts';
import { patchKafkajs } from './patches.ts';
import { fetchTopicFacts } from './topic-facts.ts';

const RETRY_FOR_EVER = { initialRetryTime: 100, maxRetryTime: 1_000, factor: 0.2, multiplier: 1.5, retries: 1_000_000 };
/** Questions are asked again by who asks them. */
export const RETRY_A_LITTLE = { initialRetryTime: 100, maxRetryTime: 500, factor: 0.2, retries: 3 };
const LOG_APPEND_TIME = 1;
const OUT_OF_RANGE = 'Offset out of range';
const MANY = 1_000;

export function createKafkaClient(connection: KafkaConnection, log: Log): KafkaClient {
  registerCodecs();
  patchKafkajs();
  const kafka = openKafka(
    connection,
    RETRY_A_LITTLE,
    toLog(log, () => undefined),
  );
  const admin = kafka.admin();
  const questions = ownQuestions(kafka);
  let connected: Promise<void> | null = null;
  const asked = async () => {
    connected ??= admin.connect();
    await connected.catch((error: unknown) => {
      connected = null;
      throw error;
    });
    return admin;
  };
  return {
    async partitions(topic) {
      try {
        const { topics } = await (await asked()).fetchTopicMetadata({ topics: [topic] });
        return topics[0]?.partitions.map(({ partitionId }) => partitionId).sort((a, b) => a - b) ?? null;
      } catch (error) {
        if (typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return null;
        throw error;
      }
    },
    facts: (topic) => fetchTopicFacts(questions.cluster, topic),
    mayJoin: (groupId) => mayJoin(questions.cluster, groupId),
    async ends(topic) {
      const ends = await (await asked()).fetchTopicOffsets(topic);
      return new Map(ends.map(({ partition, low, high }) => [partition, { low: Number(low), high: Number(high) }]));
    },
    async offsetsAt(topic, timestampMs) {
      const offsets = await (await asked()).fetchTopicOffsetsByTimestamp(topic, timestampMs);
      return new Map(offsets.map(({ partition, offset }) => [partition, Number(offset)]));
    },
    async committed(groupId, topic) {
      const [found] = await (await asked()).fetchOffsets({ groupId, topics: [topic] });
      const known = (found?.partitions ?? []).filter(({ offset }) => Number(offset) >= 0);
      return new Map<number, Committed>(
        known.map(({ partition, offset, metadata }) => [
          partition,
          { offset: Number(offset), metadata: metadata ?? '' },
        ]),
      );
    },
    async members(groupId, topic) {
      const { groups } = await (await asked()).describeGroups([groupId]);
      return (groups[0]?.members ?? []).map(({ clientId, clientHost, memberAssignment }) => {
        const assigned = kafkajs().AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment[topic];
        // As the broker writes an address: `/10.0.0.7`.
        return {
          clientId,
          host: clientHost.replace(/^\//, ''),
          partitions: (assigned ?? []).toSorted((a, b) => a - b),
        };
      });
    },
    join: (options) => join(connection, options, log, questions.cluster),
    async close() {
      await Promise.all([connected && admin.disconnect(), questions.close()]);
    },
  };
}

/** For what kafkajs does not ask by itself: its way to the brokers, as partition assigners are given it. */
export function ownQuestions(kafka: KafkaJs): { readonly cluster: unknown; close(): Promise<void> } {
  let found: unknown;
  const consumer = kafka.consumer({
    groupId: 'never-joined',
    partitionAssigners: [
      ({ cluster }) => {
        found = cluster;
        const name = 'none';
        return {
          name,
          version: 0,
          assign: () => Promise.resolve([]),
          protocol: () => ({ name, metadata: Buffer.alloc(0) }),
        };
      },
    ],
  });
  return { cluster: found, close: () => consumer.disconnect() };
}

export function openKafka(
  connection: KafkaConnection,
  retry: object,
  logCreator: () => (entry: LogEntry) => void,
): KafkaJs {
  const { brokers, clientId, ssl, sasl } = connection;
  return new (kafkajs().Kafka)({
    ...{ brokers: [...brokers], clientId, retry, logCreator, logLevel: kafkajs().logLevel.WARN },
    ...{ connectionTimeout: KAFKA_CONNECT_MS, requestTimeout: KAFKA_REQUEST_MS, enforceRequestTimeout: true },
    ssl: typeof ssl === 'boolean' ? ssl : readCertificates(ssl),
    ...(sasl && { sasl: { ...sasl } as never }),
  });
}

/** Read when a connection is opened, so that renewed ones are taken with the next start. */
function readCertificates({ ca, cert, key, passphrase }: Exclude<KafkaConnection['ssl'], boolean>) {
  return {
    ...(ca !== undefined && { ca: [readFileSync(ca, 'utf8')] }),
    ...(cert !== undefined && { cert: readFileSync(cert, 'utf8') }),
    ...(key !== undefined && { key: readFileSync(key, 'utf8') }),
    ...(passphrase !== undefined && { passphrase }),
  };
}

async function join(
  connection: KafkaConnection,
  options: GroupOptions,
  log: Log,
  apart: unknown,
): Promise<GroupMember> {
  const { topic, groupId, events } = options;
  const onReset = (partition: number) => events.outOfRange(partition);
  const kafka = openKafka(connection, RETRY_FOR_EVER, toLog(log, onReset));
  const consumer = kafka.consumer({
    ...{ groupId, sessionTimeout: KAFKA_SESSION_MS, heartbeatInterval: KAFKA_HEARTBEAT_MS },
    ...{ rebalanceTimeout: KAFKA_REBALANCE_MS, metadataMaxAge: KAFKA_METADATA_MS },
    ...{ maxWaitTimeInMs: KAFKA_FETCH_WAIT_MS, maxBytesPerPartition: KAFKA_FETCH_BYTES },
    ...{ readUncommitted: options.readUncommitted, allowAutoTopicCreation: false },
    retry: { ...RETRY_FOR_EVER, restartOnFailure: () => Promise.resolve(false) },
  });
  let left = false;
  let membership: Membership | null = null;
  consumer.on(consumer.events.HEARTBEAT, ({ payload }) => (membership = payload));
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    membership = null;
    const partitions = payload.memberAssignment[topic] ?? [];
    if (partitions.length > 0) consumer.pause([{ topic, partitions }]);
    events.assigned(partitions);
  });
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (payload.batchSize > 0 || payload.topic !== topic) return;
    const next = Number(payload.lastOffset) + 1;
    const { partition, highWatermark } = payload;
    void events.batch({ partition, from: null, messages: [], next, end: Number(highWatermark), bytes: 0 });
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!left) events.ended(payload.error);
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    ...{ autoCommit: false, partitionsConsumedConcurrently: MANY },
    eachBatch: (payload) => events.batch(toBatch(payload)),
  });
  return {
    ...toMember(consumer, topic, () => (left = true)),
    // Until the first heartbeat it is not known under what to commit apart.
    commit: (entries) =>
      membership ? commitApart(apart, membership, topic, entries) : consumer.commitOffsets(toOffsets(topic, entries)),
  };
}

function toOffsets(topic: string, entries: readonly CommitEntry[]) {
  return entries.map(({ partition, offset, metadata }) => ({ topic, partition, offset: String(offset), metadata }));
}

function toMember(consumer: Consumer, topic: string, onLeave: () => void): Omit<GroupMember, 'commit'> {
  const one = (partition: number) => [{ topic, partitions: [partition] }];
  return {
    begin(partition, offset) {
      consumer.seek({ topic, partition, offset: String(offset) });
      consumer.resume(one(partition));
    },
    pause: (partition) => consumer.pause(one(partition)),
    resume: (partition) => consumer.resume(one(partition)),
    async leave() {
      onLeave();
      await consumer.disconnect();
    },
  };
}

function toBatch({ batch }: EachBatchPayload): FetchedBatch {
  const { fetchedOffset } = batch as { readonly fetchedOffset?: string };
  let bytes = 0;
  const messages = batch.messages.map((message): KafkaMessage => {
    bytes += (message.key?.length ?? 0) + (message.value?.length ?? 0);
    const { batchContext } = message as { readonly batchContext?: { readonly timestampType?: number } };
    return {
      ...{ offset: Number(message.offset), timestamp: message.timestamp, key: message.key, value: message.value },
      logAppendTime: batchContext?.timestampType === LOG_APPEND_TIME,
      headers: toHeaders(message.headers),
    };
  });
  return {
    ...{ partition: batch.partition, messages, bytes, end: Number(batch.highWatermark) },
    from: fetchedOffset === undefined ? null : Number(fetchedOffset),
    next: Number(batch.lastOffset()) + 1,
  };
}

function toHeaders(headers: IHeaders | undefined): (readonly [string, Buffer | null])[] {
  const bytes = (value: Buffer | string | null | undefined) =>
    value === null || value === undefined ? null : Buffer.from(value);
  return Object.entries(headers ?? {}).flatMap(([name, value]) =>
    Array.isArray(value) ? value.map((each) => [name, bytes(each)] as const) : [[name, bytes(value)] as const],
  );
}

/** Its lines are for us: what matters to a user is said by the connector. */
export function toLog(log: Log, outOfRange: (partition: number) => void): () => (entry: LogEntry) => void {
  return () => (entry) => {
    const { message, timestamp: _time, logger: _logger, stack: _stack, ...fields } = entry.log;
    if (message.startsWith(OUT_OF_RANGE) && typeof fields['partition'] === 'number') outOfRange(fields['partition']);
    log.debug({ ...fields, client: entry.namespace }, message);
  };
}

export function typeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'type' in error ? String(error.type) : '';
}
