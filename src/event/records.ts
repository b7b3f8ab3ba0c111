/**
 * What an event needs to know of a batch of Redis entries, and the two readings of an entry that every event format shares: its data and
 * its partition key (contract.md, "Records of a Redis stream"). Pure, and made for the hot path: bytes are looked at where they lie.
 */
import { isUtf8 } from 'node:buffer';
import { asciiOnly } from '../ascii-json.ts';
import type { EntryId } from '../record.ts';

/**
 * Field j of record i has its name at item t = at[i] + 2j and its value at t + 1; item t is the bytes [spans[2t], + spans[2t+1]) of
 * `buffer`. A negative start: the payload was not kept, being larger than any event; only its length is known.
 */
export interface RecordBatch {
  readonly buffer: Buffer;
  readonly count: number;
  readonly ids: readonly EntryId[];
  readonly at: Uint32Array;
  readonly pairs: Uint32Array;
  readonly spans: Int32Array;
}

/** Where data and partition key are found; fields that are not given have the contract's names. */
export interface FieldNames {
  readonly dataField?: string;
  readonly partitionKeyField?: string;
  /** Partition key of an entry without one. */
  readonly streamName: string;
}

const DATA = Buffer.from('data');
const PARTITION_KEY = Buffer.from('partitionKey');

export function dataFieldOf(names: FieldNames): Buffer {
  return names.dataField === undefined ? DATA : Buffer.from(names.dataField);
}

export function partitionKeyFieldOf(names: FieldNames): Buffer {
  return names.partitionKeyField === undefined ? PARTITION_KEY : Buffer.from(names.partitionKeyField);
}

/** Item of the first field of that name in record i, or -1. */
export function findField(batch: RecordBatch, i: number, name: Buffer): number {
  const { buffer, spans } = batch;
  const length = name.length;
  const end = batch.at[i]! + 2 * batch.pairs[i]!;
  next: for (let t = batch.at[i]!; t < end; t += 2) {
    if (spans[t * 2 + 1] !== length) continue;
    const start = spans[t * 2]!;
    if (start < 0) continue;
    for (let k = 0; k < length; k++) if (buffer[start + k] !== name[k]) continue next;
    return t;
  }
  return -1;
}

/**
 * Text of item t for a partition key: UTF-8, or base64 of the bytes when they are none (as for Kafka keys), so that different keys stay
 * different. A key that was not kept reads as the empty text: such a record fits no event anyway.
 */
export function keyText(batch: RecordBatch, t: number): string {
  const start = batch.spans[t * 2]!;
  if (start < 0) return '';
  const bytes = batch.buffer.subarray(start, start + batch.spans[t * 2 + 1]!);
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('base64');
}

/** True when item t is ASCII that JSON takes as it is, which nearly every partition key is. */
export function isPlainAscii(batch: RecordBatch, t: number): boolean {
  const start = batch.spans[t * 2]!;
  if (start < 0) return false;
  const end = start + batch.spans[t * 2 + 1]!;
  for (let k = start; k < end; k++) {
    const c = batch.buffer[k]!;
    if (c < 0x20 || c > 0x7e || c === 0x22 || c === 0x5c) return false;
  }
  return true;
}

/**
 * The whole entry as a JSON object of strings, in the entry's order; what a record without a data field has as its data. Bytes that are
 * no UTF-8 become U+FFFD. A name that occurs twice is written twice. Null when a part of the entry was not kept.
 */
export function entryAsJson(batch: RecordBatch, i: number): string | null {
  const { buffer, spans } = batch;
  let json = '{';
  const end = batch.at[i]! + 2 * batch.pairs[i]!;
  for (let t = batch.at[i]!; t < end; t++) {
    const start = spans[t * 2]!;
    if (start < 0) return null;
    const isName = ((t - batch.at[i]!) & 1) === 0;
    if (isName && json.length > 1) json += ',';
    json += JSON.stringify(buffer.toString('utf8', start, start + spans[t * 2 + 1]!));
    if (isName) json += ':';
  }
  return `${json}}`;
}

/** JSON text of a string in ASCII only. */
export function asciiJson(text: string): string {
  return asciiOnly(JSON.stringify(text));
}

/** All names and values of the entry, kept or not. */
export function entryBytes(batch: RecordBatch, i: number): number {
  let bytes = 0;
  const end = batch.at[i]! + 2 * batch.pairs[i]!;
  for (let t = batch.at[i]!; t < end; t++) bytes += batch.spans[2 * t + 1]!;
  return bytes;
}

export function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}
