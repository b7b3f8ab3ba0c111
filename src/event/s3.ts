/**
 * A notification of an S3-compatible store → the records of an S3 event (esm-semantics.md §2.4). Known are AWS's own, and those that MinIO
 * sends to Kafka and to Redis, where it names itself and writes `s3:` before the event's name; handlers expect AWS's words. Pure.
 */
import { isObject, RecordRefused } from './documents.ts';

type Part = Readonly<Record<string, unknown>>;

/** In order; none of a test message. @throws RecordRefused */
export function notificationRecords(data: unknown): Part[] {
  const lists = Array.isArray(data) ? data.map(listOf) : [listOf(data)];
  return lists.flat().map(asAws);
}

function listOf(notification: unknown): readonly unknown[] {
  if (isObject(notification)) {
    // `Event` is what MinIO's journal for Redis has in place of `Records`.
    const list = notification['Records'] ?? notification['Event'];
    if (Array.isArray(list)) return list;
    if (list === 's3:TestEvent') return [];
  }
  throw new RecordRefused('The data of this record is no S3 notification: it has no list "Records"');
}

function asAws(record: unknown): Part {
  if (!isObject(record) || !isObject(record['s3']))
    throw new RecordRefused('The data of this record is no S3 notification: one of its Records has no member s3');
  const name = record['eventName'];
  return {
    ...record,
    eventSource: 'aws:s3',
    ...(typeof name === 'string' && { eventName: name.startsWith('s3:') ? name.slice(3) : name }),
  };
}
