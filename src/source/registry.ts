/** Source type → connector. The one place that knows which connectors there are. */
import { createTopicBacklog } from '../../connectors/kafka/backlog.ts';
import type { KafkaConnection } from '../../connectors/kafka/client.ts';
import { createExactSender } from '../../connectors/kafka/exact-producer.ts';
import { createKafkaSender } from '../../connectors/kafka/producer.ts';
import { createKafkaSource } from '../../connectors/kafka/source.ts';
import { createBacklogElsewhere } from '../../connectors/redis-stream/backlog-elsewhere.ts';
import { createExactOutput } from '../../connectors/redis-stream/exact-output.ts';
import { createRedisStreamOutput } from '../../connectors/redis-stream/output.ts';
import { createRedisStreamSource } from '../../connectors/redis-stream/source.ts';
import type { Log } from '../observe/log.ts';
import { type ExactSender, type OutboxTarget, placeOf, type Sender, type TopicTarget } from '../outbox.ts';
import type { BacklogAt, OutputTarget } from '../output.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import type { SharedConnections } from '../redis/shared-connections.ts';
import type { Clock } from '../time.ts';
import type { Source } from './port.ts';

/** A mapping's `source`, by its type; each connector takes what it needs of it. */
export interface RedisStreamSpec {
  readonly type: 'redis-stream';
  readonly stream: string;
  readonly trim?: 'never' | 'settled' | undefined;
  readonly arrival?: 'id' | 'first-seen' | undefined;
}
export interface KafkaSpec {
  readonly type: 'kafka';
  readonly mapping: string;
  readonly topic: string;
  readonly groupId: string;
  readonly isolationLevel: 'read_committed' | 'read_uncommitted';
  readonly cluster: KafkaConnection;
}
export type SourceSpec = RedisStreamSpec | KafkaSpec;

export interface SourceContext {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
}

type Factories = {
  readonly [T in SourceSpec['type']]: (spec: Extract<SourceSpec, { type: T }>, context: SourceContext) => Source;
};

const factories: Factories = {
  'redis-stream': (spec, { redis, keys }) =>
    createRedisStreamSource({ redis, keys, stream: spec.stream, trim: spec.trim, arrival: spec.arrival }),
  kafka: ({ mapping, topic, groupId, isolationLevel, cluster }, context) =>
    createKafkaSource({
      ...{ ...context, mapping, topic, groupId, connection: cluster },
      readUncommitted: isolationLevel === 'read_uncommitted',
    }),
};

/** Makes no connection and reads nothing yet. */
export function openSource(spec: SourceSpec, context: SourceContext): Source {
  return spec.type === 'kafka' ? factories.kafka(spec, context) : factories['redis-stream'](spec, context);
}

/** A stream of the same Redis that outputs go to. */
export function openOutput(stream: string, { redis, keys, clock }: SourceContext): OutputTarget {
  return createRedisStreamOutput({ redis, keys, stream, monoMs: () => clock.monoMs() });
}

/** A way into a topic. Makes no connection yet. */
export function openSender(connection: SendingConnection, to: TopicTarget, log: Log): Sender {
  if (connection.type !== 'kafka') throw new Error(otherKind(to));
  return createKafkaSender(connection, to.topic, log);
}

/** What waits was written for another configuration. */
function otherKind(to: OutboxTarget): string {
  return `the connection \`${to.connection}\` is of another type than it was: ${placeOf(to)} is not on it`;
}

/** What a connection of the configuration is, as far as something is sent there. */
export type SendingConnection =
  ({ readonly type: 'kafka' } & KafkaConnection) | { readonly type: 'redis'; readonly url: string };

export interface ExactSenderContext {
  /** Of the sending shard. */
  readonly name: string;
  readonly keys: Keys;
  readonly log: Log;
  /** To the Redis servers that outputs of this daemon go to. */
  readonly redises: SharedConnections;
}

/** One shard's way into a topic or a stream of another Redis, for what has to be there once. Makes no connection yet. */
export function openExactSender(
  connection: SendingConnection,
  to: OutboxTarget,
  { name, keys, log, redises }: ExactSenderContext,
): ExactSender {
  if (connection.type === 'kafka' && 'topic' in to) return createExactSender(connection, to.topic, name, log);
  if (connection.type === 'redis' && 'stream' in to)
    return createExactOutput({ url: connection.url, connections: redises, keys, stream: to.stream, name, log });
  throw new Error(otherKind(to));
}

export interface BacklogContext {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly log: Log;
  /** Mappings of this Redis whose source it is, where it is a topic. */
  readonly readers: () => Promise<readonly string[]>;
}

/** How far the readers of a place on another system are behind. Makes no connection yet. */
export function openBacklog(
  connection: SendingConnection,
  to: OutboxTarget,
  { redis, keys, log, readers }: BacklogContext,
): BacklogAt {
  if (connection.type === 'kafka' && 'topic' in to)
    return createTopicBacklog({ redis, keys, connection, topic: to.topic, readers, log });
  if (connection.type === 'redis' && 'stream' in to)
    return createBacklogElsewhere({ url: connection.url, keys, stream: to.stream });
  throw new Error(otherKind(to));
}
