/** Everything that can be written under `output` of a mapping. */
import { z } from 'zod';
import { OUTPUT_UNSETTLED_DEFAULT } from '../../config-limits.ts';
import { field, integer, text } from '../field.ts';
import { topicName } from './source-fields.ts';

const redisStreamOutput = z.strictObject({
  type: z.literal('redis-stream'),
  connection: field(text(63).exactOptional(), {
    about: 'Name of another Redis under `connections` that has the stream. Not set: the one that Millrace runs on.',
    example: 'west',
    alsoCalled: ['server', 'redis'],
  }),
  stream: field(text(512), {
    about:
      'A sharded stream, where the partition key chooses the shard, else the key of a plain one, which need not exist yet.',
    example: 'enriched',
    alsoCalled: ['key', 'name', 'streamName'],
  }),
  maxUnsettled: field(integer(1, 1_000_000_000).default(OUTPUT_UNSETTLED_DEFAULT), {
    about:
      'No attempt begins while the slowest mapping on that stream has so many of its records unsettled; on another Redis, entries of the shard that wait to be sent count as well, and 16 MB of them are the most.',
    example: '100000',
    alsoCalled: ['maxBacklog', 'maxPending'],
  }),
  allowCycle: field(z.boolean().default(false), {
    about:
      'The outputs may come back to this mapping, by itself or by way of others. It then waits for no reader: it would wait for itself.',
    example: 'true',
  }),
});

const kafkaTopicOutput = z.strictObject({
  type: z.literal('kafka-topic'),
  connection: field(text(63), {
    about: 'Name of a cluster under `connections`.',
    example: 'events',
    alsoCalled: ['cluster'],
  }),
  topic: field(topicName(), {
    about: 'A topic, which is not created. The partition key is the key of its records.',
    example: 'enriched',
    alsoCalled: ['name', 'topicName'],
  }),
  maxUnsettled: field(integer(1, 1_000_000_000).default(OUTPUT_UNSETTLED_DEFAULT), {
    about:
      'No attempt of a shard begins while so many of its entries wait to be sent and the slowest mapping on that topic has so many unsettled, both together, or 16 MB wait to be sent.',
    example: '100000',
    alsoCalled: ['maxBacklog', 'maxPending'],
  }),
  allowCycle: field(z.boolean().default(false), {
    about:
      'The outputs may come back to this mapping, by itself or by way of others. It then waits for no reader: it would wait for itself.',
    example: 'true',
  }),
});

export const outputField = field(z.discriminatedUnion('type', [redisStreamOutput, kafkaTopicOutput]).exactOptional(), {
  about:
    'A stream on the same Redis or on another one, or a Kafka topic, that takes the entries of `output` in what the function returns, once each, in order. See [pipelines](pipelines.md).',
  example: '{ type: redis-stream, stream: enriched }',
  pinned: true,
  alsoCalled: ['destination', 'outputs', 'target'],
});

export type OutputFields = Readonly<z.output<typeof redisStreamOutput> | z.output<typeof kafkaTopicOutput>>;
