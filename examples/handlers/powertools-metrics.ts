/** Powertools for AWS Lambda, metrics: counts go to standard output in CloudWatch's embedded metric format. */
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Context, KinesisStreamEvent } from 'aws-lambda';

const metrics = new Metrics({ namespace: 'shop', serviceName: 'orders' });

export async function handler(event: KinesisStreamEvent, context: Context): Promise<void> {
  metrics.setFunctionName(context.functionName);
  metrics.captureColdStartMetric();
  metrics.addMetric('records', MetricUnit.Count, event.Records.length);
  for (const { kinesis } of event.Records) metrics.addMetric('bytes', MetricUnit.Bytes, kinesis.data.length);
  metrics.publishStoredMetrics();
}
