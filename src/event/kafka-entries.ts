/**
 * Entries of a Redis stream → Kafka event (esm-semantics.md §2.3), for handlers that were written for one: the stream is the topic, the
 * shard the partition. An offset is the entry id as one number that JavaScript can hold: `<ms> * 4096 + <seq>`.
 */
import type { EntryId } from '../record.ts';
import { type DocumentEvent, RecordNotKept, RecordRefused } from './documents.ts';
import { asciiJson, entryAsJson, entryBytes, type RecordBatch } from './records.ts';
import type { RecordParts } from './parts.ts';

const SEQ_VALUES = 4_096;

export interface EntriesFrame {
  readonly parts: RecordParts;
  readonly partition: number;
  readonly opening: string;
  readonly beforeOffset: string;
}

export function entriesFrame(parts: RecordParts, streamName: string, shardId: string): EntriesFrame {
  const partition = partitionOf(shardId);
  return {
    ...{ parts, partition },
    opening: `{"eventSource":"SelfManagedKafka","bootstrapServers":"","records":{${asciiJson(`${streamName}-${partition}`)}:[`,
    beforeOffset: `{"topic":${asciiJson(streamName)},"partition":${partition},"offset":`,
  };
}

export function kafkaEntries(frame: EntriesFrame, batch: RecordBatch, arrivalMs: (i: number) => number): DocumentEvent {
  const { parts, opening, beforeOffset } = frame;
  return {
    ...{ opening, closing: ']}}' },
    share: (i) => {
      const offset = offsetOf(batch.ids[i]!);
      if (offset === null)
        throw new RecordRefused(`The id of this record, ${batch.ids[i]!}, has no number that could be an offset`);
      const key = parts.keyItem(batch, i);
      return (
        `${beforeOffset}${offset},"timestamp":${arrivalMs(i)},"timestampType":"LOG_APPEND_TIME"` +
        (key < 0 ? '' : `,"key":"${itemBase64(batch, key + 1)}"`) +
        `,"value":"${dataBase64(parts, batch, i)}","headers":[]}`
      );
    },
    lengthOf: (i) => entryBytes(batch, i),
  };
}

/** Every way in which a handler may name a record, its offset first. */
export function entriesNames(streamName: string, shardId: string, otherwise: (id: EntryId) => readonly string[]) {
  const name = `${streamName}-${partitionOf(shardId)}`;
  return (id: EntryId): readonly string[] => {
    const offset = offsetOf(id);
    return offset === null ? otherwise(id) : [String(offset), `${name}@${offset}`, ...otherwise(id)];
  };
}

/** Null: no whole number that JavaScript can hold. */
function offsetOf(id: EntryId): number | null {
  const dash = id.indexOf('-');
  const seq = Number(id.slice(dash + 1));
  const offset = Number(id.slice(0, dash)) * SEQ_VALUES + seq;
  return seq < SEQ_VALUES && Number.isSafeInteger(offset) ? offset : null;
}

function partitionOf(shardId: string): number {
  return Number(shardId.slice(shardId.lastIndexOf('-') + 1));
}

function dataBase64(parts: RecordParts, batch: RecordBatch, i: number): string {
  const t = parts.dataItem(batch, i);
  if (t >= 0) return itemBase64(batch, t + 1);
  const json = entryAsJson(batch, i);
  if (json === null) throw new RecordNotKept();
  return Buffer.from(json).toString('base64');
}

function itemBase64(batch: RecordBatch, t: number): string {
  const start = batch.spans[2 * t]!;
  if (start < 0) throw new RecordNotKept();
  return batch.buffer.toString('base64', start, start + batch.spans[2 * t + 1]!);
}
