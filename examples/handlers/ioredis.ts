/** ioredis needs a socket, and there is none: the first command fails with a sentence that says so. */
import type { KinesisStreamEvent } from 'aws-lambda';
import { Redis } from 'ioredis';

const redis = new Redis({ host: process.env['REDIS_HOST'] ?? '127.0.0.1', lazyConnect: true, maxRetriesPerRequest: 0 });

export async function handler(event: KinesisStreamEvent): Promise<void> {
  for (const { kinesis } of event.Records) await redis.set(kinesis.partitionKey, kinesis.data);
}
