/** avsc: Avro records, also those of an older schema. The first two bytes of a record are the number of its schema. */
import avro from 'avsc';
import type { KinesisStreamEvent } from 'aws-lambda';

const FIRST = avro.Type.forSchema({
  type: 'record',
  name: 'Click',
  fields: [
    { name: 'user', type: 'string' },
    { name: 'at', type: 'long' },
  ],
});
const LATEST = avro.Type.forSchema({
  type: 'record',
  name: 'Click',
  fields: [
    { name: 'user', type: 'string' },
    { name: 'at', type: 'long' },
    {
      name: 'device',
      type: { type: 'enum', name: 'Device', symbols: ['UNKNOWN', 'PHONE', 'DESK'] },
      default: 'UNKNOWN',
    },
  ],
});
const SCHEMAS = [FIRST, LATEST];
const resolvers = SCHEMAS.map((written) => LATEST.createResolver(written));

export async function handler(event: KinesisStreamEvent): Promise<unknown[]> {
  return event.Records.map(({ kinesis }) => {
    const bytes = Buffer.from(kinesis.data, 'base64');
    const number = bytes.readUInt16BE(0);
    const written = SCHEMAS[number];
    if (written === undefined) throw new RangeError(`no schema has the number ${number}`);
    return LATEST.fromBuffer(bytes.subarray(2), resolvers[number], true) as unknown;
  });
}
