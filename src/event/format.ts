/** Which event a shard's records become: the one place that knows the formats, and how records are named in them. */
import { EVENT_BYTES_MAX } from '../limits.ts';
import type { RecordView } from '../pattern.ts';
import type { EntryId } from '../record.ts';
import { toSequenceNumber } from '../record.ts';
import { spooledNames } from '../spool.ts';
import { documentsOr, encodeDocuments, parseData } from './documents.ts';
import { changeRecord, itemKey } from './dynamodb.ts';
import { encodeKafka, kafkaFrame } from './kafka.ts';
import { entriesFrame, entriesNames, kafkaEntries } from './kafka-entries.ts';
import { encodeKinesis, type EncodedEvent, type EventBounds, kinesisFrame } from './kinesis.ts';
import { kafkaView, kinesisView } from './members.ts';
import { dataText, keyName, type RecordParts, recordParts } from './parts.ts';
import { entryBytes, type FieldNames, type RecordBatch } from './records.ts';
import { notificationRecords } from './s3.ts';

export interface EventFormat {
  /** The records [from, to), as many as fit. */
  encode(batch: RecordBatch, from: number, to: number, bounds: EventBounds): EncodedEvent;
  /** For `status` and notices; null: the record has none. */
  partitionKey(batch: RecordBatch, i: number): string | null;
  /** What filters are matched with. */
  view(arrivalOf: ArrivalOf): RecordView<RecordBatch>;
  /** How a handler may name a record, its sequence number first; absent: by sequence number and entry id. */
  readonly namesOf?: (id: EntryId) => readonly string[];
}

/** When record i of a batch arrived, ms. */
type ArrivalOf = (batch: RecordBatch, i: number) => number;

export interface FormatOptions extends FieldNames {
  readonly format: 'kinesis' | 'kafka' | 'dynamodb' | 's3' | 'raw';
  readonly shardId: string;
  readonly arn: string;
  readonly spooled: boolean;
  readonly bootstrapServers: string;
  /** A batch is one record: in the raw format then no list. */
  readonly single: boolean;
}

/** Once per shard and settings. */
export function eventFormat(options: FormatOptions): EventFormat {
  const parts = recordParts(options);
  const { spooled, streamName, shardId } = options;
  const shared = {
    partitionKey: (batch: RecordBatch, i: number) => keyName(parts, batch, i) ?? (spooled ? null : streamName),
    ...(spooled && { namesOf: spooledNames(shardId) }),
  };
  switch (options.format) {
    case 'kinesis':
      return { ...shared, ...kinesisFormat(options, parts) };
    case 'kafka':
      return { ...shared, ...(spooled ? spooledKafka(options, parts) : kafkaOfEntries(options, parts)) };
    case 'dynamodb':
      return { ...shared, ...dynamodbFormat(options, parts, shared.partitionKey) };
    case 's3':
      return { ...shared, ...s3Format(parts) };
    case 'raw':
      return { ...shared, ...rawFormat(parts, options.single) };
  }
}

type Own = Pick<EventFormat, 'encode' | 'view'> & Partial<EventFormat>;

export function kinesisFormat(options: FormatOptions, parts = recordParts(options)): Own {
  const frame = kinesisFrame({ ...options, parts });
  return {
    encode: (batch, from, to, bounds) => encodeKinesis(frame, batch, from, to, bounds),
    view: (arrivalOf) =>
      kinesisView(parts, options.streamName, (batch, i) => {
        const bounds = { arrivalMs: (at: number) => arrivalOf(batch, at), maxBytes: EVENT_BYTES_MAX, whole: true };
        return encodeKinesis(frame, batch, i, i + 1, bounds);
      }),
  };
}

function spooledKafka(options: FormatOptions, parts: RecordParts): Own {
  const frame = kafkaFrame(options);
  return {
    encode: (batch, from, to, bounds) => encodeKafka(frame, batch, from, to, bounds),
    view: () =>
      kafkaView(parts, (batch, i) => encodeKafka(frame, batch, i, i + 1, { maxBytes: EVENT_BYTES_MAX, whole: true })),
  };
}

function kafkaOfEntries({ streamName, shardId }: FormatOptions, parts: RecordParts): Own {
  const frame = entriesFrame(parts, streamName, shardId);
  const encode: EventFormat['encode'] = (batch, from, to, { arrivalMs, maxBytes }) =>
    encodeDocuments(kafkaEntries(frame, batch, arrivalMs), from, to, maxBytes);
  return {
    encode,
    namesOf: entriesNames(streamName, shardId, (id) => [toSequenceNumber(id), id]),
    view: (arrivalOf) =>
      kafkaView(parts, (batch, i) => {
        const bounds = { arrivalMs: (at: number) => arrivalOf(batch, at), maxBytes: EVENT_BYTES_MAX, whole: true };
        return encode(batch, i, i + 1, bounds);
      }),
  };
}

const RECORDS = { opening: '{"Records":[', closing: ']}' };

function dynamodbFormat({ arn, shardId }: FormatOptions, parts: RecordParts, keyOf: EventFormat['partitionKey']): Own {
  const recordOf = (batch: RecordBatch, i: number, arrivalMs: number) => {
    const facts = { sequenceNumber: parts.sequence(batch.ids[i]!), arrivalMs, shardId, arn };
    return changeRecord(parseData(dataText(parts, batch, i)), facts);
  };
  return {
    encode: (batch, from, to, { arrivalMs, maxBytes }) => {
      const share = (i: number) => JSON.stringify(recordOf(batch, i, arrivalMs(i)));
      return encodeDocuments({ ...RECORDS, share, lengthOf: (i) => entryBytes(batch, i) }, from, to, maxBytes);
    },
    view: (arrivalOf) => ({
      kind: 'documents',
      documents: (batch, i) => documentsOr(() => [recordOf(batch, i, arrivalOf(batch, i))]),
    }),
    // The key that the producer gave, or the item's.
    partitionKey: (batch, i) => {
      if (parts.keyItem(batch, i) >= 0) return keyOf(batch, i);
      const [key] = documentsOrNone(() => [itemKey(parseData(dataText(parts, batch, i)))]);
      return typeof key === 'string' ? key : keyOf(batch, i);
    },
  };
}

function s3Format(parts: RecordParts): Own {
  const recordsOf = (batch: RecordBatch, i: number) => notificationRecords(parseData(dataText(parts, batch, i)));
  return {
    encode: (batch, from, to, { maxBytes }) => {
      const share = (i: number) =>
        recordsOf(batch, i)
          .map((record) => JSON.stringify(record))
          .join(',');
      return encodeDocuments({ ...RECORDS, share, lengthOf: (i) => entryBytes(batch, i) }, from, to, maxBytes);
    },
    view: () => ({ kind: 'documents', documents: (batch, i) => documentsOr(() => recordsOf(batch, i)) }),
  };
}

/** The data as it is: the event itself where batches are of one record, else a list of them. */
function rawFormat(parts: RecordParts, single: boolean): Own {
  const textOf = (batch: RecordBatch, i: number) => {
    const text = dataText(parts, batch, i);
    parseData(text);
    return (text as string).trim();
  };
  return {
    encode: (batch, from, to, { maxBytes }) => {
      const [opening, closing] = single && to - from === 1 ? ['', ''] : ['[', ']'];
      const share = (i: number) => textOf(batch, i);
      return encodeDocuments({ opening, closing, share, lengthOf: (i) => entryBytes(batch, i) }, from, to, maxBytes);
    },
    view: () => ({
      kind: 'documents',
      documents: (batch, i) => documentsOr(() => [parseData(dataText(parts, batch, i))]),
    }),
  };
}

function documentsOrNone(make: () => readonly unknown[]): readonly unknown[] {
  const found = documentsOr(make);
  return typeof found === 'symbol' ? [] : found;
}
