/** What patterns see of records in each event format, and what is said of data that is not of the kind that they are for. */
import { describe, expect, it } from 'vitest';
import { eventFormat, type FormatOptions } from '../../src/event/format.ts';
import { recordFilter } from '../../src/filter/filter.ts';
import { readPattern } from '../../src/mapping/pattern/read-pattern.ts';
import { SPOOL_FIELDS } from '../../src/spool.ts';
import { rawBatch, type TestEntry } from '../support/raw-batch.ts';

const MS = 1_732_370_000_123;
const SEQUENCE = `${MS}00000000000000000002`;
const LARGE = 'large, and not kept';

/** Which of the records pass. */
function passing(
  format: FormatOptions['format'],
  patterns: readonly object[],
  of: readonly TestEntry[],
  more: Partial<FormatOptions> = {},
): boolean[] {
  const options = { shardId: 'shardId-000000000000', arn: 'arn:x', streamName: 's', bootstrapServers: 'b:1' };
  const made = eventFormat({ ...options, format, spooled: false, single: false, ...more });
  const filter = recordFilter(
    patterns.map(readPattern),
    made.view(() => MS),
  );
  const batch = rawBatch(of, [LARGE]);
  return of.map((_, i) => filter(batch, i));
}

const entry = (data: string | Buffer, key?: string): TestEntry => ({
  id: `${MS}-2`,
  fields: [...(key === undefined ? [] : [['partitionKey', key] as const]), ['data', data] as const],
});
const kafka = (value: string | Buffer | null, key: string | null = null): TestEntry => ({
  id: '8-0',
  fields: SPOOL_FIELDS.map((name) => {
    const parts = { a: String(MS), t: String(MS), f: String((key === null ? 1 : 0) + (value === null ? 2 : 0)) };
    return [name, { ...parts, k: key ?? '', v: value ?? '', h: '[{"h":[1]}]' }[name]] as const;
  }),
});
const ofKafka = (patterns: readonly object[], of: readonly TestEntry[]) =>
  passing('kafka', patterns, of, { spooled: true, shardId: 't-3' });

describe('kinesis', () => {
  it('data is JSON, or matches no condition on it; several filters are alternatives', () => {
    const records = [entry('{"a":1}'), entry('{"a":2}'), entry('a'), entry('5'), entry(''), entry(Buffer.from([255]))];
    expect(passing('kinesis', [{ data: { a: [1] } }], records)).toEqual([true, false, false, false, false, false]);
    expect(passing('kinesis', [{ data: { a: [{ exists: false }] } }], records)).toEqual([
      ...[false, false, false, true, false, false],
    ]);
    expect(passing('kinesis', [{ data: { a: [1] } }, { data: { a: [2] } }], records).slice(0, 3)).toEqual([
      true,
      true,
      false,
    ]);
    expect(passing('kinesis', [{ data: { a: [1] } }, { partitionKey: ['s'] }], records)).toEqual(
      records.map(() => true),
    );
  });

  it('has the members of the event around it', () => {
    const members = {
      ...{ partitionKey: ['k'], sequenceNumber: [SEQUENCE], kinesisSchemaVersion: ['1.0'] },
      ...{ eventSource: ['aws:kinesis'], eventID: [`shardId-000000000000:${SEQUENCE}`], eventSourceARN: ['arn:x'] },
      approximateArrivalTimestamp: [{ numeric: ['=', MS / 1_000] }],
      kinesis: { partitionKey: [{ prefix: 'k' }] },
    };
    expect(passing('kinesis', [members], [entry('x', 'k'), entry('x', 'l')])).toEqual([true, false]);
    expect(passing('kinesis', [{ body: [{ exists: true }] }], [entry('x', 'k')])).toEqual([false]);
    expect(passing('kinesis', [{ $or: [{ data: { a: [1] } }, { partitionKey: ['k'] }] }], [entry('x', 'k')])).toEqual([
      true,
    ]);
  });

  it('a JSON text within the data is text', () => {
    expect(passing('kinesis', [{ data: { inner: { a: [1] } } }], [entry('{"inner":"{\\"a\\":1}"}')])).toEqual([false]);
  });

  it('what no event could hold is let through, where its data is asked for', () => {
    expect(passing('kinesis', [{ data: { a: [1] } }], [entry(LARGE)])).toEqual([true]);
    expect(passing('kinesis', [{ data: { a: [1] }, partitionKey: ['k'] }], [entry(LARGE, 'k')])).toEqual([true]);
  });
});

describe('kafka', () => {
  it('a condition on data of the other kind is ignored', () => {
    const json = { value: { a: [1] } };
    const text = { value: ['x', { prefix: 'y' }] };
    const records = [kafka('{"a":1}'), kafka('{"a":2}'), kafka('x'), kafka('z'), kafka('5'), kafka(Buffer.from([255]))];
    expect(ofKafka([json], records)).toEqual([true, false, true, true, true, true]);
    expect(ofKafka([text], records)).toEqual([true, true, true, false, false, true]);
    // The other conditions still count.
    expect(ofKafka([{ ...json, topic: ['u'] }], records)).toEqual(records.map(() => false));
    expect(ofKafka([{ ...json, topic: ['t'] }], records)).toEqual([true, false, true, true, true, true]);
  });

  it('a tombstone is null, a null key too', () => {
    expect(ofKafka([{ value: { a: [1] } }], [kafka(null)])).toEqual([false]);
    expect(ofKafka([{ value: [null] }], [kafka(null), kafka(''), kafka('null')])).toEqual([true, false, false]);
    expect(ofKafka([{ key: [null] }], [kafka('x'), kafka('x', 'k')])).toEqual([true, false]);
    expect(ofKafka([{ key: [{ prefix: 'k' }] }], [kafka('x'), kafka('x', 'k')])).toEqual([false, true]);
  });

  it('has the members of the record and of the event', () => {
    const members = {
      ...{ topic: ['t'], partition: [3], offset: [{ numeric: ['>=', 7] }], timestamp: [MS] },
      ...{ timestampType: ['CREATE_TIME'], eventSource: ['SelfManagedKafka'], headers: { h: [1] } },
    };
    expect(ofKafka([members], [kafka('x')])).toEqual([true]);
    expect(ofKafka([{ ...members, offset: [8] }], [kafka('x')])).toEqual([false]);
  });

  it('is the same for the entries of a Redis stream', () => {
    const pattern = { value: { a: [1] }, key: ['k'], topic: ['s'], offset: [MS * 4096 + 2] };
    expect(passing('kafka', [pattern], [entry('{"a":1}', 'k'), entry('{"a":1}', 'l'), entry('{"a":1}')])).toEqual([
      ...[true, false, false],
    ]);
  });
});

describe('dynamodb, s3 and raw', () => {
  const change = (image: object, name?: string) =>
    entry(JSON.stringify({ Keys: { id: { S: 'a' } }, NewImage: image, ...(name && { eventName: name }) }));

  it('a change record is seen as the function sees it; numbers in attributes are texts', () => {
    const records = [change({ n: { N: '101' } }), change({ n: { N: '7' } }, 'MODIFY'), entry('x'), entry('{}')];
    expect(passing('dynamodb', [{ eventName: ['INSERT'] }], records)).toEqual([true, false, false, false]);
    expect(passing('dynamodb', [{ dynamodb: { NewImage: { n: { N: ['101'] } } } }], records)).toEqual([
      ...[true, false, false, false],
    ]);
    const numeric = { dynamodb: { NewImage: { n: { N: [{ numeric: ['>', 1] }] } } } };
    expect(passing('dynamodb', [numeric], records)).toEqual([false, false, false, false]);
    const pattern = {
      dynamodb: { NewImage: { k: [{ exists: false }] }, ApproximateCreationDateTime: [{ numeric: ['>', 0] }] },
    };
    expect(passing('dynamodb', [pattern], records)).toEqual([true, true, false, false]);
  });

  it('a notification passes with one of its records', () => {
    const one = (eventName: string, key: string) => ({ eventName, s3: { object: { key } } });
    const notification = (...records: object[]) => entry(JSON.stringify({ Records: records }));
    const pattern = { eventName: [{ prefix: 'ObjectCreated:' }], s3: { object: { key: [{ suffix: '.jpg' }] } } };
    expect(
      passing(
        's3',
        [pattern],
        [
          notification(one('s3:ObjectCreated:Put', 'a.jpg')),
          notification(one('ObjectRemoved:Delete', 'a.jpg'), one('ObjectCreated:Put', 'b.png')),
          notification(one('ObjectCreated:Put', 'b.png'), one('ObjectCreated:Put', 'b.jpg')),
          entry('{"Event":"s3:TestEvent"}'),
          entry('x'),
        ],
      ),
    ).toEqual([true, false, true, false, false]);
  });

  it('raw data is the document', () => {
    const records = [
      entry('{"detail-type":"x","source":"aws.s3"}'),
      entry('{"detail-type":"y"}'),
      entry('[]'),
      entry('x'),
    ];
    expect(passing('raw', [{ 'detail-type': ['x'] }], records)).toEqual([true, false, false, false]);
    for (const format of ['dynamodb', 's3', 'raw'] as const) {
      expect(passing(format, [{ a: [1] }], [entry(LARGE)])).toEqual([true]);
    }
  });
});
