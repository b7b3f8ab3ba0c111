/** Records → the events of each format: what AWS's types promise, what is filled in, and what is said of data that does not fit. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { DynamoDBStreamEvent, S3Event, SelfManagedKafkaEvent } from 'aws-lambda';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventFormat, type FormatOptions } from '../../src/event/format.ts';
import { EVENT_BYTES_MAX } from '../../src/limits.ts';
import { SPOOL_FIELDS } from '../../src/spool.ts';
import { rawBatch, type TestEntry } from '../support/raw-batch.ts';

const fixture = (name: string) =>
  readFileSync(path.join(import.meta.dirname, '..', 'fixtures', 'notifications', name), 'utf8');
const ARN = 'arn:millrace:redis:::stream/s';
const MS = 1_732_370_000_123;

function formatOf(format: FormatOptions['format'], more: Partial<FormatOptions> = {}) {
  const shard = { shardId: 'shardId-000000000003', arn: ARN, streamName: 's', bootstrapServers: 'b:9092' };
  return eventFormat({ ...shard, format, spooled: false, single: false, ...more });
}

function entries(data: readonly (string | Buffer)[], key?: string): TestEntry[] {
  return data.map((one, i) => ({
    id: `${MS + i}-${i}`,
    fields: [...(key === undefined ? [] : [['partitionKey', key] as const]), ['data', one] as const],
  }));
}

/** A Kafka record as its spool has it. */
function spooled(values: readonly (string | null)[]): TestEntry[] {
  return values.map((value, i) => {
    const parts = [String(MS), String(MS), String((value === null ? 2 : 0) + 1), '', value ?? '', '[]'];
    return { id: `${i + 8}-0`, fields: SPOOL_FIELDS.map((name, k) => [name, parts[k]!] as const) };
  });
}

function encode(format: ReturnType<typeof formatOf>, of: readonly TestEntry[], maxBytes = EVENT_BYTES_MAX) {
  const encoded = format.encode(rawBatch(of), 0, of.length, { arrivalMs: (i) => MS + i, maxBytes, whole: true });
  const text = encoded.event.toString('latin1');
  expect(text).toMatch(/^[\0-\x7f]*$/);
  if (encoded.count > 0) expect(encoded.bytes).toBe(encoded.event.length);
  return { ...encoded, text };
}

function refusal(format: FormatOptions['format'], data: string | Buffer): string | undefined {
  const { count, refusal: said } = encode(formatOf(format), entries([data]));
  expect(count).toBe(0);
  return said;
}

const KEYS = { id: { S: 'a1' } };

describe('dynamodb', () => {
  const change = (data: object, more: Partial<FormatOptions> = {}) =>
    (JSON.parse(encode(formatOf('dynamodb', more), entries([JSON.stringify(data)])).text) as DynamoDBStreamEvent)
      .Records[0]!;

  it('fills in what a change record leaves out, in AWS’s order', () => {
    const record = change({ Keys: KEYS, NewImage: { ...KEYS, price: { N: '3.50' } } });
    expect(Object.keys(record)).toEqual([
      'eventID',
      'eventName',
      'eventVersion',
      'eventSource',
      'awsRegion',
      'dynamodb',
      'eventSourceARN',
    ]);
    expect(record).toMatchObject({
      ...{ eventName: 'INSERT', eventVersion: '1.1', eventSource: 'aws:dynamodb', eventSourceARN: ARN },
      dynamodb: {
        ...{ Keys: KEYS, NewImage: { ...KEYS, price: { N: '3.50' } }, StreamViewType: 'NEW_AND_OLD_IMAGES' },
        ...{ ApproximateCreationDateTime: Math.floor(MS / 1_000), SizeBytes: 20 },
        SequenceNumber: `${MS}00000000000000000000`,
      },
    });
    expect(record.eventID).toMatch(/^[0-9a-f]{32}$/);
  });

  it('tells the name and the view by the images', () => {
    const of = (data: object) => {
      const { eventName, dynamodb } = change({ Keys: KEYS, ...data });
      return [eventName, dynamodb!.StreamViewType];
    };
    expect(of({ NewImage: KEYS, OldImage: KEYS })).toEqual(['MODIFY', 'NEW_AND_OLD_IMAGES']);
    expect(of({ OldImage: KEYS })).toEqual(['REMOVE', 'NEW_AND_OLD_IMAGES']);
    expect(of({ NewImage: KEYS, eventName: 'MODIFY' })).toEqual(['MODIFY', 'NEW_IMAGE']);
    expect(of({ OldImage: KEYS, eventName: 'MODIFY' })).toEqual(['MODIFY', 'OLD_IMAGE']);
    expect(of({ eventName: 'REMOVE' })).toEqual(['REMOVE', 'KEYS_ONLY']);
  });

  it('keeps what a whole record brings, but for the position, which a handler names', () => {
    const given = {
      ...{ eventID: 'e1', eventName: 'REMOVE', awsRegion: 'eu-west-1', eventSourceARN: 'arn:aws:dynamodb:x' },
      userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' },
      dynamodb: { Keys: KEYS, OldImage: KEYS, SequenceNumber: '4421', SizeBytes: 7, ApproximateCreationDateTime: 5 },
    };
    expect(change(given)).toMatchObject({
      ...given,
      dynamodb: { ...given.dynamodb, SequenceNumber: `${MS}00000000000000000000`, OriginalSequenceNumber: '4421' },
    });
  });

  it('takes every type of attribute, and refuses what is none', () => {
    const all = {
      ...{ s: { S: '' }, n: { N: '-1.5e10' }, b: { B: 'aGk=' }, yes: { BOOL: true }, nothing: { NULL: true } },
      ...{
        l: { L: [{ S: 'x' }, { M: { y: { N: '1' } } }] },
        ss: { SS: ['a'] },
        ns: { NS: ['1'] },
        bs: { BS: ['aGk='] },
      },
    };
    expect(change({ Keys: KEYS, NewImage: all }).dynamodb!.NewImage).toEqual(all);
    const bad = [5, 'x', null, {}, { S: 5 }, { N: 5 }, { N: 'x' }, { BOOL: 'true' }, { NULL: false }, { X: '1' }];
    const worse = [{ S: 'a', N: '1' }, { L: ['x'] }, { M: { a: 5 } }, { SS: [1] }, { NS: ['x'] }];
    for (const value of [...bad, ...worse])
      expect([value, refusal('dynamodb', JSON.stringify({ Keys: KEYS, NewImage: { a: value } }))]).toEqual([
        value,
        'NewImage.a of this change record is no typed attribute, like {"S": "text"} or {"N": "1"}',
      ]);
    const deep = JSON.stringify({ Keys: KEYS, NewImage: { a: 0 } }).replace(
      '0',
      `${'{"L":['.repeat(200)}${']}'.repeat(200)}`,
    );
    expect(refusal('dynamodb', deep)).toMatch(/no typed attribute/);
  });

  it('says what is missing', () => {
    expect(refusal('dynamodb', 'x')).toMatch(/^The data of this record is no JSON: /);
    expect(refusal('dynamodb', '[]')).toMatch(/no JSON object$/);
    expect(refusal('dynamodb', '{}')).toMatch(/has no Keys/);
    expect(refusal('dynamodb', '{"dynamodb":5}')).toMatch(/dynamodb of this record is no object/);
    expect(refusal('dynamodb', JSON.stringify({ Keys: KEYS }))).toMatch(/neither an eventName nor/);
    expect(refusal('dynamodb', JSON.stringify({ Keys: KEYS, eventName: 'insert' }))).toMatch(
      /INSERT, MODIFY or REMOVE/,
    );
    expect(refusal('dynamodb', Buffer.from([0x7b, 0xff, 0x7d]))).toMatch(/not UTF-8/);
  });

  it('has the item’s key as partition key where the record has none', () => {
    const data = JSON.stringify({ Keys: { b: { N: '1' }, a: { S: 'x' } }, NewImage: KEYS });
    expect(formatOf('dynamodb').partitionKey(rawBatch(entries([data])), 0)).toBe('{"a":{"S":"x"},"b":{"N":"1"}}');
    expect(formatOf('dynamodb').partitionKey(rawBatch(entries([data], 'k')), 0)).toBe('k');
    expect(formatOf('dynamodb').partitionKey(rawBatch(entries(['x'])), 0)).toBe('s');
  });

  it('comes from Kafka too, with offsets as sequence numbers; a tombstone is refused', () => {
    const format = formatOf('dynamodb', { spooled: true, shardId: 't-0' });
    const data = JSON.stringify({ Keys: KEYS, NewImage: KEYS });
    const { count, text } = encode(format, spooled([data, null]));
    expect(count).toBe(1);
    expect((JSON.parse(text) as DynamoDBStreamEvent).Records[0]!.dynamodb!.SequenceNumber).toBe('7');
    expect(encode(format, spooled([null]))).toMatchObject({
      count: 0,
      refusal: 'The record has no data (a tombstone)',
    });
  });
});

describe('s3', () => {
  const event = (...data: string[]) => JSON.parse(encode(formatOf('s3'), entries(data)).text) as S3Event;

  it('takes AWS’s notification as it is', () => {
    expect(event(fixture('aws-put.json'))).toEqual(JSON.parse(fixture('aws-put.json')));
  });

  it.each(['minio-kafka.json', 'minio-redis-namespace.json', 'minio-redis-access.json'])(
    'takes %s, in AWS’s words and with the store’s own members',
    (name) => {
      const {
        Records: [record, ...more],
      } = event(fixture(name));
      expect(more).toEqual([]);
      expect(record).toMatchObject({
        ...{ eventSource: 'aws:s3', eventName: expect.stringMatching(/^Object(Created|Removed):/) as string },
        s3: { bucket: { name: 'images' }, object: { key: expect.any(String) as string } },
        source: { userAgent: expect.stringContaining('MinIO') as string },
      });
      expect(record!.responseElements).toHaveProperty('x-minio-origin-endpoint');
    },
  );

  it('makes one list of all records of all notifications; a test message has none', () => {
    const two = JSON.parse(fixture('aws-put.json')) as S3Event;
    const several = JSON.stringify({
      Records: [two.Records[0], { ...two.Records[0], eventName: 'ObjectRemoved:Delete' }],
    });
    const test = JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'images' });
    const names = event(test, several, test, fixture('minio-kafka.json')).Records.map((r) => r.eventName);
    expect(names).toEqual(['ObjectCreated:Put', 'ObjectRemoved:Delete', 'ObjectCreated:Put']);
    expect(event(test)).toEqual({ Records: [] });
  });

  it('says what is no notification', () => {
    expect(refusal('s3', '{"a":1}')).toMatch(/no list "Records"/);
    expect(refusal('s3', '"x"')).toMatch(/no list "Records"/);
    expect(refusal('s3', '{"Records":[{}]}')).toMatch(/no member s3/);
  });
});

describe('raw', () => {
  it('is the data: alone where batches are of one, else in a list', () => {
    const envelope = '{"version":"0","detail-type":"Scheduled Event","big":12345678901234567890, "ä":"\u2028" }';
    expect(encode(formatOf('raw', { single: true }), entries([envelope])).text).toBe(
      envelope.replace('ä', '\\u00e4').replace('\u2028', '\\u2028'),
    );
    expect(JSON.parse(encode(formatOf('raw'), entries(['{"a":1}', ' [2] ', '"x"', 'null'])).text)).toEqual([
      { a: 1 },
      [2],
      'x',
      null,
    ]);
    expect(encode(formatOf('raw'), entries(['1'])).text).toBe('[1]');
    expect(refusal('raw', 'text')).toMatch(/is no JSON/);
    expect(refusal('raw', '')).toMatch(/is no JSON/);
  });
});

describe('kafka from a Redis stream', () => {
  it('has topic, partition and offset of stream, shard and id, and they name the record again', () => {
    const format = formatOf('kafka');
    const { text } = encode(format, entries(['v', Buffer.from([0, 255])], 'kä'));
    const event = JSON.parse(text) as SelfManagedKafkaEvent;
    expect(event).toMatchObject({ eventSource: 'SelfManagedKafka', bootstrapServers: '' });
    const records = event.records['s-3']!;
    expect(records.map((r) => [r.topic, r.partition, r.timestampType, r.timestamp, r.headers])).toEqual([
      ['s', 3, 'LOG_APPEND_TIME', MS, []],
      ['s', 3, 'LOG_APPEND_TIME', MS + 1, []],
    ]);
    expect(Buffer.from(records[0]!.key, 'base64').toString()).toBe('kä');
    expect(records[1]!.value).toBe(Buffer.from([0, 255]).toString('base64'));
    const [offset] = records.map((r) => r.offset);
    expect(offset).toBe(MS * 4096);
    expect(format.namesOf!(`${MS}-0`)).toEqual([`${offset}`, `s-3@${offset}`, `${MS}00000000000000000000`, `${MS}-0`]);
  });

  it('keeps the order of ids, and refuses one that has no offset', () => {
    const seq = fc.integer({ min: 0, max: 4_095 });
    const ms = fc.integer({ min: 0, max: 2 ** 41 - 1 });
    const offsetOf = (id: string) => Number(formatOf('kafka').namesOf!(id)[0]);
    fc.assert(
      fc.property(ms, seq, ms, seq, (m1, s1, m2, s2) => {
        const order = Math.sign(m1 - m2) || Math.sign(s1 - s2);
        expect(Math.sign(offsetOf(`${m1}-${s1}`) - offsetOf(`${m2}-${s2}`))).toBe(order);
      }),
    );
    for (const id of [`${MS}-4096`, '18446744073709551615-1'])
      expect(encode(formatOf('kafka'), [{ id, fields: [['data', 'x']] }]).refusal).toBe(
        `The id of this record, ${id}, has no number that could be an offset`,
      );
  });
});

describe('every format', () => {
  const FORMATS = {
    dynamodb: JSON.stringify({ Keys: KEYS, NewImage: { pad: { S: 'x'.repeat(500) } } }),
    s3: fixture('aws-put.json'),
    raw: JSON.stringify({ pad: 'ä'.repeat(100) }),
    kafka: 'x'.repeat(700),
    kinesis: 'x'.repeat(700),
  } as const;

  it.each(Object.entries(FORMATS))('%s: as many records as fit, exactly', (name, data) => {
    const format = formatOf(name as FormatOptions['format']);
    const of = entries(Array.from({ length: 20 }, () => data));
    const exact = Array.from({ length: 20 }, (_, n) => encode(format, of.slice(0, n + 1)).bytes);
    for (const [n, bytes] of exact.entries()) {
      expect(encode(format, of, bytes)).toMatchObject({ count: n + 1, bytes });
      const less = encode(format, of, bytes - 1);
      expect(less.count).toBe(n);
      // One alone that does not fit says how long it would be.
      if (n === 0) expect([less.bytes, less.refusal]).toEqual([bytes, undefined]);
    }
  });

  it('a hundred thousand levels of lists end no daemon: they are an event, or refused', () => {
    const deep = `${'['.repeat(1e5)}${']'.repeat(1e5)}`;
    for (const [name, data] of [
      ['s3', `{"Records":[{"s3":{},"a":${deep}}]}`],
      ['raw', deep],
      ['dynamodb', `{"Keys":{"id":{"S":"a"}},"eventName":"MODIFY","a":${deep}}`],
    ] as const) {
      const { count, refusal: said } = encode(formatOf(name), entries([data]));
      expect([1, 'The data of this record is nested too deeply']).toContain(count === 1 ? 1 : said);
    }
  });

  it('ends the event before data that does not fit it, and is silent of it', () => {
    for (const name of ['dynamodb', 's3', 'raw'] as const) {
      const encoded = encode(formatOf(name), entries([FORMATS[name], 'no json', FORMATS[name]]));
      expect([encoded.count, encoded.refusal]).toEqual([1, undefined]);
      JSON.parse(encoded.text);
    }
  });

  it('takes data that was not kept as too large', () => {
    for (const name of ['dynamodb', 's3', 'raw', 'kafka', 'kinesis'] as const) {
      const batch = rawBatch(entries(['x'.repeat(50)]), ['x'.repeat(50)]);
      const {
        count,
        refusal: said,
        bytes,
      } = formatOf(name).encode(batch, 0, 1, { arrivalMs: () => MS, maxBytes: 100, whole: true });
      expect([name, count, said]).toEqual([name, 0, undefined]);
      expect(bytes).toBeGreaterThan(50);
    }
  });
});
