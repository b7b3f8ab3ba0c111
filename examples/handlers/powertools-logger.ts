/** Powertools for AWS Lambda, logger: structured lines with the invocation's request id and keys of one's own. */
import { Logger } from '@aws-lambda-powertools/logger';
import type { Context, KinesisStreamEvent } from 'aws-lambda';

const logger = new Logger({ serviceName: 'orders', logLevel: 'INFO', persistentKeys: { team: 'checkout' } });

export async function handler(event: KinesisStreamEvent, context: Context): Promise<void> {
  logger.addContext(context);
  logger.debug('not shown: the level is INFO');
  logger.info('batch received', { records: event.Records.length });
  for (const { kinesis } of event.Records) {
    logger.appendKeys({ partitionKey: kinesis.partitionKey });
    try {
      JSON.parse(Buffer.from(kinesis.data, 'base64').toString());
    } catch (error) {
      logger.error('no JSON', error as Error);
    }
  }
  logger.resetKeys();
}
