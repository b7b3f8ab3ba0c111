/** undici: requests through its own API. */
import type { KinesisStreamBatchResponse, KinesisStreamEvent } from 'aws-lambda';
import { request } from 'undici';

export async function handler(event: KinesisStreamEvent): Promise<KinesisStreamBatchResponse> {
  for (const { kinesis } of event.Records) {
    const { statusCode, headers, body } = await request(`${process.env['API']}/items/${kinesis.sequenceNumber}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream', 'x-key': kinesis.partitionKey },
      body: Buffer.from(kinesis.data, 'base64'),
    });
    const answer = await body.text();
    console.log(`${statusCode} ${String(headers['content-type'])} ${answer}`);
    if (statusCode >= 300) return { batchItemFailures: [{ itemIdentifier: kinesis.sequenceNumber }] };
  }
  return { batchItemFailures: [] };
}
