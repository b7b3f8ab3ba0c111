/** AWS SDK, DynamoDB: each record an item, once; then what the table has of the first one's user. */
import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import type { KinesisStreamEvent } from 'aws-lambda';

const dynamo = new DynamoDBClient();
const TableName = 'clicks';

interface Outcome {
  readonly again: number;
  readonly page: string | undefined;
  readonly pages: readonly (string | undefined)[];
}

export async function handler(event: KinesisStreamEvent): Promise<Outcome> {
  let again = 0;
  for (const { kinesis } of event.Records) {
    const page = Buffer.from(kinesis.data, 'base64').toString();
    const Item = { user: { S: kinesis.partitionKey }, at: { S: kinesis.sequenceNumber }, page: { S: page } };
    try {
      await dynamo.send(new PutItemCommand({ TableName, Item, ConditionExpression: 'attribute_not_exists(page)' }));
    } catch (error) {
      // Delivered before: the item is there.
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      again++;
    }
  }
  const [first] = event.Records;
  if (first === undefined) return { again, page: undefined, pages: [] };
  const user = { S: first.kinesis.partitionKey };
  const Key = { user, at: { S: first.kinesis.sequenceNumber } };
  const { Item } = await dynamo.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
  const { Items = [] } = await dynamo.send(
    new QueryCommand({
      TableName,
      KeyConditionExpression: '#user = :user',
      ExpressionAttributeNames: { '#user': 'user' },
      ExpressionAttributeValues: { ':user': user },
    }),
  );
  return { again, page: Item?.['page']?.S, pages: Items.map((item) => item['page']?.S) };
}
