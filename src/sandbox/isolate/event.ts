/**
 * The event of an invocation: its JSON text, or one list with the values of all its records in a row, from which they are put together here
 * (src/columns.ts): a literal costs a fifth of what its text does.
 */
import { parse } from './primordials.ts';

interface KinesisColumns {
  readonly form: 'kinesis';
  readonly beforeEventId: string;
  readonly invokeIdentityArn: string;
  readonly awsRegion: string;
  readonly eventSourceARN: string;
}

interface KafkaColumns {
  readonly form: 'kafka';
  readonly bootstrapServers: string;
  readonly name: string;
  readonly topic: string;
  readonly partition: number;
}

export type EventColumns = (KinesisColumns | KafkaColumns) & { readonly members?: true };

/** Of a tumbling window (src/event/window-members.ts). */
interface WindowMembers {
  readonly window: unknown;
  readonly state: unknown;
  readonly shardId: unknown;
  readonly eventSourceARN: unknown;
  readonly isFinalInvokeForWindow: unknown;
  readonly isWindowTerminatedEarly: unknown;
}

const KINESIS_WIDTH = 4;
const KAFKA_WIDTH = 6;

export function eventOf(text: string, columns: EventColumns | null): unknown {
  const parsed = parse(text) as unknown;
  if (columns === null) return parsed;
  const values = parsed as unknown[];
  if (columns.members === undefined)
    return columns.form === 'kinesis' ? kinesisEvent(values, columns) : kafkaEvent(values, columns);
  const last = values.length - 1;
  const members = values[last] as WindowMembers;
  values.length = last;
  const { window, state, shardId, eventSourceARN, isFinalInvokeForWindow, isWindowTerminatedEarly } = members;
  const ends = { isFinalInvokeForWindow, isWindowTerminatedEarly };
  if (columns.form === 'kinesis')
    return { Records: kinesisEvent(values, columns).Records, window, state, shardId, eventSourceARN, ...ends };
  const { eventSource, bootstrapServers, records } = kafkaEvent(values, columns);
  return { eventSource, bootstrapServers, records, window, state, shardId, eventSourceARN, ...ends };
}

// Records take the place of values that have been read: elements that are there already, so that no setter on a prototype is asked.

function kinesisEvent(values: unknown[], columns: KinesisColumns): { Records: unknown[] } {
  const { beforeEventId, invokeIdentityArn, awsRegion, eventSourceARN } = columns;
  const count = values.length / KINESIS_WIDTH;
  for (let i = 0; i < count; i++) {
    const at = i * KINESIS_WIDTH;
    const sequenceNumber = values[at + 1] as string;
    values[i] = {
      kinesis: {
        kinesisSchemaVersion: '1.0',
        partitionKey: values[at],
        sequenceNumber,
        data: values[at + 2],
        approximateArrivalTimestamp: values[at + 3],
      },
      eventSource: 'aws:kinesis',
      eventVersion: '1.0',
      eventID: beforeEventId + sequenceNumber,
      eventName: 'aws:kinesis:record',
      invokeIdentityArn,
      awsRegion,
      eventSourceARN,
    };
  }
  values.length = count;
  return { Records: values };
}

function kafkaEvent(values: unknown[], { bootstrapServers, name, topic, partition }: KafkaColumns) {
  const count = values.length / KAFKA_WIDTH;
  for (let i = 0; i < count; i++) {
    const at = i * KAFKA_WIDTH;
    const offset = values[at];
    const timestamp = values[at + 1];
    const timestampType = values[at + 2] === 1 ? 'LOG_APPEND_TIME' : 'CREATE_TIME';
    const key = values[at + 3];
    const value = values[at + 4];
    const headers = values[at + 5];
    values[i] =
      key === null
        ? { topic, partition, offset, timestamp, timestampType, value, headers }
        : { topic, partition, offset, timestamp, timestampType, key, value, headers };
  }
  values.length = count;
  return { eventSource: 'SelfManagedKafka', bootstrapServers, records: { [name]: values } };
}
