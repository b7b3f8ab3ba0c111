/** AWS SDK, S3: the batch becomes one object, read back and counted. */
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { KinesisStreamEvent } from 'aws-lambda';

const s3 = new S3Client({ forcePathStyle: true });
const Bucket = 'archive';

export async function handler(
  event: KinesisStreamEvent,
): Promise<{ key: string; records: number; type: string | undefined }> {
  const lines = event.Records.map(({ kinesis }) => Buffer.from(kinesis.data, 'base64').toString());
  const key = `${event.Records[0]?.kinesis.sequenceNumber}.ndjson`;
  await s3.send(
    new PutObjectCommand({ Bucket, Key: key, Body: lines.join('\n'), ContentType: 'application/x-ndjson' }),
  );
  const { Body, ContentType } = await s3.send(new GetObjectCommand({ Bucket, Key: key }));
  const text = (await Body?.transformToString()) ?? '';
  return { key, records: text.split('\n').length, type: ContentType };
}
