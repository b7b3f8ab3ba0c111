/** Where the parts of a record lie in a batch, and what it is called: fields of a Redis entry, or a spooled record of another system. */
import { isUtf8 } from 'node:buffer';
import { NOT_KEPT, NOT_TEXT, type PartText } from '../pattern.ts';
import type { EntryId, SequenceNumber } from '../record.ts';
import { positionAfter, SPOOL_FLAG, SPOOL_ITEM } from '../spool.ts';
import {
  dataFieldOf,
  entryAsJson,
  type FieldNames,
  findField,
  keyText,
  partitionKeyFieldOf,
  type RecordBatch,
} from './records.ts';

export interface RecordParts {
  /** Item of the name before the data, or -1: the whole entry is the data. */
  readonly dataItem: (batch: RecordBatch, i: number) => number;
  /** The same for the partition key; -1: it has none. */
  readonly keyItem: (batch: RecordBatch, i: number) => number;
  /** A Kafka tombstone. */
  readonly dataIsNull: (batch: RecordBatch, i: number) => boolean;
  readonly sequence: (id: EntryId) => SequenceNumber;
}

/** Once per shard and settings. */
export function recordParts(names: FieldNames & { readonly spooled: boolean }): RecordParts {
  if (names.spooled) return SPOOLED;
  const dataField = dataFieldOf(names);
  const keyField = partitionKeyFieldOf(names);
  return {
    dataItem: (batch, i) => findField(batch, i, dataField),
    keyItem: (batch, i) => findField(batch, i, keyField),
    dataIsNull: () => false,
    sequence: sequenceOf,
  };
}

const SPOOLED: RecordParts = {
  dataItem: (batch, i) => batch.at[i]! + SPOOL_ITEM.value - 1,
  keyItem: (batch, i) => (flagsOf(batch, i) & SPOOL_FLAG.nullKey ? -1 : batch.at[i]! + SPOOL_ITEM.key - 1),
  dataIsNull: (batch, i) => (flagsOf(batch, i) & SPOOL_FLAG.nullValue) !== 0,
  sequence: (id) => String(positionAfter(id) - 1),
};

/** Zeros that pad a sequence part to 20 digits, by how many are missing. */
const ZEROS = Array.from({ length: 21 }, (_, n) => '0'.repeat(n));

/** As toSequenceNumber, with the padding looked up: this is called for every record. */
function sequenceOf(id: EntryId): string {
  const dash = id.indexOf('-');
  return id.slice(0, dash) + ZEROS[20 - (id.length - dash - 1)]! + id.slice(dash + 1);
}

export function dataText(parts: RecordParts, batch: RecordBatch, i: number): PartText {
  if (parts.dataIsNull(batch, i)) return null;
  const t = parts.dataItem(batch, i);
  return t < 0 ? (entryAsJson(batch, i) ?? NOT_KEPT) : itemText(batch, t + 1);
}

export function keyPart(parts: RecordParts, batch: RecordBatch, i: number): PartText {
  const t = parts.keyItem(batch, i);
  return t < 0 ? null : itemText(batch, t + 1);
}

/** Null: the record has none. */
export function keyName(parts: RecordParts, batch: RecordBatch, i: number): string | null {
  const t = parts.keyItem(batch, i);
  return t < 0 ? null : keyText(batch, t + 1);
}

function itemText(batch: RecordBatch, t: number): PartText {
  const start = batch.spans[2 * t]!;
  if (start < 0) return NOT_KEPT;
  const end = start + batch.spans[2 * t + 1]!;
  const text = batch.buffer.toString('utf8', start, end);
  // The mark of bytes that are no UTF-8 may also be in the text itself.
  return text.includes('\ufffd') && !isUtf8(batch.buffer.subarray(start, end)) ? NOT_TEXT : text;
}

/** When a spooled record arrived, ms. */
export function spooledArrival(batch: RecordBatch, i: number): number {
  return numberAt(batch, i, SPOOL_ITEM.arrival);
}

/** The key as it came; null: the record has none, or it was not kept, being larger than any event. */
export function spooledKey(batch: RecordBatch, i: number): Buffer | null {
  const t = batch.at[i]! + SPOOL_ITEM.key;
  const start = batch.spans[2 * t]!;
  if (start < 0 || flagsOf(batch, i) & SPOOL_FLAG.nullKey) return null;
  return batch.buffer.subarray(start, start + batch.spans[2 * t + 1]!);
}

function flagsOf(batch: RecordBatch, i: number): number {
  return numberAt(batch, i, SPOOL_ITEM.flags);
}

function numberAt(batch: RecordBatch, i: number, item: number): number {
  const t = batch.at[i]! + item;
  const start = batch.spans[2 * t]!;
  let n = 0;
  for (let k = start; k < start + batch.spans[2 * t + 1]!; k++) n = n * 10 + (batch.buffer[k]! - 48);
  return n;
}
