/** Powertools for AWS Lambda, idempotency: each order is charged once, whatever is delivered again. What was done is kept behind an HTTP API. */
import {
  IdempotencyConfig,
  IdempotencyItemAlreadyExistsError,
  IdempotencyItemNotFoundError,
  makeIdempotent,
} from '@aws-lambda-powertools/idempotency';
import { BasePersistenceLayer, IdempotencyRecord } from '@aws-lambda-powertools/idempotency/persistence';
import type { IdempotencyRecordOptions } from '@aws-lambda-powertools/idempotency/types';
import type { Context, KinesisStreamEvent } from 'aws-lambda';

type Kept = IdempotencyRecordOptions;

/** One resource per key: PUT with `If-None-Match: *` is what makes two deliveries at the same time one. */
class HttpPersistence extends BasePersistenceLayer {
  readonly #base: string;

  constructor(base: string) {
    super();
    this.#base = base;
  }
  protected async _getRecord(key: string): Promise<IdempotencyRecord> {
    const response = await fetch(this.#at(key));
    if (response.status === 404) throw new IdempotencyItemNotFoundError();
    return new IdempotencyRecord((await response.json()) as Kept);
  }
  protected async _putRecord(record: IdempotencyRecord): Promise<void> {
    const response = await this.#write(record, { 'If-None-Match': '*' });
    if (response.status === 412)
      throw new IdempotencyItemAlreadyExistsError(undefined, await this._getRecord(record.idempotencyKey));
  }
  protected async _updateRecord(record: IdempotencyRecord): Promise<void> {
    await this.#write(record, {});
  }
  protected async _deleteRecord(record: IdempotencyRecord): Promise<void> {
    await fetch(this.#at(record.idempotencyKey), { method: 'DELETE' });
  }

  #at(key: string): string {
    return `${this.#base}/done/${encodeURIComponent(key)}`;
  }
  #write(record: IdempotencyRecord, headers: Record<string, string>): Promise<Response> {
    const { idempotencyKey, expiryTimestamp, inProgressExpiryTimestamp, responseData } = record;
    const kept: Kept = {
      idempotencyKey,
      status: record.getStatus(),
      ...(expiryTimestamp === undefined ? {} : { expiryTimestamp }),
      ...(inProgressExpiryTimestamp === undefined ? {} : { inProgressExpiryTimestamp }),
      ...(responseData === undefined ? {} : { responseData }),
    };
    return fetch(this.#at(idempotencyKey), { method: 'PUT', headers, body: JSON.stringify(kept) });
  }
}

interface Order {
  readonly id: string;
  readonly cents: number;
}

const config = new IdempotencyConfig({ eventKeyJmesPath: 'id', throwOnNoIdempotencyKey: true });

const charge = makeIdempotent(
  async (order: Order): Promise<{ receipt: string }> => {
    const response = await fetch(`${process.env['SHOP']}/charges`, { method: 'POST', body: JSON.stringify(order) });
    return (await response.json()) as { receipt: string };
  },
  { persistenceStore: new HttpPersistence(process.env['SHOP'] ?? ''), config, keyPrefix: 'charge' },
);

export async function handler(event: KinesisStreamEvent, context: Context): Promise<string[]> {
  config.registerLambdaContext(context);
  const receipts: string[] = [];
  for (const { kinesis } of event.Records) {
    const order = JSON.parse(Buffer.from(kinesis.data, 'base64').toString()) as Order;
    receipts.push((await charge(order)).receipt);
  }
  return receipts;
}
