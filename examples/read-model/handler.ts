/** Changes of a table of products → what they add to each category. The types are those of @types/aws-lambda. */
import type { AttributeValue, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';

export interface Step {
  readonly sequenceNumber: string;
  readonly deltas: readonly Delta[];
}

export interface Delta {
  readonly category: string;
  readonly products: number;
  readonly stock: number;
}

type Image = Record<string, AttributeValue> | undefined;

export async function handler(event: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> {
  const response = await fetch(`http://${process.env['MODEL']}/steps`, {
    method: 'POST',
    body: JSON.stringify(event.Records.map(stepOf)),
  });
  if (!response.ok) throw new Error(`the model answers ${response.status}: ${await response.text()}`);
  const { applied } = (await response.json()) as { applied: number };
  const next = event.Records[applied];
  if (next === undefined) return { batchItemFailures: [] };
  return { batchItemFailures: [{ itemIdentifier: next.dynamodb!.SequenceNumber! }] };
}

/** INSERT adds the new image, REMOVE takes the old one away, MODIFY does both: the product may have changed its category. */
function stepOf({ dynamodb }: DynamoDBRecord): Step {
  const deltas = [...deltaOf(dynamodb?.OldImage, -1), ...deltaOf(dynamodb?.NewImage, 1)];
  return { sequenceNumber: dynamodb!.SequenceNumber!, deltas };
}

function deltaOf(image: Image, sign: 1 | -1): Delta[] {
  if (image === undefined) return [];
  const category = image['category']?.S;
  const stock = Number(image['stock']?.N);
  if (category === undefined || Number.isNaN(stock)) throw new TypeError('a product needs a category and a stock');
  return [{ category, products: sign, stock: sign * stock }];
}
