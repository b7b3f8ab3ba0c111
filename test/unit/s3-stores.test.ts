/** Notifications that stores did send (test/fixtures/notifications/stores) → the event that AWS documents. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { S3Event, S3EventRecord } from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import { eventFormat } from '../../src/event/format.ts';
import { EVENT_BYTES_MAX } from '../../src/limits.ts';
import { rawBatch } from '../support/raw-batch.ts';

const STORES = path.join(import.meta.dirname, '..', 'fixtures', 'notifications', 'stores');

const linesOf = (file: string) => readFileSync(path.join(STORES, file), 'utf8').trimEnd().split('\n');

function encode(data: string) {
  const format = eventFormat({
    ...{ format: 's3', shardId: 'shardId-000000000000', arn: 'arn:millrace:redis:::stream/s', streamName: 's' },
    ...{ bootstrapServers: '', spooled: false, single: false },
  });
  const batch = rawBatch([{ id: '1-0', fields: [['data', data]] }]);
  return format.encode(batch, 0, 1, { arrivalMs: () => 1, maxBytes: EVENT_BYTES_MAX, whole: true });
}

function recordsOf(line: string): S3EventRecord[] {
  return (JSON.parse(encode(line).event.toString('utf8')) as S3Event).Records;
}

/** As handlers on AWS do it. */
const decoded = ({ s3 }: S3EventRecord) => decodeURIComponent(s3.object.key.replaceAll('+', ' '));

const OBJECTS: Readonly<Record<string, readonly (readonly [event: string, time: string, key: string])[]>> = {
  'minio-kafka.jsonl': [
    ['ObjectCreated:Put', '2023-07-31T07:44:17.447Z', 'a.txt'],
    ['ObjectCreated:Put', '2023-07-31T07:46:52.576Z', '需求.md'],
    ['ObjectAccessed:Head', '2023-07-31T07:53:34.428Z', 'b.txt'],
    ['ObjectRemoved:Delete', '2023-07-31T07:53:39.740Z', 'b.txt'],
  ],
  'minio-webhook.jsonl': [
    ['ObjectCreated:Put', '2024-01-05T11:26:33.408Z', 'Tile_+002_+002.mtl'],
    ['ObjectRemoved:Delete', '2024-01-05T11:27:59.964Z', 'Tile_+002_+002.mtl'],
  ],
  'minio-redis-access.jsonl': [
    ['ObjectCreated:Put', '2016-09-19T21:47:18.555Z', 'myphoto.jpg'],
    ['ObjectAccessed:Get', '2020-02-02T20:28:07.000Z', '010dd8fe-b82b-482f-b705-043de54945e2'],
    ['ObjectCreated:Put', '2020-03-13T20:52:37.000Z', '25657207547_94965b7d01_o.jpg'],
    ['ObjectCreated:Put', '2025-07-18T23:29:08.935Z', 'cef2a85/mjFe1tgv.json.zst'],
  ],
  'minio-redis-namespace.jsonl': [['ObjectCreated:Put', '2017-03-28T07:41:19.000Z', 'myphoto.jpg']],
  'ceph.jsonl': [
    ['ObjectCreated:Put', '2021-02-19T02:03:08.330Z', 'demo_Micheal Phillips_6580_1947-05-22_2017-04-27.jpeg'],
    ['ObjectCreated:Put', '2021-09-24T08:54:48.676Z', 'mock1'],
    ['ObjectCreated:Put', '2024-02-15T10:34:23.904Z', 'test5/kopia.repository'],
  ],
  'cubefs.jsonl': [['ObjectAccessed:Get', '2023-10-10T03:08:13.620Z', 'cfs-object-key.json']],
};

test('every sample is looked at', () => {
  expect(readdirSync(STORES).filter((name) => name.endsWith('.jsonl'))).toEqual(Object.keys(OBJECTS).sort());
});

describe.for(Object.entries(OBJECTS))('%s', ([file, expected]) => {
  test('is in AWS’s words', () => {
    const records = linesOf(file).flatMap(recordsOf);
    expect(records.map((record) => [record.eventName, record.eventTime, decoded(record)])).toEqual(expected);
    for (const { eventName, s3, ...record } of records) {
      expect(record).toMatchObject({
        ...{ eventVersion: expect.stringMatching(/^2\.\d$/) as string, eventSource: 'aws:s3' },
        ...{ awsRegion: expect.any(String) as string, userIdentity: { principalId: expect.any(String) as string } },
        requestParameters: { sourceIPAddress: expect.any(String) as string },
        responseElements: expect.any(Object) as object,
      });
      expect(s3).toMatchObject({
        ...{ s3SchemaVersion: '1.0', configurationId: expect.any(String) as string },
        bucket: { ownerIdentity: { principalId: expect.any(String) as string } },
        object: { sequencer: expect.stringMatching(/^[0-9A-F]+$/) as string },
      });
      expect(s3.bucket.arn).toMatch(new RegExp(`^arn:aws:s3:[a-z-]*::${s3.bucket.name}$`));
      expect(s3.object).not.toHaveProperty('etag');
      expect(s3.object.versionId).not.toBe('');
      if (eventName.startsWith('ObjectRemoved:')) continue;
      expect(s3.object.size).toBeGreaterThan(0);
      // MinIO of 2016 told none.
      if (!record.eventTime.startsWith('2016')) expect(s3.object.eTag).toMatch(/^[0-9a-f]{32}(-\d+)?$/);
    }
  });

  test('keeps what the store tells besides', () => {
    for (const line of linesOf(file)) {
      const sent = JSON.parse(line) as Record<string, unknown[]> & unknown[][] & { Event: unknown[] }[];
      const [told] = (sent['Records'] ?? sent[0]?.['Event'] ?? sent[1]) as S3EventRecord[];
      const [record] = recordsOf(line);
      expect(Object.keys(record!)).toEqual(Object.keys(told!));
      const names = Object.keys(told!.s3.object).filter((name) => (told!.s3.object as never)[name] !== '');
      expect(Object.keys(record!.s3.object)).toEqual(names.map((name) => (name === 'etag' ? 'eTag' : name)));
    }
  });
});

test('any key that a store has comes to a handler as it is', () => {
  const [line] = linesOf('ceph.jsonl');
  const told = JSON.parse(line!) as S3Event;
  for (const key of ['a b+c', '100%', '%41', 'é/ü&?#', "it's (1)*~!", '\ud83d\ude00']) {
    told.Records[0]!.s3.object.key = key;
    expect(decoded(recordsOf(JSON.stringify(told))[0]!)).toBe(key);
  }
  told.Records[0]!.s3.object.key = '\ud800';
  expect(decoded(recordsOf(JSON.stringify(told))[0]!)).toBe('\ufffd');
});

test('a filer’s own words are no notification, and a list of other things neither', () => {
  const filer = JSON.stringify({ directory: '/buckets/b', event_notification: { new_entry: { name: 'a.json' } } });
  for (const data of [filer, '["2020-02-02T20:28:07Z"]', '["2020-02-02T20:28:07Z",{}]', '["a","b",[]]'])
    expect(encode(data)).toMatchObject({ count: 0, refusal: expect.stringContaining('no list "Records"') as string });
});

test('several journal entries in one list are taken in order, in either form', () => {
  const [, before, since] = linesOf('minio-redis-access.jsonl');
  const both = `[${before},${since!.slice(1, -1)}]`;
  expect(recordsOf(both).map((record) => record.s3.bucket.name)).toEqual(['mybucket', 'icb-bucket']);
});
