/** Everything that can be written under `source` and `destinationConfig` of a mapping. */
import { z } from 'zod';
import { field, text } from '../field.ts';

const streamName = () => text(512);
export const topicName = () =>
  text(249).regex(/^(?!\.{1,2}$)[a-zA-Z0-9._-]+$/, { error: 'must be letters, digits, ".", "_" and "-"' });

const redisStreamSource = z.strictObject({
  type: z.literal('redis-stream'),
  stream: field(streamName(), {
    about:
      'A sharded stream made by `millrace stream create`, else the key of a plain Redis stream. It need not exist yet.',
    example: 'clicks',
    alsoCalled: ['key', 'name', 'streamName'],
  }),
  dataField: field(text(256).exactOptional(), {
    about:
      'The entry’s field that holds the record’s data. Default: `data` if the entry has one, else the whole entry as a JSON object.',
    example: 'payload',
  }),
  partitionKeyField: field(text(256).exactOptional(), {
    about:
      'The entry’s field that holds the partition key. Default: `partitionKey` if the entry has one, else the stream’s name.',
    example: 'userId',
  }),
  arrival: field(z.enum(['id', 'first-seen']).default('id'), {
    about: 'When a record arrived: the time in its id, or, for imported histories, the moment Millrace first saw it.',
    example: 'first-seen',
  }),
  trim: field(z.enum(['never', 'settled']).default('never'), {
    about: 'Plain streams only: `settled` trims what every mapping on the stream has settled.',
    example: 'settled',
  }),
});

const kafkaSource = z.strictObject({
  type: z.literal('kafka'),
  connection: field(text(63), { about: 'Name of a cluster under `connections`.', example: 'events' }),
  topic: field(topicName(), {
    about: 'The topic; each of its partitions is a shard. It need not exist yet.',
    example: 'orders',
  }),
  consumerGroupId: field(text(255).exactOptional(), {
    about: 'The consumer group whose committed offsets follow the checkpoints. Default: `millrace-<mapping>`.',
    example: 'orders-v1',
    alsoCalled: ['groupId', 'group'],
  }),
  isolationLevel: field(z.enum(['read_committed', 'read_uncommitted']).default('read_committed'), {
    about: 'Whether records of transactions that are not committed are read.',
    example: 'read_committed',
  }),
});

const redisStreamDestination = z.strictObject({
  type: z.literal('redis-stream'),
  stream: field(streamName(), {
    about: 'The Redis stream that takes the failure notices, one entry each, in its field `notice`.',
    example: 'clicks-failed',
    alsoCalled: ['key', 'name', 'streamName'],
  }),
});

const kafkaTopicDestination = z.strictObject({
  type: z.literal('kafka-topic'),
  connection: field(text(63), { about: 'Name of a cluster under `connections`.', example: 'events' }),
  topic: field(topicName(), {
    about:
      'The Kafka topic that takes a message for each failed record, with the record’s key. It has to be there; until it is, messages wait.',
    example: 'orders-failed',
  }),
});

export const sourceField = field(z.discriminatedUnion('type', [redisStreamSource, kafkaSource]), {
  about: 'Where the records come from.',
  example: '{ type: redis-stream, stream: clicks }',
  pinned: true,
  alsoCalled: ['eventSourceArn', 'eventSource'],
});

export const destinationConfigField = field(
  z
    .strictObject({
      onFailure: field(z.discriminatedUnion('type', [redisStreamDestination, kafkaTopicDestination]).exactOptional(), {
        about: 'Where failure notices go. Default: the Redis stream `<namespace>:failures:<mapping>`, kept 14 days.',
        example: '{ type: redis-stream, stream: clicks-failed }',
      }),
    })
    .default({}),
  {
    about: 'AWS’s DestinationConfig.',
    example: '{ onFailure: { type: redis-stream, stream: clicks-failed } }',
    alsoCalled: ['onFailure', 'deadLetter', 'dlq'],
  },
);

export type KafkaSource = Readonly<z.output<typeof kafkaSource>>;
export type RedisStreamSource = Readonly<z.output<typeof redisStreamSource>>;
