/** Powertools for AWS Lambda, tracer: there is no X-Ray daemon here, so it traces nothing, and what is traced runs all the same. */
import { Tracer } from '@aws-lambda-powertools/tracer';
import type { KinesisStreamEvent } from 'aws-lambda';

const tracer = new Tracer({ serviceName: 'orders' });

export async function handler(event: KinesisStreamEvent): Promise<{ traced: boolean; keys: string[] }> {
  tracer.annotateColdStart();
  const segment = tracer.getSegment()?.addNewSubsegment('keys');
  const keys = event.Records.map((record) => record.kinesis.partitionKey);
  tracer.putAnnotation('records', keys.length);
  tracer.putMetadata('keys', keys);
  segment?.close();
  return { traced: tracer.isTracingEnabled(), keys };
}
