/**
 * A notification of an S3-compatible store → the records of an S3 event (esm-semantics.md §2.4). Known are AWS's own, and those that MinIO
 * and Ceph send, each of which differs from what handlers are written for in words of its own. Pure.
 */
import { isObject, RecordRefused } from './documents.ts';

type Part = Readonly<Record<string, unknown>>;

/** In order; none of a test message. @throws RecordRefused */
export function notificationRecords(data: unknown): Part[] {
  const lists = Array.isArray(data) && !isTimed(data) ? data.map(listOf) : [listOf(data)];
  return lists.flat().map(asAws);
}

function listOf(notification: unknown): readonly unknown[] {
  if (isTimed(notification)) return notification[1];
  if (isObject(notification)) {
    // `Event` is what MinIO's journal for Redis has in place of `Records`.
    const list = notification['Records'] ?? notification['Event'];
    if (Array.isArray(list)) return list;
    if (list === 's3:TestEvent') return [];
  }
  throw new RecordRefused('The data of this record is no S3 notification: it has no list "Records"');
}

/** The journal of MinIO before March 2020: when, and the records. */
function isTimed(notification: unknown): notification is readonly [string, readonly unknown[]] {
  if (!Array.isArray(notification) || notification.length !== 2) return false;
  return typeof notification[0] === 'string' && Array.isArray(notification[1]);
}

function asAws(record: unknown): Part {
  if (!isObject(record) || !isObject(record['s3']))
    throw new RecordRefused('The data of this record is no S3 notification: one of its Records has no member s3');
  const { eventName: name, eventTime: time, eventSource: source, s3 } = record;
  const object = s3['object'];
  return {
    ...record,
    eventSource: 'aws:s3',
    ...(typeof time === 'string' && { eventTime: inMilliseconds(time) }),
    ...(typeof name === 'string' && { eventName: name.startsWith('s3:') ? name.slice(3) : name }),
    ...(isObject(object) && { s3: { ...s3, object: objectAsAws(object, source === 'ceph:s3') } }),
  };
}

/** MinIO's are of whole seconds in its older versions, Ceph's of microseconds, with a space for the T in some. */
function inMilliseconds(time: string): string {
  const [, day, clock, fraction = ''] = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?Z$/.exec(time) ?? [];
  return day === undefined ? time : `${day}T${clock}.${fraction.slice(0, 3).padEnd(3, '0')}Z`;
}

function objectAsAws(object: Part, isOfCeph: boolean): Part {
  const members = Object.entries(object).flatMap(([name, value]): [string, unknown][] => {
    // Ceph is alone in giving the key as it is: a handler that decodes it would make a space of a plus, and fail at a percent sign.
    if (name === 'key' && isOfCeph && typeof value === 'string') return [[name, urlEncoded(value)]];
    if (name === 'etag' && object['eTag'] === undefined) return [['eTag', value]];
    // Where nothing is versioned AWS has no such member; Ceph's is empty.
    return name === 'versionId' && value === '' ? [] : [[name, value]];
  });
  return Object.fromEntries(members);
}

/** As S3 does it: a form's encoding, in which `/` stays. */
export function urlEncoded(key: string): string {
  return encodeURIComponent(key.toWellFormed())
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
    .replaceAll('%2F', '/');
}
