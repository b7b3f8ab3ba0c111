/** A feed of changes (`eventFormat: dynamodb`) builds a read model; the first change that cannot be taken is named. */
import type { AttributeValue, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';

const prices = new Map<string, number>();

function apply({ eventName, dynamodb }: DynamoDBRecord): void {
  const id = dynamodb?.Keys?.['id']?.S;
  if (id === undefined) throw new Error('a change without an id');
  if (eventName === 'REMOVE') prices.delete(id);
  else prices.set(id, numberIn(dynamodb?.NewImage?.['price']));
}

function numberIn(value: AttributeValue | undefined): number {
  const number = Number(value?.N);
  if (Number.isNaN(number)) throw new Error('a price that is no number');
  return number;
}

export async function handler(event: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> {
  for (const record of event.Records) {
    try {
      apply(record);
    } catch (error) {
      console.warn(`${record.eventID}: ${(error as Error).message}`);
      return { batchItemFailures: [{ itemIdentifier: record.dynamodb?.SequenceNumber ?? '' }] };
    }
  }
  console.log(JSON.stringify(Object.fromEntries(prices)));
  return { batchItemFailures: [] };
}
