/** Where a partition is read from when a poller takes it over, and what its id and offsets tell. */
import { describe, expect, test } from 'vitest';
import { toAppends } from '../../connectors/kafka/records.ts';
import { request, topicFactsIn } from '../../connectors/kafka/topic-facts.ts';
import { commitOf, whereToFetch } from '../../connectors/kafka/where.ts';
import { APPEND_RECORDS } from '../../src/kafka-limits.ts';
import type { SpoolView } from '../../src/spool.ts';
import { DAY } from '../../src/time.ts';

const view = (more: Partial<SpoolView> = {}): SpoolView => ({
  ...{ settledTo: 10, next: 20, end: 25, generation: 1, unsettled: 10, damaged: false, closed: false, fenced: false },
  ...more,
});
const ours = { offset: 10, metadata: 'millrace:1:9' };
const ends = { low: 0, high: 30 };
const at = (more: object = {}) =>
  whereToFetch({ view: view(), committed: ours, ends, origin: 'a', topicId: 'a', ...more });

describe('where to fetch', () => {
  test('Redis wins, also when the group’s offset of ours is another', () => {
    expect(at()).toEqual({ kind: 'fetch', from: 20 });
    expect(at({ committed: { offset: 3, metadata: 'millrace:1:2' } })).toEqual({ kind: 'fetch', from: 20 });
    expect(at({ committed: undefined })).toEqual({ kind: 'fetch', from: 20 });
  });

  test('an offset of somebody else’s is a reset, unless it says what we say', () => {
    const reset = (offset: number) => at({ committed: { offset, metadata: '' } });
    expect(reset(10)).toEqual({ kind: 'fetch', from: 20 });
    expect(reset(4)).toMatchObject({ restart: { next: 4, dropUnsettled: true, loss: null, redelivered: 6 } });
    expect(reset(15)).toMatchObject({
      restart: { next: 15, dropUnsettled: true, loss: { condition: 'SkippedByOperator', first: 10, last: 14 } },
    });
  });

  test('a log that begins later has lost what lies between', () => {
    expect(at({ ends: { low: 22, high: 30 } })).toEqual({
      ...{ kind: 'lost', next: 22 },
      loss: { condition: 'SourceGap', first: 20, last: 21 },
    });
    expect(at({ ends: { low: 20, high: 30 } })).toEqual({ kind: 'fetch', from: 20 });
  });

  test('another topic is read from its beginning, a log that was cut from its end; unfetched records are lost', () => {
    const lost = { condition: 'SourceGap', first: 20, last: 24 };
    expect(at({ topicId: 'b', ends: { low: 2, high: 90 } })).toMatchObject({
      doubt: expect.stringContaining('seems to be another'),
      restart: { next: 2, origin: 'b', dropUnsettled: false, loss: lost },
    });
    // A new leader may not know its end yet: it has to last.
    expect(at({ ends: { low: 0, high: 18 } })).toMatchObject({
      doubt: expect.stringContaining('ends before'),
      restart: { next: 18, origin: 'a', loss: lost },
    });
    // Without an id the two cannot be told apart: at least once.
    expect(at({ topicId: '', ends: { low: 0, high: 18 } })).toMatchObject({
      doubt: expect.any(String),
      restart: { next: 0 },
    });
    expect(at({ topicId: '' })).toMatchObject({ kind: 'fetch' });
    expect(at({ view: view({ end: 20 }), topicId: 'b' })).toMatchObject({ restart: { loss: null } });
  });
});

test('what is committed is the first unsettled record, and past everything when there is none', () => {
  expect(commitOf(view())).toEqual(ours);
  expect(commitOf(view({ unsettled: 0 }))).toEqual({ offset: 20, metadata: 'millrace:1:9' });
});

describe('what is appended', () => {
  const message = (offset: number, timestamp = '1000') => ({
    ...{ offset, timestamp, logAppendTime: false, key: null, value: Buffer.from('v'), headers: [] },
  });
  const batch = (offsets: readonly number[], next: number) => ({
    ...{ partition: 0, from: 0, next, end: 9_999, bytes: 0 },
    messages: offsets.map((offset) => message(offset)),
  });

  test('is cut into parts that follow each other, over gaps too', () => {
    const offsets = Array.from({ length: APPEND_RECORDS + 5 }, (_, i) => 3 * i + 7);
    const parts = toAppends(batch(offsets, 5_000), 4, 2_000);
    const cut = offsets[APPEND_RECORDS]!;
    expect(parts.map(({ after, next, records }) => [after, next, records.length])).toEqual([
      [4, cut, APPEND_RECORDS],
      [cut, 5_000, 5],
    ]);
  });

  test('without records moves on all the same', () => {
    expect(toAppends(batch([], 9), 4, 2_000)).toEqual([{ after: 4, next: 9, end: 9_999, records: [] }]);
  });

  test('arrived at its own time, or now when that is none or too far ahead', () => {
    const now = 10 * DAY;
    const arrival = (timestamp: string) =>
      toAppends({ ...batch([], 1), messages: [message(0, timestamp)] }, 0, now)[0]!.records[0]!.arrivalMs;
    expect([arrival('5'), arrival(String(now + DAY)), arrival(String(now + DAY + 1)), arrival('-1')]).toEqual([
      ...[5, now + DAY, now, now],
    ]);
  });
});

describe('what the brokers say of a topic', () => {
  // As a broker of Kafka 4.3.1 answered.
  const broker = (port: string) =>
    `000000000002000000010a3132372e302e302e310000${port}0000176d696c6c726163652d746573742d636c7573746572300000000102`;
  const partition = (n: number) => `0000${n.toString(16).padStart(8, '0')}0000000100000000020000000102000000010100`;
  const orders = (may: string) =>
    `${broker('9295')}0000076f7264657273f56f2ac9eadb4c14ac893f35dc3b5aaf0004${[0, 1, 2].map(partition).join('')}${may}0000`;
  const id = 'f56f2ac9eadb4c14ac893f35dc3b5aaf';
  const parse = (hex: string) => topicFactsIn(Buffer.from(hex, 'hex'));

  test('is its id, and what the login may do with it', () => {
    expect(parse(orders('00000df8'))).toEqual({ id, mayRead: true, mayWrite: true });
    expect(parse(orders('00000108'))).toEqual({ id, mayRead: true, mayWrite: false });
    expect(parse(orders('00000100'))).toEqual({ id, mayRead: false, mayWrite: false });
    // Not said.
    expect(parse(orders('80000000'))).toEqual({ id, mayRead: true, mayWrite: true });
  });

  test('is that there is none, or that the login may not know', () => {
    expect(parse(`${broker('981f')}0003056e6f706500000000000000000000000000000000000100000df80000`)).toBe('missing');
    expect(parse(`${broker('9295')}001d076f7264657273000000000000000000000000000000000001800000000000`)).toBe(
      'refused',
    );
    // Its leader is not there yet.
    expect(parse(`${broker('9295')}0005076f7264657273000000000000000000000000000000000001800000000000`)).toBeNull();
  });

  test('is asked for by name, of any length', () => {
    const long = 'x'.repeat(249);
    const asked = request(long);
    expect(asked.subarray(18, 20)).toEqual(Buffer.from([0xfa, 0x01]));
    expect(asked.subarray(20, 269).toString()).toBe(long);
    expect(asked.length).toBe(273);
  });
});
