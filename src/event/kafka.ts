/**
 * Spooled Kafka records → Kafka event, as AWS Lambda hands it to a function for a self-managed cluster (esm-semantics.md §2.3). One
 * partition per event; AWS may mix several. Pure ASCII, as a single text that is written once (kinesis.ts says why).
 */
import type { KafkaColumns } from '../columns.ts';
import { positionAfter, SPOOL_FLAG, SPOOL_ITEM } from '../spool.ts';
import type { EncodedEvent, EventBounds } from './kinesis.ts';
import { asciiJson, base64Length, type RecordBatch } from './records.ts';

export interface KafkaOptions {
  /** `<topic>-<partition>` */
  readonly shardId: string;
  /** Of the connection, as configured. */
  readonly bootstrapServers: string;
}

/** What all events of a partition have in common, as text. */
export interface KafkaFrame {
  readonly opening: string;
  readonly beforeOffset: string;
  readonly columns: KafkaColumns;
}

const CLOSING = ']}}';
const TIMESTAMP = ',"timestamp":';
const KEY = ',"key":"';
const VALUE = ',"value":"';
const NULL_VALUE = ',"value":null';
const HEADERS = ',"headers":';
const CONSTANT = TIMESTAMP.length + HEADERS.length + '}'.length;
const CREATE = ',"timestampType":"CREATE_TIME"';
const APPEND = ',"timestampType":"LOG_APPEND_TIME"';

export function kafkaFrame({ shardId, bootstrapServers }: KafkaOptions): KafkaFrame {
  const dash = shardId.lastIndexOf('-');
  const [topic, partition] = [shardId.slice(0, dash), shardId.slice(dash + 1)];
  return {
    opening: `{"eventSource":"SelfManagedKafka","bootstrapServers":${asciiJson(bootstrapServers)},"records":{${asciiJson(shardId)}:[`,
    beforeOffset: `{"topic":${asciiJson(topic)},"partition":${partition},"offset":`,
    columns: { form: 'kafka', bootstrapServers, name: shardId, topic, partition: Number(partition) },
  };
}

/** Encodes the records [from, to) of the batch, as many as fit. */
export function encodeKafka(
  frame: KafkaFrame,
  batch: RecordBatch,
  from: number,
  to: number,
  { maxBytes, whole }: Pick<EventBounds, 'maxBytes' | 'whole'>,
): EncodedEvent {
  let text = '';
  let bytes = frame.opening.length + CLOSING.length;
  let count = 0;
  for (let i = from; i < to; i++) {
    const flags = Number(textOf(batch, i, SPOOL_ITEM.flags));
    const comma = i === from ? '' : ',';
    const offset = String(positionAfter(batch.ids[i]!) - 1);
    const timestamp = textOf(batch, i, SPOOL_ITEM.timestamp);
    const appended = flags & SPOOL_FLAG.logAppendTime;
    const [nullKey, nullValue] = [flags & SPOOL_FLAG.nullKey, flags & SPOOL_FLAG.nullValue];
    const type = appended ? APPEND : CREATE;
    const own =
      CONSTANT +
      comma.length +
      frame.beforeOffset.length +
      offset.length +
      timestamp.length +
      type.length +
      (nullKey ? 0 : KEY.length + 1 + base64Length(lengthOf(batch, i, SPOOL_ITEM.key))) +
      (nullValue ? NULL_VALUE.length : VALUE.length + 1 + base64Length(lengthOf(batch, i, SPOOL_ITEM.value))) +
      lengthOf(batch, i, SPOOL_ITEM.headers);
    // The bound, and a part that was not kept because no event could hold it.
    if (bytes + own > maxBytes || isDropped(batch, i)) {
      if (count === 0) bytes += own;
      break;
    }
    bytes += own;
    const headers = textOf(batch, i, SPOOL_ITEM.headers);
    const key = nullKey ? '' : base64(batch, i, SPOOL_ITEM.key);
    const value = nullValue ? '' : base64(batch, i, SPOOL_ITEM.value);
    text += whole
      ? comma +
        frame.beforeOffset +
        offset +
        TIMESTAMP +
        timestamp +
        type +
        (nullKey ? '' : `${KEY}${key}"`) +
        (nullValue ? NULL_VALUE : `${VALUE}${value}"`) +
        HEADERS +
        headers +
        '}'
      : `${comma}${offset},${timestamp},${appended ? 1 : 0},${nullKey ? 'null' : `"${key}"`},${nullValue ? 'null' : `"${value}"`},${headers}`;
    count++;
  }
  text = whole ? frame.opening + text + CLOSING : `[${text}]`;
  return { event: Buffer.from(text, 'latin1'), ascii: true, columns: whole ? null : frame.columns, count, bytes };
}

function textOf(batch: RecordBatch, i: number, item: number): string {
  const t = batch.at[i]! + item;
  const start = batch.spans[2 * t]!;
  return batch.buffer.toString('latin1', start, start + batch.spans[2 * t + 1]!);
}

function base64(batch: RecordBatch, i: number, item: number): string {
  const t = batch.at[i]! + item;
  const start = batch.spans[2 * t]!;
  return batch.buffer.toString('base64', start, start + batch.spans[2 * t + 1]!);
}

function lengthOf(batch: RecordBatch, i: number, item: number): number {
  return batch.spans[2 * (batch.at[i]! + item) + 1]!;
}

function isDropped(batch: RecordBatch, i: number): boolean {
  const starts = (item: number) => batch.spans[2 * (batch.at[i]! + item)]!;
  return starts(SPOOL_ITEM.key) < 0 || starts(SPOOL_ITEM.value) < 0 || starts(SPOOL_ITEM.headers) < 0;
}
