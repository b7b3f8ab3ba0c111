/** Which shard a partition key belongs to: the MD5 of the key as a number over 128-bit ranges, as in Kinesis. Pure. */
import { hash } from 'node:crypto';

export interface HashRange {
  readonly start: bigint;
  /** Inclusive. */
  readonly end: bigint;
}

const HASH_COUNT = 1n << 128n;
export const HASH_MAX = HASH_COUNT - 1n;

export function hashKeyOf(partitionKey: string): bigint {
  return BigInt(`0x${hash('md5', partitionKey, 'hex')}`);
}

/** `count` ranges of one size; the last one takes what the division leaves over. */
export function divideEvenly(count: number): HashRange[] {
  const size = HASH_COUNT / BigInt(count);
  return Array.from({ length: count }, (_, index) => ({
    start: size * BigInt(index),
    end: index === count - 1 ? HASH_MAX : size * BigInt(index + 1) - 1n,
  }));
}

/** First hash key of the upper half; undefined for a range of a single hash key, which cannot be cut. */
export function middleOf(range: HashRange): bigint | undefined {
  return range.start === range.end ? undefined : range.start + (range.end - range.start + 1n) / 2n;
}

/** The range of both together, or undefined when they do not touch. */
export function join(a: HashRange, b: HashRange): HashRange | undefined {
  if (a.end + 1n === b.start) return { start: a.start, end: b.end };
  if (b.end + 1n === a.start) return { start: b.start, end: a.end };
  return undefined;
}

/** A hash key as Kinesis writes it: decimal without leading zeros, 0 to 2^128 - 1. */
export function parseHashKey(text: string): bigint | undefined {
  if (!/^(0|[1-9]\d{0,38})$/.test(text)) return undefined;
  const value = BigInt(text);
  return value <= HASH_MAX ? value : undefined;
}
