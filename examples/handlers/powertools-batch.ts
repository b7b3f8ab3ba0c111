/** Powertools for AWS Lambda, batch: one record after the other; the first that fails is named, what is before it counts as done. */
import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import type { Context, KinesisStreamBatchResponse, KinesisStreamEvent, KinesisStreamRecord } from 'aws-lambda';

interface Payment {
  readonly id: string;
  readonly cents: number;
}

const processor = new BatchProcessor(EventType.KinesisDataStreams);

async function book(record: KinesisStreamRecord): Promise<void> {
  const payment = JSON.parse(Buffer.from(record.kinesis.data, 'base64').toString()) as Payment;
  if (!Number.isInteger(payment.cents)) throw new TypeError(`payment ${payment.id} has no amount`);
  console.log(`booked ${payment.id}`);
}

export const handler = (event: KinesisStreamEvent, context: Context): Promise<KinesisStreamBatchResponse> =>
  processPartialResponse(event, book, processor, { context, throwOnFullBatchFailure: false });
