/** Which event a shard's records become: the one place that knows the formats, and how records are named in them. */
import { positionAfter, SPOOL_FLAG, SPOOL_ITEM } from '../spool.ts';
import { encodeKafka, kafkaFrame } from './kafka.ts';
import { encodeKinesis, type EncodedEvent, type KinesisBounds, kinesisFrame } from './kinesis.ts';
import { type FieldNames, keyText, type RecordBatch, recordFacts } from './records.ts';

export interface EventFormat {
  /** The records [from, to), as many as fit. */
  encode(batch: RecordBatch, from: number, to: number, bounds: KinesisBounds): EncodedEvent;
  /** For `status` and notices; null: the record has none. */
  partitionKey(batch: RecordBatch, i: number): string | null;
}

export interface FormatOptions extends FieldNames {
  readonly format: 'kinesis' | 'kafka';
  readonly shardId: string;
  readonly arn: string;
  readonly spooled: boolean;
  readonly bootstrapServers: string;
}

/** Once per shard and settings. */
export function eventFormat(options: FormatOptions): EventFormat {
  const partitionKey = options.spooled
    ? spooledKey
    : (batch: RecordBatch, i: number) => recordFacts(batch, i, options).partitionKey;
  if (options.format === 'kafka') {
    const frame = kafkaFrame(options);
    return { partitionKey, encode: (batch, from, to, bounds) => encodeKafka(frame, batch, from, to, bounds) };
  }
  const { spooled, ...rest } = options;
  const frame = kinesisFrame(spooled ? { ...rest, spooled: SPOOLED } : rest);
  return { partitionKey, encode: (batch, from, to, bounds) => encodeKinesis(frame, batch, from, to, bounds) };
}

/** Where the parts of a spooled record are, and its sequence number: the offset. */
const SPOOLED = {
  dataItem: (batch: RecordBatch, i: number) => batch.at[i]! + SPOOL_ITEM.value - 1,
  keyItem: (batch: RecordBatch, i: number) =>
    flagsOf(batch, i) & SPOOL_FLAG.nullKey ? -1 : batch.at[i]! + SPOOL_ITEM.key - 1,
  sequence: (id: string) => String(positionAfter(id) - 1),
};

function spooledKey(batch: RecordBatch, i: number): string | null {
  return flagsOf(batch, i) & SPOOL_FLAG.nullKey ? null : keyText(batch, batch.at[i]! + SPOOL_ITEM.key);
}

function flagsOf(batch: RecordBatch, i: number): number {
  return numberAt(batch, i, SPOOL_ITEM.flags);
}

/** When a spooled record arrived, ms. */
export function spooledArrival(batch: RecordBatch, i: number): number {
  return numberAt(batch, i, SPOOL_ITEM.arrival);
}

function numberAt(batch: RecordBatch, i: number, item: number): number {
  const t = batch.at[i]! + item;
  const start = batch.spans[2 * t]!;
  let n = 0;
  for (let k = start; k < start + batch.spans[2 * t + 1]!; k++) n = n * 10 + (batch.buffer[k]! - 48);
  return n;
}
