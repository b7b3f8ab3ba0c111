/** Events that cross in columns, in a real isolate: whole as a handler sees them, whatever an earlier invocation did to the prototypes. */
import { expect, test } from 'vitest';
import type { EventColumns } from '../../src/columns.ts';
import { resultOf, useSandbox } from '../support/sandbox.ts';

const box = useSandbox();

const KINESIS: EventColumns = {
  ...{ form: 'kinesis', beforeEventId: 'shardId-000000000000:', eventSourceARN: 'arn:ü' },
  ...{ invokeIdentityArn: 'arn:role', awsRegion: 'local' },
};
const record = (key: string, sequenceNumber: string, data: string, arrival: number): object => ({
  kinesis: {
    ...{ kinesisSchemaVersion: '1.0', partitionKey: key, sequenceNumber, data },
    approximateArrivalTimestamp: arrival,
  },
  ...{ eventSource: 'aws:kinesis', eventVersion: '1.0', eventID: `shardId-000000000000:${sequenceNumber}` },
  ...{ eventName: 'aws:kinesis:record', invokeIdentityArn: 'arn:role', awsRegion: 'local', eventSourceARN: 'arn:ü' },
});
const values = ['AMS', '11', 'eA==', 1.5, '€', '12', '', 2];
const whole = { Records: [record('AMS', '11', 'eA==', 1.5), record('€', '12', '', 2)] };

const KAFKA: EventColumns = {
  ...{ form: 'kafka', bootstrapServers: 'b:9092', name: 'orders-7', topic: 'orders', partition: 7 },
};
const kafkaValues = [4, 1000, 0, null, 'dg==', [], 9, 1001, 1, 'aw==', null, [{ h: [1, 2] }]];
const place = { topic: 'orders', partition: 7 };
const kafkaWhole = {
  ...{ eventSource: 'SelfManagedKafka', bootstrapServers: 'b:9092' },
  records: {
    'orders-7': [
      { ...place, offset: 4, timestamp: 1000, timestampType: 'CREATE_TIME', value: 'dg==', headers: [] },
      {
        ...{ ...place, offset: 9, timestamp: 1001, timestampType: 'LOG_APPEND_TIME', key: 'aw==', value: null },
        headers: [{ h: [1, 2] }],
      },
    ],
  },
};

const LOOKS = `exports.handler = async (event) => {
  const lists = event.Records ? [event.Records] : Object.values(event.records);
  return { text: JSON.stringify(event), lengths: lists.map((list) => list.length), own: lists.every((list) => Array.isArray(list) && list.every((one) => Object.getPrototypeOf(one) === Object.prototype)) };
}`;

test('are what the text of the event says', async () => {
  const version = box.version(LOOKS);
  const ask = async (event: unknown, columns?: EventColumns): Promise<unknown> =>
    resultOf(await box.invoke(version, event, columns === undefined ? {} : { columns }));
  for (const [inRows, columns, event] of [
    [values, KINESIS, whole],
    [kafkaValues, KAFKA, kafkaWhole],
  ] as const) {
    const got = (await ask(inRows, columns)) as { text: string };
    expect(got).toEqual(await ask(event));
    expect(got.text).toBe(JSON.stringify(event));
  }
  expect(await ask([], KINESIS)).toMatchObject({ text: '{"Records":[]}' });
});

test('are not bent by what a handler leaves behind on prototypes', async () => {
  const version = box.version(`let calls = 0;
    const stringify = JSON.stringify;
    exports.handler = async (event) => {
      if (calls++ === 0) {
        for (const key of [0, 1, 2, 3, 'kinesis', 'Records', 'records', 'orders-7', 'columns', 'form', 'length', 'value', 'key'])
          for (const prototype of [Array.prototype, Object.prototype]) {
            try { Object.defineProperty(prototype, key, { get() { return 'bent'; }, set() { throw new Error('bent'); }, configurable: true }); } catch {}
          }
        JSON.parse = () => 'bent';
        return 1;
      }
      const text = stringify(event);
      for (const prototype of [Array.prototype, Object.prototype]) for (const key of [0, 1, 2, 3]) delete prototype[key];
      return text;
    }`);
  expect(resultOf(await box.invoke(version, values, { columns: KINESIS }))).toBe(1);
  expect(resultOf(await box.invoke(version, values, { columns: KINESIS }))).toBe(JSON.stringify(whole));
  expect(resultOf(await box.invoke(version, kafkaValues, { columns: KAFKA }))).toBe(JSON.stringify(kafkaWhole));
  expect(resultOf(await box.invoke(version, whole))).toBe(JSON.stringify(whole));
});
