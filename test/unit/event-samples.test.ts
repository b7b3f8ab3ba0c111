/** Sample events have the shapes of esm-semantics.md §2.1–2.6: golden values, and the compiler holds them against AWS's types. */
import { createHash } from 'node:crypto';
import type {
  DynamoDBStreamEvent,
  KinesisStreamEvent,
  MSKEvent,
  S3Event,
  SelfManagedKafkaEvent,
  SNSEvent,
  SQSEvent,
} from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import { dynamodbSample } from '../../src/event/samples/dynamodb-sample.ts';
import { kafkaSample, mskSample } from '../../src/event/samples/kafka-sample.ts';
import { kinesisSample } from '../../src/event/samples/kinesis-sample.ts';
import { s3Sample } from '../../src/event/samples/s3-sample.ts';
import { recordsIn, sampleKindOf } from '../../src/event/samples/sample-event.ts';
import type { SampleInput } from '../../src/event/samples/sample-input.ts';
import { snsSample } from '../../src/event/samples/sns-sample.ts';
import { sqsSample } from '../../src/event/samples/sqs-sample.ts';

const NOW = Date.parse('2026-11-25T20:00:00.123Z');
const input = (data: readonly string[], over: Partial<SampleInput> = {}): SampleInput => ({
  data: data.map((text) => Buffer.from(text)),
  nowMs: NOW,
  keys: [],
  name: 'orders',
  partitions: 1,
  ...over,
});

test('kinesis', () => {
  const event = kinesisSample(input(['{"user":"ada","n":1}', 'text'], { keys: ['user'] })) satisfies KinesisStreamEvent;
  expect(event.Records[0]).toEqual({
    kinesis: {
      kinesisSchemaVersion: '1.0',
      partitionKey: 'ada',
      sequenceNumber: '179563680012300000000000000000000',
      data: Buffer.from('{"user":"ada","n":1}').toString('base64'),
      approximateArrivalTimestamp: 1795636800.123,
    },
    eventSource: 'aws:kinesis',
    eventVersion: '1.0',
    eventID: 'shardId-000000000000:179563680012300000000000000000000',
    eventName: 'aws:kinesis:record',
    invokeIdentityArn: 'arn:aws:iam::123456789012:role/sample',
    awsRegion: 'us-east-1',
    eventSourceARN: 'arn:aws:kinesis:us-east-1:123456789012:stream/orders',
  });
  expect(event.Records[1]!.kinesis).toMatchObject({
    partitionKey: 'orders',
    sequenceNumber: '179563680012300000000000000000001',
  });
});

describe('dynamodb', () => {
  test('an item is inserted, with typed attributes', () => {
    const item =
      '{"id":"a","n":1.50,"big":12345678901234567890,"yes":true,"none":null,"list":[1,"x"],"map":{"k":{"deep":false}}}';
    const event = dynamodbSample(input([item])) satisfies DynamoDBStreamEvent;
    expect(event.Records[0]).toEqual({
      eventID: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      eventName: 'INSERT',
      eventVersion: '1.1',
      eventSource: 'aws:dynamodb',
      awsRegion: 'us-east-1',
      dynamodb: {
        ApproximateCreationDateTime: 1795636800,
        Keys: { id: { S: 'a' } },
        NewImage: {
          id: { S: 'a' },
          n: { N: '1.50' },
          big: { N: '12345678901234567890' },
          yes: { BOOL: true },
          none: { NULL: true },
          list: { L: [{ N: '1' }, { S: 'x' }] },
          map: { M: { k: { M: { deep: { BOOL: false } } } } },
        },
        SequenceNumber: '1795636800123000000000000',
        SizeBytes: expect.any(Number) as number,
        StreamViewType: 'NEW_AND_OLD_IMAGES',
      },
      eventSourceARN: 'arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-11-25T20:00:00.123',
    });
  });

  test('images say what happened, --key what identifies', () => {
    const both = '{"OldImage":{"pk":1,"sk":"a","v":1},"NewImage":{"pk":1,"sk":"a","v":2}}';
    const event = dynamodbSample(input([both, '{"OldImage":{"pk":2,"sk":"b"}}'], { keys: ['pk', 'sk'] }));
    expect(event.Records.map(({ eventName }) => eventName)).toEqual(['MODIFY', 'REMOVE']);
    expect(event.Records[0]!.dynamodb).toMatchObject({
      Keys: { pk: { N: '1' }, sk: { S: 'a' } },
      NewImage: { v: { N: '2' } },
      OldImage: { v: { N: '1' } },
    });
    expect(event.Records[1]!.dynamodb).not.toHaveProperty('NewImage');
  });

  test.each([
    ['text', [], /record 1 of the sample is no JSON object/],
    ['[1]', [], /no JSON object/],
    ['{"a":{}}', [], /no text or number "a" to be its key/],
    ['{"id":1}', ['pk'], /"pk" to be its key; name the field with --key/],
    ['{"NewImage":1}', [], /a NewImage that is no object/],
    ['{"__proto__":{"id":1}}', ['id'], /"id" to be its key/],
  ])('%s with the keys %j is refused', (text, keys, message) => {
    expect(() => dynamodbSample(input([text], { keys }))).toThrow(message);
  });
});

test('kafka: by topic and partition, offsets in each, a key always in the same', () => {
  const lines = ['{"u":"a"}', '{"u":"b"}', '{"u":"a"}', '{"u":"c"}', 'text'];
  const event = kafkaSample(input(lines, { keys: ['u'], partitions: 3 }));
  const all = Object.entries(event.records);
  for (const [name, records] of all) {
    records.forEach((record, offset) => {
      expect(name).toBe(`orders-${record.partition}`);
      expect(record).toMatchObject({
        topic: 'orders',
        offset,
        timestamp: NOW,
        timestampType: 'CREATE_TIME',
        headers: [],
      });
    });
  }
  const keysIn = all.map(([, records]) => records.flatMap(({ key }) => (key === undefined ? [] : [key])));
  const a = Buffer.from('a').toString('base64');
  expect(keysIn.filter((keys) => keys.includes(a)).length).toBe(1);
  expect(keysIn.flat().filter((key) => key === a).length).toBe(2);
  expect(all.flatMap(([, records]) => records).length).toBe(5);
  // AWS's types have a key in every record; records without one have none.
  const keyed = (records: (typeof event.records)[string]) => records.map((record) => ({ key: '', ...record }));
  const typed = { ...event, records: Object.fromEntries(all.map(([name, records]) => [name, keyed(records)])) };
  expect(typed satisfies SelfManagedKafkaEvent).toMatchObject({
    eventSource: 'SelfManagedKafka',
    bootstrapServers: 'localhost:9092',
  });
  const msk = mskSample(input(['x']));
  const typedMsk = { ...msk, records: { 'orders-0': keyed(msk.records['orders-0']!) } } satisfies MSKEvent;
  expect(typedMsk.eventSource).toBe('aws:kafka');
  expect(msk.records['orders-0']![0]).not.toHaveProperty('key');
});

test('s3: keys of objects, encoded as S3 does it', () => {
  const event = s3Sample(
    input(['photos/a b+c (1).jpg', '{"key":"x/ü","size":5,"eTag":"e","versionId":"v"}']),
  ) satisfies S3Event;
  expect(event.Records[0]).toMatchObject({
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: 'us-east-1',
    eventTime: '2026-11-25T20:00:00.123Z',
    eventName: 'ObjectCreated:Put',
    s3: {
      s3SchemaVersion: '1.0',
      bucket: { name: 'orders', arn: 'arn:aws:s3:::orders' },
      object: { key: 'photos/a+b%2Bc+%281%29.jpg', size: 0 },
    },
  });
  expect(decodeURIComponent(event.Records[0]!.s3.object.key.replaceAll('+', ' '))).toBe('photos/a b+c (1).jpg');
  expect(event.Records[1]!.s3.object).toMatchObject({ key: 'x/%C3%BC', size: 5, eTag: 'e', versionId: 'v' });
});

test('sqs: bodies and their sums; ordered queues have groups', () => {
  const event = sqsSample(input(['{"u":"a"}', 'text'])) satisfies SQSEvent;
  expect(event.Records[1]).toMatchObject({
    body: 'text',
    md5OfBody: createHash('md5').update('text').digest('hex'),
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: String(NOW),
      SenderId: '123456789012',
      ApproximateFirstReceiveTimestamp: String(NOW),
    },
    messageAttributes: {},
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:123456789012:orders',
    awsRegion: 'us-east-1',
  });
  expect(event.Records[1]!.messageId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(event.Records[0]!.messageId).not.toBe(event.Records[1]!.messageId);
  const fifo = sqsSample(input(['{"u":"a"}'], { name: 'orders.fifo', keys: ['u'] })) satisfies SQSEvent;
  expect(fifo.Records[0]!.attributes).toMatchObject({
    MessageGroupId: 'a',
    SequenceNumber: expect.any(String) as string,
  });
});

test('sns: one record, and no more', () => {
  const event = snsSample(input(['hello']));
  const { Subject, ...rest } = event.Records[0]!.Sns;
  const typed = { Records: [{ ...event.Records[0]!, Sns: rest }] } satisfies SNSEvent;
  expect(typed.Records[0]!).toMatchObject({
    EventSource: 'aws:sns',
    EventVersion: '1.0',
    Sns: {
      Type: 'Notification',
      TopicArn: 'arn:aws:sns:us-east-1:123456789012:orders',
      Message: 'hello',
      Timestamp: '2026-11-25T20:00:00.123Z',
      SignatureVersion: '1',
      MessageAttributes: {},
    },
  });
  expect(Subject).toBeNull();
  expect(() => snsSample(input(['a', 'b']))).toThrow('an SNS event has one record, not 2');
});

test.each<[string, string | undefined]>([
  ['kinesis', 'kinesis'],
  ['aws:kinesis', 'kinesis'],
  ['SelfManagedKafka', 'kafka'],
  ['aws:kafka', 'msk'],
  ['S3', 's3'],
  ['toString', undefined],
  ['alb', undefined],
])('the kind %s is %s', (text, kind) => {
  expect(sampleKindOf(text)).toBe(kind);
});

test.each<[string, string[]]>([
  ['a\nb\n', ['a', 'b']],
  ['a\r\n\r\nb', ['a', 'b']],
  ['{"a":1}\n{"a":2}', ['{"a":1}', '{"a":2}']],
  ['{\n  "a": 1\n}\n', ['{\n  "a": 1\n}\n']],
  ['[1,\n2]', ['[1,\n2]']],
  ['1\n2', ['1', '2']],
  ['', []],
  ['\n \n', []],
])('%j holds %j', (text, records) => {
  expect(recordsIn(Buffer.from(text)).map(String)).toEqual(records);
});
