/** Messages of SNS, as they are (`eventFormat: raw`, `batchSize: 1`). */
import type { SNSEvent } from 'aws-lambda';

export async function handler(event: SNSEvent): Promise<void> {
  for (const { Sns } of event.Records) console.log(`${Sns.TopicArn.split(':').at(-1)}: ${Sns.Message}`);
}
