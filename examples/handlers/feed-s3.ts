/** Notifications of a bucket (`eventFormat: s3`), from AWS or from an S3-compatible store. */
import type { S3Event } from 'aws-lambda';

export async function handler(event: S3Event): Promise<void> {
  for (const { eventName, s3 } of event.Records) {
    const key = decodeURIComponent(s3.object.key.replaceAll('+', ' '));
    if (eventName.startsWith('ObjectCreated:')) console.log(`${s3.bucket.name}/${key}: ${s3.object.size} bytes`);
    if (eventName.startsWith('ObjectRemoved:')) console.log(`${s3.bucket.name}/${key}: gone`);
  }
}
