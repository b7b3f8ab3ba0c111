/** AWS SDK, SQS: every record is sent on as a message. */
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { KinesisStreamEvent } from 'aws-lambda';

const sqs = new SQSClient();

export async function handler(event: KinesisStreamEvent): Promise<(string | undefined)[]> {
  const ids: (string | undefined)[] = [];
  for (const { kinesis } of event.Records) {
    const { MessageId } = await sqs.send(
      new SendMessageCommand({
        QueueUrl: `${process.env['AWS_ENDPOINT_URL_SQS']}/000000000000/clicks`,
        MessageBody: Buffer.from(kinesis.data, 'base64').toString(),
        MessageAttributes: { key: { DataType: 'String', StringValue: kinesis.partitionKey } },
      }),
    );
    ids.push(MessageId);
  }
  return ids;
}
