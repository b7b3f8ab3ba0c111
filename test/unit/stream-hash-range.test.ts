import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  divideEvenly,
  HASH_MAX,
  hashKeyOf,
  join,
  middleOf,
  parseHashKey,
} from '../../connectors/redis-stream/hash-range.ts';
import { shardedRouter } from '../../connectors/redis-stream/router.ts';
import { encodeBatch } from '../../connectors/redis-stream/put-batch.ts';
import { shardIdOf } from '../../src/record.ts';

describe('hash ranges', () => {
  it("is the key's MD5 as a number", () => {
    // md5('') and md5('a') from RFC 1321.
    expect(hashKeyOf('')).toBe(0xd41d8cd98f00b204e9800998ecf8427en);
    expect(hashKeyOf('a')).toBe(0x0cc175b9c0f1b6a831c399e269772661n);
  });

  it('divides without gap or overlap, whatever the count', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), (count) => {
        const ranges = divideEvenly(count);
        expect(ranges[0]!.start).toBe(0n);
        expect(ranges.at(-1)!.end).toBe(HASH_MAX);
        for (let i = 1; i < count; i++)
          if (ranges[i]!.start !== ranges[i - 1]!.end + 1n) throw new Error(`gap at ${i}`);
      }),
      { numRuns: 20 },
    );
  });

  it('cuts in the middle and joins again', () => {
    const key = fc.bigInt({ min: 0n, max: HASH_MAX });
    fc.assert(
      fc.property(key, key, (a, b) => {
        const range = a < b ? { start: a, end: b } : { start: b, end: a };
        const middle = middleOf(range);
        if (range.start === range.end) {
          expect(middle).toBeUndefined();
          return;
        }
        const halves = [
          { start: range.start, end: middle! - 1n },
          { start: middle!, end: range.end },
        ] as const;
        expect(halves.every(({ start, end }) => start <= end)).toBe(true);
        expect(join(halves[0], halves[1])).toEqual(range);
        expect(join(halves[1], halves[0])).toEqual(range);
      }),
    );
    expect(join({ start: 0n, end: 3n }, { start: 5n, end: 9n })).toBeUndefined();
    expect(join({ start: 0n, end: 5n }, { start: 5n, end: 9n })).toBeUndefined();
  });

  it('reads decimal hash keys in range only', () => {
    expect(parseHashKey(`${HASH_MAX}`)).toBe(HASH_MAX);
    for (const bad of ['', '-1', '01', '0x1', '1.0', ' 1', `${HASH_MAX + 1n}`, '9'.repeat(40)])
      expect(parseHashKey(bad)).toBeUndefined();
  });
});

describe('routing', () => {
  const shards = divideEvenly(5).map((range, index) => ({
    shardId: shardIdOf(index),
    key: `key${index}`,
    parents: [],
    range,
    closed: false,
  }));
  const closed = {
    shardId: shardIdOf(9),
    key: 'closed',
    parents: [],
    range: { start: 0n, end: HASH_MAX },
    closed: true,
  };
  const router = shardedRouter({
    ...{ name: 's', revision: 3, createdShards: 5, retentionHours: 24, nextShard: 10 },
    // In any order, closed ones among them.
    shards: [closed, ...shards.toReversed()],
  });

  it('finds the open shard whose range has the hash, also for keys seen before', () => {
    fc.assert(
      fc.property(fc.string(), (key) => {
        const hash = hashKeyOf(key);
        const expected = shards.find(({ range }) => hash >= range.start && hash <= range.end)!.key;
        expect(router.keys[router.indexOf(key)]).toBe(expected);
        expect(router.keys[router.indexOf(key)]).toBe(expected);
      }),
    );
  });

  it('groups a batch by shard and keeps the order within each', () => {
    const partitionKeys = Array.from({ length: 50 }, (_, i) => `k${i % 7}`);
    const { keys, args } = encodeBatch({ partitionKeys, data: partitionKeys.map((_, i) => `${i}`), bytes: 0 }, router);
    const seen = new Map<string, number[]>();
    for (let at = 0; at < args.length;) {
      const [index, mode, count] = args.slice(at, at + 3) as [number, string, number];
      expect(mode).toBe('k');
      for (let i = 0; i < count; i++) {
        const [key, data] = args.slice(at + 3 + 2 * i, at + 5 + 2 * i) as [string, string];
        expect(keys[index - 1]).toBe(router.keys[router.indexOf(key)]);
        seen.set(key, [...(seen.get(key) ?? []), Number(data)]);
      }
      at += 3 + 2 * count;
    }
    expect([...seen.values()].flat()).toHaveLength(50);
    for (const numbers of seen.values()) expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  });
});
