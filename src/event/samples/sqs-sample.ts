/** esm-semantics.md §2.5. */
import { createHash } from 'node:crypto';
import { ACCOUNT, REGION, type SampleInput, arn, digest, keyOf, uuid } from './sample-input.ts';

export function sqsSample({ data, nowMs, keys, name }: SampleInput) {
  return {
    Records: data.map((bytes, index) => {
      const body = bytes.toString('utf8');
      // A queue whose name says that it is one of ordered groups has them.
      const group = name.endsWith('.fifo') ? { MessageGroupId: keyOf(bytes, keys) ?? name } : undefined;
      return {
        messageId: uuid(name, index, bytes),
        receiptHandle: Buffer.from(digest('receipt', nowMs, index)).toString('base64'),
        body,
        attributes: {
          ApproximateReceiveCount: '1',
          SentTimestamp: String(nowMs),
          SenderId: ACCOUNT,
          ApproximateFirstReceiveTimestamp: String(nowMs),
          ...(group === undefined
            ? {}
            : {
                SequenceNumber: `${nowMs}${String(index).padStart(7, '0')}`,
                ...group,
                MessageDeduplicationId: createHash('sha256').update(bytes).digest('hex'),
              }),
        },
        messageAttributes: {},
        md5OfBody: createHash('md5').update(body).digest('hex'),
        eventSource: 'aws:sqs',
        eventSourceARN: arn('sqs', name),
        awsRegion: REGION,
      };
    }),
  };
}
