/** The event of a notice, cut as its unit was: every format, from real encoders' shapes. */
import { describe, expect, test } from 'vitest';
import type { ReadNotice } from '../../src/failure/read-notice.ts';
import { noticeEvent } from '../../src/redrive/notice-event.ts';

const ID = (seq: number) => `1732370000000${String(seq).padStart(20, '0')}`;

function notice(
  payload: string | null,
  records: number,
  first: string,
  last: string,
  window: ReadNotice['window'] = null,
): ReadNotice {
  const rest = { id: '1-0', mapping: 'm', shardId: 's', condition: 'RetryAttemptsExhausted', time: '', error: null };
  return { ...rest, requestId: 'r', records, first, last, firstArrivalMs: null, window, payload, notice: {} };
}

const kinesis = (seq: number) =>
  `{"kinesis":{"partitionKey":"k${seq}","sequenceNumber":"${ID(seq)}","data":"eA=="},"eventID":"s:${ID(seq)}"}`;

describe('a Kinesis event', () => {
  const payload = `{"Records":[${[1, 2, 4].map(kinesis).join(',')}]}`;
  const event = noticeEvent(notice(payload, 3, ID(1), ID(4)), { eventFormat: 'kinesis', spooled: false });

  test('has its records by their ids and keys', () => {
    expect(event.ids).toEqual(['1732370000000-1', '1732370000000-2', '1732370000000-4']);
    expect([event.weight, event.last, event.partitionKey(2)]).toEqual([1, '1732370000000-4', 'k4']);
  });

  test('is cut without a change of what is inside', () => {
    expect(String(event.slice(0, 3))).toBe(payload);
    expect(String(event.slice(1, 2))).toBe(`{"Records":[${kinesis(2)}]}`);
    expect(String(event.slice(1, 3))).toBe(`{"Records":[${kinesis(2)},${kinesis(4)}]}`);
  });
});

test('a Kafka event of a partition is known by its offsets', () => {
  const record = (offset: number, key: string) => `{"topic":"t","partition":0,"offset":${offset},${key}"value":"eA=="}`;
  const list = [record(7, '"key":"a2V5",'), record(9, '')].join(',');
  const payload = `{"eventSource":"SelfManagedKafka","records":{"t-0":[${list}]}}`;
  const event = noticeEvent(notice(payload, 2, '7', '9'), { eventFormat: 'kafka', spooled: true });
  expect(event.ids).toEqual(['8-0', '10-0']);
  expect([event.partitionKey(0), event.partitionKey(1)]).toEqual(['key', null]);
  expect(String(event.slice(1, 2))).toBe(`{"eventSource":"SelfManagedKafka","records":{"t-0":[${record(9, '')}]}}`);
});

test('a Kafka event of Redis entries has ids again', () => {
  const record = (offset: number) => `{"topic":"s","partition":0,"offset":${offset},"value":"eA=="}`;
  const offset = 1732370000000 * 4096 + 3;
  const payload = `{"records":{"s-0":[${record(offset)}]}}`;
  const event = noticeEvent(notice(payload, 1, ID(3), ID(3)), { eventFormat: 'kafka', spooled: false });
  expect(event.ids).toEqual(['1732370000000-3']);
});

test('change records are known by their sequence numbers, and their keys are the items’', () => {
  const record = (seq: number) => `{"dynamodb":{"Keys":{"id":{"S":"${seq}"}},"SequenceNumber":"${ID(seq)}"}}`;
  const payload = `{"Records":[${record(1)},${record(5)}]}`;
  const event = noticeEvent(notice(payload, 2, ID(1), ID(5)), { eventFormat: 'dynamodb', spooled: false });
  expect(event.ids).toEqual(['1732370000000-1', '1732370000000-5']);
  expect(event.partitionKey(1)).toBe('{"id":{"S":"5"}}');
});

test('raw documents are told apart by their number; digits stay as they were written', () => {
  const payload = '[{"n":1.10},{"offset":5,"topic":"mine","n":12345678901234567890},"x"]';
  const event = noticeEvent(notice(payload, 3, ID(1), ID(9)), { eventFormat: 'raw', spooled: false });
  expect(event.ids).toEqual(['1732370000000-1', '1732370000000-2', '1732370000000-9']);
  expect(String(event.slice(1, 2))).toBe('[{"offset":5,"topic":"mine","n":12345678901234567890}]');
  expect(event.partitionKey(1)).toBeNull();
});

test.for([
  { what: 'a raw document by itself', payload: '{"Records":[1,2]}', records: 1, format: 'raw' as const },
  { what: 'several S3 events of fewer records', payload: '{"Records":[{},{},{}]}', records: 2, format: 's3' as const },
])('$what is one', ({ payload, records, format }) => {
  const event = noticeEvent(notice(payload, records, ID(1), ID(2)), { eventFormat: format, spooled: false });
  expect([event.ids, event.weight, event.last]).toEqual([['1732370000000-1'], records, '1732370000000-2']);
  expect(String(event.slice(0, 1))).toBe(payload);
});

test('text that is no ASCII is escaped, so that it crosses as it is', () => {
  const event = noticeEvent(notice('["é"]', 1, ID(1), ID(1)), { eventFormat: 'raw', spooled: false });
  expect(String(event.slice(0, 1))).toBe('["\\u00e9"]');
});

test('without an event, or with positions that are none, it says so', () => {
  const facts = { eventFormat: 'kinesis', spooled: false } as const;
  expect(() => noticeEvent(notice(null, 1, ID(1), ID(1)), facts)).toThrow('it has no event');
  expect(() => noticeEvent(notice('{}', 1, 'x', ID(1)), facts)).toThrow('x is no sequence number');
});

describe('a window', () => {
  const window = { start: 1_732_370_000_000, end: 1_732_370_060_000, early: false, final: false };
  const members = (final: boolean) =>
    `"window":{"start":"2024-11-23T13:53:20Z","end":"2024-11-23T13:54:20Z"},"state":{"window":{},"x":"\\"window\\":"},"shardId":"s","eventSourceARN":"a","isFinalInvokeForWindow":${final},"isWindowTerminatedEarly":false`;

  test('has its members taken away, and nothing else, also where there are no records in it', () => {
    const payload = `{"Records":[${kinesis(1)},${kinesis(2)}],${members(false)}}`;
    const event = noticeEvent(notice(payload, 2, ID(1), ID(2), window), { eventFormat: 'kinesis', spooled: false });
    expect(String(event.slice(0, 2))).toBe(`{"Records":[${kinesis(1)},${kinesis(2)}]}`);
    expect(String(event.slice(1, 2))).toBe(`{"Records":[${kinesis(2)}]}`);
    expect(String(event.slice(0, 0))).toBe('{"Records":[]}');
  });

  test('of a Kafka event, too', () => {
    const record = `{"topic":"t","partition":3,"offset":7,"value":"eA=="}`;
    const rest = `"bootstrapServers":"b:1","records":{"t-3":[${record}]}`;
    const payload = `{"eventSource":"SelfManagedKafka",${rest},${members(false)}}`;
    const event = noticeEvent(notice(payload, 1, '7', '7', window), { eventFormat: 'kafka', spooled: true });
    expect(String(event.slice(0, 1))).toBe(`{"eventSource":"SelfManagedKafka",${rest}}`);
    expect(JSON.parse(String(event.slice(0, 0)))).toMatchObject({ records: { 't-3': [] } });
  });

  test('of records that cannot be told apart', () => {
    const payload = `{"Records":[{"s3":1},{"s3":2}],${members(false)}}`;
    const event = noticeEvent(notice(payload, 1, ID(1), ID(1), window), { eventFormat: 's3', spooled: false });
    expect([event.ids, String(event.slice(0, 1))]).toEqual([['1732370000000-1'], '{"Records":[{"s3":1},{"s3":2}]}']);
    expect(String(event.slice(0, 0))).toBe('{"Records":[]}');
  });

  test('that ends is its event as it was, with one id that stands for no record', () => {
    const payload = `{"Records":[],${members(true)}}`;
    const given = notice(payload, 0, '', '', { ...window, final: true });
    for (const [spooled, id] of [
      [false, '1732370000000-0'],
      [true, '1-0'],
    ] as const) {
      const event = noticeEvent(given, { eventFormat: 'kinesis', spooled });
      expect([event.ids, event.weight, String(event.slice(0, 1))]).toEqual([[id], 0, payload]);
    }
  });
});
