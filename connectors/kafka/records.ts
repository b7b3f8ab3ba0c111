/** Kafka's messages as records of a spool. Pure. */
import { asciiOnly } from '../../src/ascii-json.ts';
import { APPEND_BYTES, APPEND_RECORDS } from '../../src/kafka-limits.ts';
import { SPOOL_FLAG, type SpoolBatch, type SpoolRecord } from '../../src/spool.ts';
import { DAY } from '../../src/time.ts';
import type { FetchedBatch, KafkaMessage } from './client.ts';

const NOTHING = Buffer.alloc(0);

/** Parts of a fetched batch that one append takes each; `after` of the first is where the fetch began. */
export function toAppends(batch: FetchedBatch, after: number, nowMs: number): SpoolBatch[] {
  const { messages, next, end } = batch;
  const parts: SpoolBatch[] = [];
  let from = after;
  let records: SpoolRecord[] = [];
  let bytes = 0;
  for (const message of messages) {
    const record = toRecord(message, nowMs);
    const size = record.key.length + record.value.length + record.headers.length;
    if (records.length === APPEND_RECORDS || (records.length > 0 && bytes + size > APPEND_BYTES)) {
      // What lies between two parts is nobody's: the second begins with a record.
      parts.push({ after: from, next: record.position, end, records });
      from = record.position;
      records = [];
      bytes = 0;
    }
    records.push(record);
    bytes += size;
  }
  parts.push({ after: from, next, end, records });
  return parts;
}

function toRecord(message: KafkaMessage, nowMs: number): SpoolRecord {
  const { offset, timestamp, key, value, headers, logAppendTime } = message;
  return {
    ...{ position: offset, timestamp, key: key ?? NOTHING, value: value ?? NOTHING },
    arrivalMs: arrivalOf(Number(timestamp), nowMs),
    flags:
      (key === null ? SPOOL_FLAG.nullKey : 0) +
      (value === null ? SPOOL_FLAG.nullValue : 0) +
      (logAppendTime ? SPOOL_FLAG.logAppendTime : 0),
    headers: headersJson(headers),
  };
}

/** The record's own time; one that is missing or lies in the future by over a day: now, when it is first seen (contract.md, "Kafka"). */
function arrivalOf(timestamp: number, nowMs: number): number {
  return timestamp >= 0 && timestamp <= nowMs + DAY ? timestamp : Math.floor(nowMs);
}

/** As the event has them: one object per header, the value as signed bytes (esm-semantics.md §1.13), in ASCII. */
function headersJson(headers: KafkaMessage['headers']): string {
  if (headers.length === 0) return '[]';
  const json = JSON.stringify(
    headers.map(([name, value]) => ({ [name]: value === null ? null : [...new Int8Array(value)] })),
  );
  return asciiOnly(json);
}
