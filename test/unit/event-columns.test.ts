/** What the isolate puts together from columns is what the event's text says: member for member, in order, and of the same counted size. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeKafka, kafkaFrame } from '../../src/event/kafka.ts';
import { type EncodedEvent, encodeKinesis, kinesisFrame } from '../../src/event/kinesis.ts';
import { recordParts } from '../../src/event/parts.ts';
import { eventOf } from '../../src/sandbox/isolate/event.ts';
import { SPOOL_FLAG } from '../../src/spool.ts';
import { rawBatch, type TestEntry } from '../support/raw-batch.ts';

const PARTS = recordParts({ streamName: 'clicks', spooled: false });
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const id = (i: number): string => `${1_732_370_000_123 + i * 977}-${i % 3}`;
const odd = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('__proto__', 'toString', '"', '\\', '€', ''),
);

/** In both forms, as many as fit. */
function compare(encode: (whole: boolean) => EncodedEvent): void {
  const [text, columns] = [encode(true), encode(false)];
  expect(text.columns).toBeNull();
  expect(columns).toMatchObject({ count: text.count, bytes: text.bytes, ascii: true });
  const whole = text.event.toString('latin1');
  if (text.count > 0) expect(text.bytes).toBe(whole.length);
  // The common part crosses as JSON itself.
  const common = JSON.parse(JSON.stringify(columns.columns)) as Parameters<typeof eventOf>[1];
  const event = eventOf(columns.event.toString('latin1'), common);
  expect(event).toEqual(JSON.parse(whole));
  expect(JSON.stringify(event)).toBe(JSON.stringify(JSON.parse(whole)));
}

describe('an event in columns', () => {
  it('of Kinesis records is the event of its text', () => {
    const record = fc.record({ key: fc.option(odd, { nil: undefined }), data: fc.option(bytes, { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 6 }), odd, fc.nat(2_000), (records, arn, maxBytes) => {
        const entries = records.map(({ key, data }, i): TestEntry => ({
          id: id(i),
          fields: [
            ...(key === undefined ? [] : [['partitionKey', key] as const]),
            ...(data === undefined ? ([['other', 'x']] as const) : ([['data', data]] as const)),
          ],
        }));
        const frame = kinesisFrame({ parts: PARTS, streamName: 'clicks', shardId: 'shardId-000000000000', arn });
        const batch = rawBatch(entries);
        for (const bound of [1e6, maxBytes]) {
          const bounds = { arrivalMs: (i: number) => 1_732_370_000_000 + i * 7, maxBytes: bound };
          compare((whole) => encodeKinesis(frame, batch, 0, entries.length, { ...bounds, whole }));
        }
      }),
    );
  });

  it('of Kafka records is the event of its text', () => {
    const record = fc.record({
      ...{ key: bytes, value: bytes, nullKey: fc.boolean(), nullValue: fc.boolean(), appended: fc.boolean() },
      headers: fc.array(fc.record({ h: fc.array(fc.nat(255), { maxLength: 3 }) }), { maxLength: 2 }),
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 6 }), odd, fc.nat(1_500), (records, bootstrapServers, maxBytes) => {
        const entries = records.map(({ key, value, nullKey, nullValue, appended, headers }, i): TestEntry => {
          const flags =
            (nullKey ? SPOOL_FLAG.nullKey : 0) |
            (nullValue ? SPOOL_FLAG.nullValue : 0) |
            (appended ? SPOOL_FLAG.logAppendTime : 0);
          return spooledEntry(i, { flags, key, value, headers: JSON.stringify(headers) });
        });
        const frame = kafkaFrame({ shardId: 'orders-v1-12', bootstrapServers });
        const batch = rawBatch(entries);
        for (const bound of [1e6, maxBytes])
          compare((whole) => encodeKafka(frame, batch, 0, entries.length, { maxBytes: bound, whole }));
      }),
    );
  });
});

function spooledEntry(
  i: number,
  { flags, key, value, headers }: { flags: number; key: Buffer; value: Buffer; headers: string },
): TestEntry {
  return {
    id: `${i * 3 + 1}-0`,
    fields: [
      ['a', '1732370000000'],
      ['t', `${1_732_370_000_000 + i}`],
      ['f', String(flags)],
      ['k', flags & SPOOL_FLAG.nullKey ? '' : key],
      ['v', flags & SPOOL_FLAG.nullValue ? '' : value],
      ['h', headers],
    ],
  };
}
