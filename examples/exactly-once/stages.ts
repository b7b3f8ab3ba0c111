/** The three functions. What they return as `output` goes to the next stream in the same step that moves their checkpoint. */
import { setTimeout } from 'node:timers/promises';
import type { KinesisStreamEvent, KinesisStreamRecord } from 'aws-lambda';

export interface Order {
  readonly customer: string;
  /** Among the orders of its customer, from 1. */
  readonly number: number;
  readonly pieces: number;
}

export interface Enriched extends Order {
  readonly cents: number;
}

/** The orders `from` to `to` of a customer, together. */
export interface Total {
  readonly customer: string;
  readonly from: number;
  readonly to: number;
  readonly cents: number;
}

interface Output {
  readonly output: readonly {
    readonly itemIdentifier: string;
    readonly partitionKey: string;
    readonly data: unknown;
  }[];
}

export const CENTS_PER_PIECE = 250;
/** So that a daemon that is killed is killed in the middle of something. */
const WORK_MS = 20;

export async function enrich(event: KinesisStreamEvent): Promise<Output> {
  await setTimeout(WORK_MS);
  return {
    output: event.Records.map((record) => {
      const order = decode<Order>(record);
      return outputOf(record, order.customer, { ...order, cents: order.pieces * CENTS_PER_PIECE } satisfies Enriched);
    }),
  };
}

/** One total for each customer of the batch. How many there are depends on the batches; what they sum up to does not. */
export async function aggregate(event: KinesisStreamEvent): Promise<Output> {
  await setTimeout(WORK_MS);
  const totals = new Map<string, { record: KinesisStreamRecord; total: Total }>();
  for (const record of event.Records) {
    const { customer, number, cents } = decode<Enriched>(record);
    const { from, cents: before } = totals.get(customer)?.total ?? { from: number, cents: 0 };
    totals.set(customer, { record, total: { customer, from, to: number, cents: before + cents } });
  }
  return { output: [...totals].map(([customer, { record, total }]) => outputOf(record, customer, total)) };
}

export async function archive(event: KinesisStreamEvent): Promise<Output> {
  await setTimeout(WORK_MS);
  return {
    output: event.Records.map((record) => outputOf(record, record.kinesis.partitionKey, decode<Total>(record))),
  };
}

function decode<T>({ kinesis }: KinesisStreamRecord): T {
  return JSON.parse(Buffer.from(kinesis.data, 'base64').toString('utf8')) as T;
}

function outputOf({ kinesis }: KinesisStreamRecord, partitionKey: string, data: unknown): Output['output'][number] {
  return { itemIdentifier: kinesis.sequenceNumber, partitionKey, data };
}
