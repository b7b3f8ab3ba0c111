import type { KinesisStreamEvent } from 'aws-lambda';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeKinesis, type EventBounds, kinesisFrame, type KinesisOptions } from '../../src/event/kinesis.ts';
import { keyName, recordParts } from '../../src/event/parts.ts';
import type { FieldNames } from '../../src/event/records.ts';
import { idMs, toSequenceNumber } from '../../src/record.ts';
import { rawBatch, type TestEntry } from '../support/raw-batch.ts';

const EVENT_BYTES_MAX = 6 * 1024 * 1024;

type Options = Omit<KinesisOptions, 'parts'> & FieldNames & EventBounds;

function options(entries: readonly TestEntry[], more: Partial<Options> = {}): Options {
  return {
    streamName: 'clicks',
    shardId: 'shardId-000000000000',
    arn: 'arn:millrace:redis:::stream/clicks',
    arrivalMs: (i) => idMs(entries[i]!.id),
    maxBytes: EVENT_BYTES_MAX,
    whole: true,
    ...more,
  };
}

function encode(entries: readonly TestEntry[], more: Partial<Options> = {}) {
  const encoded = encodePart(entries, 0, entries.length, options(entries, more));
  return { ...encoded, text: encoded.event.toString('latin1') };
}

function encodePart(
  entries: readonly TestEntry[],
  from: number,
  to: number,
  of: Options,
  dropped: readonly Buffer[] = [],
) {
  return encodeKinesis(
    kinesisFrame({ ...of, parts: recordParts({ ...of, spooled: false }) }),
    rawBatch(entries, dropped),
    from,
    to,
    of,
  );
}

function parse(text: string): KinesisStreamEvent {
  return JSON.parse(text) as KinesisStreamEvent;
}

const data = (event: KinesisStreamEvent, i = 0) => Buffer.from(event.Records[i]!.kinesis.data, 'base64');

describe('the Kinesis event', () => {
  it('has the members of AWS, in its order', () => {
    const { text, bytes, count, ascii } = encode([
      {
        id: '1732370000123-3',
        fields: [
          ['partitionKey', 'AMS'],
          ['data', '{"a":1}'],
        ],
      },
      { id: '1732370001000-0', fields: [['data', '']] },
    ]);
    expect(text).toBe(
      '{"Records":[{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"AMS",' +
        '"sequenceNumber":"173237000012300000000000000000003","data":"eyJhIjoxfQ==",' +
        '"approximateArrivalTimestamp":1732370000.123},"eventSource":"aws:kinesis","eventVersion":"1.0",' +
        '"eventID":"shardId-000000000000:173237000012300000000000000000003","eventName":"aws:kinesis:record",' +
        '"invokeIdentityArn":"arn:millrace:iam:::role/millrace","awsRegion":"local",' +
        '"eventSourceARN":"arn:millrace:redis:::stream/clicks"},' +
        '{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"clicks",' +
        '"sequenceNumber":"173237000100000000000000000000000","data":"","approximateArrivalTimestamp":1732370001},' +
        '"eventSource":"aws:kinesis","eventVersion":"1.0",' +
        '"eventID":"shardId-000000000000:173237000100000000000000000000000","eventName":"aws:kinesis:record",' +
        '"invokeIdentityArn":"arn:millrace:iam:::role/millrace","awsRegion":"local",' +
        '"eventSourceARN":"arn:millrace:redis:::stream/clicks"}]}',
    );
    expect({ bytes, count, ascii }).toEqual({ bytes: text.length, count: 2, ascii: true });
  });

  it('takes data and partition key from the fields that the mapping names', () => {
    const fields = [
      ['data', 'not this'],
      ['body', 'this'],
      ['key', 'k'],
    ] as const;
    const entries = [{ id: '1732370000000-0', fields }];
    const event = parse(encode(entries, { dataField: 'body', partitionKeyField: 'key' }).text);
    expect(data(event).toString()).toBe('this');
    expect(event.Records[0]!.kinesis.partitionKey).toBe('k');
  });

  it('gives the whole entry as a JSON object of strings when there is no data field', () => {
    const fields = [
      ['temp', '21'],
      ['Ü "x"', '€\n'],
      ['data ', ''],
    ] as const;
    const event = parse(encode([{ id: '5-18446744073709551615', fields }]).text);
    expect(data(event).toString()).toBe('{"temp":"21","Ü \\"x\\"":"€\\n","data ":""}');
    expect(event.Records[0]!.kinesis.sequenceNumber).toBe('518446744073709551615');
  });

  it('stays ASCII with any partition key: UTF-8 escaped, other bytes as base64', () => {
    const keys: [string | Buffer, string][] = [
      ['Zürich\u2028', 'Zürich\u2028'],
      ['quote " back \\ tab \t del \u007f', 'quote " back \\ tab \t del \u007f'],
      ['😀', '😀'],
      ['', ''],
      [Buffer.from([0xff, 0xfe, 0x41]), '//5B'],
    ];
    const entries = keys.map(([key], i) => ({ id: `${i + 1}-0`, fields: [['partitionKey', key] as const] }));
    const { event, text } = encode(entries);
    expect(event.every((byte) => byte >= 0x20 && byte < 0x7f)).toBe(true);
    const batch = rawBatch(entries);
    keys.forEach(([, expected], i) => {
      expect(parse(text).Records[i]!.kinesis.partitionKey).toBe(expected);
      expect(keyName(recordParts({ streamName: 's', spooled: false }), batch, i) ?? 's').toBe(expected);
    });
  });

  it('is cut before the record with which it would exceed the bound, to the byte', () => {
    const entries = [1, 2, 3].map((n) => ({ id: `${n}-0`, fields: [['data', 'x'.repeat(100 * n)] as const] }));
    const all = encode(entries).bytes;
    const two = encode(entries.slice(0, 2)).bytes;
    expect(encode(entries, { maxBytes: all })).toMatchObject({ count: 3, bytes: all });
    expect(encode(entries, { maxBytes: all - 1 })).toMatchObject({ count: 2, bytes: two });
    expect(encode(entries, { maxBytes: two })).toMatchObject({ count: 2, bytes: two });
    expect(encode(entries, { maxBytes: two - 1 }).count).toBe(1);
  });

  it('says how large an event with the first record alone would be when it does not fit', () => {
    const entries = [{ id: '1-0', fields: [['data', 'x'.repeat(1000)] as const] }];
    const { bytes } = encode(entries);
    expect(encode(entries, { maxBytes: bytes - 1 })).toMatchObject({ count: 0, bytes, text: '{"Records":[]}' });
  });

  it('treats a payload that was not kept as too large, whatever else the entry holds', () => {
    const huge = Buffer.alloc(7_000_000);
    const withData = [{ id: '1-0', fields: [['data', huge] as const] }];
    const without = [{ id: '1-0', fields: [['blob', huge] as const] }];
    for (const entries of [withData, without]) {
      const encoded = encodePart(entries, 0, 1, options(entries), [huge]);
      expect(encoded.count).toBe(0);
      expect(encoded.bytes).toBeGreaterThan(9_300_000);
    }
    const beside = [{ id: '1-0', fields: [['blob', huge] as const, ['data', 'small'] as const] }];
    const encoded = encodePart(beside, 0, 1, options(beside), [huge]);
    expect(data(parse(encoded.event.toString())).toString()).toBe('small');
  });

  it('encodes a part of the batch', () => {
    const entries = [1, 2, 3, 4].map((n) => ({ id: `${n}-0`, fields: [['data', String(n)] as const] }));
    const event = parse(encodePart(entries, 1, 3, options(entries)).event.toString());
    expect(event.Records.map((_, i) => data(event, i).toString())).toEqual(['2', '3']);
  });

  it('reads back as what was put in, for any bytes, ids and times', () => {
    const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
    const u64 = fc.bigInt({ min: 0n, max: 18446744073709551615n });
    const entry = fc.record({
      ms: fc.integer({ min: 0, max: 4e12 }),
      seq: u64,
      key: fc.string({ unit: 'binary' }),
      data: bytes,
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 5 }), (given) => {
        const entries = given.map(({ ms, seq, key, data: value }) => ({
          id: `${ms}-${seq}`,
          fields: [['partitionKey', key] as const, ['data', value] as const],
        }));
        const event = parse(encode(entries).text);
        expect(event.Records).toHaveLength(given.length);
        event.Records.forEach((record, i) => {
          expect(record.kinesis.sequenceNumber).toBe(toSequenceNumber(entries[i]!.id));
          expect(record.kinesis.approximateArrivalTimestamp).toBe(given[i]!.ms / 1000);
          expect(record.kinesis.partitionKey).toBe(Buffer.from(given[i]!.key).toString());
          expect(data(event, i).equals(given[i]!.data)).toBe(true);
        });
      }),
      { numRuns: 200 },
    );
  });
});
