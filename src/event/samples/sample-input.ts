/** What every sample event is made from, and what all of them have in common. Pure. */
import { createHash } from 'node:crypto';

export interface SampleInput {
  /** One per record: the bytes as they were given. */
  readonly data: readonly Buffer[];
  readonly nowMs: number;
  /** Fields of JSON data that make the record's key; several only for DynamoDB. */
  readonly keys: readonly string[];
  /** Of the stream, table, topic, bucket or queue. */
  readonly name: string;
  /** Partitions of a Kafka topic that keys are spread over. */
  readonly partitions: number;
}

export const REGION = 'us-east-1';
export const ACCOUNT = '123456789012';

export function arn(service: string, resource: string): string {
  return `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;
}

/** Hexadecimal, the same for the same record, so that an event can be made again. */
export function digest(...parts: readonly (string | number | Buffer)[]): string {
  const hash = createHash('md5');
  for (const part of parts) hash.update(typeof part === 'number' ? String(part) : part).update('\0');
  return hash.digest('hex');
}

export function uuid(...parts: readonly (string | number | Buffer)[]): string {
  const hex = digest(...parts);
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20)].join('-');
}

/** A number as it was written: `12345678901234567890` does not fit into a double, and DynamoDB has 38 digits. */
export class WrittenNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** The object that the data is as JSON; undefined for everything else. Numbers are left as they were written. */
export function objectIn(data: Buffer): Readonly<Record<string, unknown>> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(data.toString('utf8'), ((_key: string, inner: unknown, context?: { source?: string }) =>
      typeof inner === 'number' ? new WrittenNumber(context?.source ?? String(inner)) : inner) as (
      this: unknown,
      key: string,
      value: unknown,
    ) => unknown);
  } catch {
    return undefined; // text, or bytes
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject && !(value instanceof WrittenNumber) ? (value as Record<string, unknown>) : undefined;
}

/** The record's key as text: the first of the fields that the data has. */
export function keyOf(data: Buffer, keys: readonly string[]): string | undefined {
  if (keys.length === 0) return undefined;
  const object = objectIn(data);
  for (const name of keys) {
    const value = object?.[name];
    if (value instanceof WrittenNumber) return value.text;
    if (value !== undefined && value !== null) return typeof value === 'string' ? value : JSON.stringify(value);
  }
  return undefined;
}
