/** esm-semantics.md §2.1. */
import { shardIdOf, toSequenceNumber } from '../../record.ts';
import { ACCOUNT, REGION, type SampleInput, arn, keyOf } from './sample-input.ts';

export function kinesisSample(
  { data, nowMs, keys, name }: SampleInput,
  eventSourceARN = arn('kinesis', `stream/${name}`),
) {
  return {
    Records: data.map((bytes, index) => {
      const sequenceNumber = toSequenceNumber(`${nowMs}-${index}`);
      return {
        kinesis: {
          kinesisSchemaVersion: '1.0',
          partitionKey: keyOf(bytes, keys) ?? name,
          sequenceNumber,
          data: bytes.toString('base64'),
          approximateArrivalTimestamp: nowMs / 1000,
        },
        eventSource: 'aws:kinesis',
        eventVersion: '1.0',
        eventID: `${shardIdOf(0)}:${sequenceNumber}`,
        eventName: 'aws:kinesis:record',
        invokeIdentityArn: `arn:aws:iam::${ACCOUNT}:role/sample`,
        awsRegion: REGION,
        eventSourceARN,
      };
    }),
  };
}
