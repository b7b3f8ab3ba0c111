/** Handlers whose own work is small, so that the sandbox's share of it is large, and their events. */
import type { KinesisStreamEvent, KinesisStreamRecord } from 'aws-lambda';
import type { EventColumns } from '../../src/columns.ts';

/** CommonJS text. */
export const HANDLERS = {
  /** The event is parsed, as every handler's is, and looked at. */
  parses: `exports.handler = async (event) => {
    let digits = 0;
    for (const { kinesis } of event.Records) digits += kinesis.sequenceNumber.length;
    return { digits, batchItemFailures: [] };
  };`,
  /** What examples/flights does before it sends anything. */
  decodes: `exports.handler = async (event) => {
    const lines = [];
    for (const { kinesis } of event.Records) {
      const flight = JSON.parse(Buffer.from(kinesis.data, 'base64').toString('utf8'));
      lines.push(flight.date + '  ' + flight.origin + ' → ' + flight.destination + '  ' + Math.round(flight.distance * 1.609344) + ' km');
    }
    return { lines: lines.length, batchItemFailures: [] };
  };`,
} as const;
export type HandlerName = keyof typeof HANDLERS;

/** The same event as it crosses to a sandbox. */
export function flightsInColumns(records: number): { readonly event: Buffer; readonly columns: EventColumns } {
  const { Records } = JSON.parse(flightsEvent(records).toString('latin1')) as KinesisStreamEvent;
  const [{ eventID, invokeIdentityArn, awsRegion, eventSourceARN, kinesis: first }] = Records as [KinesisStreamRecord];
  const rows = Records.map(({ kinesis }) => [
    ...[kinesis.partitionKey, kinesis.sequenceNumber, kinesis.data, kinesis.approximateArrivalTimestamp],
  ]);
  const beforeEventId = eventID.slice(0, -first.sequenceNumber.length);
  return {
    event: Buffer.from(JSON.stringify(rows.flat())),
    columns: { form: 'kinesis', beforeEventId, invokeIdentityArn, awsRegion, eventSourceARN },
  };
}

/** So many flights as a Kinesis event, ASCII. */
export function flightsEvent(records: number): Buffer {
  const record = (n: number): object => {
    const flight = {
      number: n,
      date: '2001/01/10 09:39',
      origin: 'AMS',
      destination: 'LHR',
      distance: 231,
      delay: -10,
    };
    const sequenceNumber = `17323700000000000000000000${String(n).padStart(6, '0')}`;
    return {
      kinesis: {
        ...{ kinesisSchemaVersion: '1.0', partitionKey: 'AMS', sequenceNumber },
        data: Buffer.from(JSON.stringify(flight)).toString('base64'),
        approximateArrivalTimestamp: 1_732_370_000.123,
      },
      ...{ eventSource: 'aws:kinesis', eventVersion: '1.0', eventID: `shardId-000000000000:${sequenceNumber}` },
      ...{ eventName: 'aws:kinesis:record', invokeIdentityArn: 'arn:aws:iam::role/millrace', awsRegion: 'local' },
      eventSourceARN: 'arn:millrace:redis:::stream/flights',
    };
  };
  return Buffer.from(JSON.stringify({ Records: Array.from({ length: records }, (_, n) => record(n)) }));
}
