/** zod: records are checked against a schema; the first that does not fit is named, with the reason in the log. */
import type { KinesisStreamBatchResponse, KinesisStreamEvent } from 'aws-lambda';
import { z } from 'zod';

const Order = z.object({
  id: z.uuid(),
  email: z.email(),
  lines: z.array(z.object({ sku: z.string().regex(/^[A-Z]{3}-\d+$/), count: z.int().positive() })).min(1),
  placedAt: z.iso.datetime().transform((text) => new Date(text)),
});

export async function handler(event: KinesisStreamEvent): Promise<KinesisStreamBatchResponse> {
  for (const { kinesis } of event.Records) {
    const text = Buffer.from(kinesis.data, 'base64').toString();
    const parsed = Order.safeParse(JSON.parse(text));
    if (!parsed.success) {
      console.warn(`record ${kinesis.sequenceNumber}: ${z.prettifyError(parsed.error)}`);
      return { batchItemFailures: [{ itemIdentifier: kinesis.sequenceNumber }] };
    }
    console.log(`order ${parsed.data.id} of ${parsed.data.placedAt.toISOString()}`);
  }
  return { batchItemFailures: [] };
}
