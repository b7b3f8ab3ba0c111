/**
 * Spooled Kafka records → Kafka event, as AWS Lambda hands it to a function for a self-managed cluster (esm-semantics.md §2.3). One
 * partition per event; AWS may mix several. Pure ASCII, as a single text that is written once (kinesis.ts says why).
 */
import { positionAfter, SPOOL_FLAG, SPOOL_ITEM } from '../spool.ts';
import type { EncodedEvent } from './kinesis.ts';
import { asciiJson, type RecordBatch } from './records.ts';

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
}

const CLOSING = ']}}';
const CREATE = ',"timestampType":"CREATE_TIME"';
const APPEND = ',"timestampType":"LOG_APPEND_TIME"';

export function kafkaFrame({ shardId, bootstrapServers }: KafkaOptions): KafkaFrame {
  const dash = shardId.lastIndexOf('-');
  const [topic, partition] = [shardId.slice(0, dash), shardId.slice(dash + 1)];
  return {
    opening: `{"eventSource":"SelfManagedKafka","bootstrapServers":${asciiJson(bootstrapServers)},"records":{${asciiJson(shardId)}:[`,
    beforeOffset: `{"topic":${asciiJson(topic)},"partition":${partition},"offset":`,
  };
}

/** Encodes the records [from, to) of the batch, as many as fit. */
export function encodeKafka(
  frame: KafkaFrame,
  batch: RecordBatch,
  from: number,
  to: number,
  maxBytes: number,
): EncodedEvent {
  let text = frame.opening;
  let count = 0;
  let missed = 0;
  for (let i = from; i < to; i++) {
    const flags = Number(textOf(batch, i, SPOOL_ITEM.flags));
    const head =
      (i === from ? '' : ',') +
      frame.beforeOffset +
      (positionAfter(batch.ids[i]!) - 1) +
      ',"timestamp":' +
      textOf(batch, i, SPOOL_ITEM.timestamp) +
      (flags & SPOOL_FLAG.logAppendTime ? APPEND : CREATE);
    const sizes = base64Length(batch, i, SPOOL_ITEM.key) + base64Length(batch, i, SPOOL_ITEM.value);
    const bytes =
      head.length + sizes + lengthOf(batch, i, SPOOL_ITEM.headers) + '"key":"","value":"","headers":,}'.length;
    // The bound, and a part that was not kept because no event could hold it.
    if (text.length + bytes + CLOSING.length > maxBytes || isDropped(batch, i)) {
      missed = frame.opening.length + bytes + CLOSING.length;
      break;
    }
    text +=
      head +
      (flags & SPOOL_FLAG.nullKey ? '' : `,"key":"${base64(batch, i, SPOOL_ITEM.key)}"`) +
      (flags & SPOOL_FLAG.nullValue ? ',"value":null' : `,"value":"${base64(batch, i, SPOOL_ITEM.value)}"`) +
      ',"headers":' +
      textOf(batch, i, SPOOL_ITEM.headers) +
      '}';
    count++;
  }
  text += CLOSING;
  const bytes = count === 0 && to > from ? missed : text.length;
  return { event: Buffer.from(text, 'latin1'), ascii: true, count, bytes };
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

function base64Length(batch: RecordBatch, i: number, item: number): number {
  return Math.ceil(lengthOf(batch, i, item) / 3) * 4;
}

function isDropped(batch: RecordBatch, i: number): boolean {
  const starts = (item: number) => batch.spans[2 * (batch.at[i]! + item)]!;
  return starts(SPOOL_ITEM.key) < 0 || starts(SPOOL_ITEM.value) < 0 || starts(SPOOL_ITEM.headers) < 0;
}
