/** Random splits and merges beside a plain model of the open ranges; refused steps change nothing. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HASH_MAX, type HashRange } from '../../connectors/redis-stream/hash-range.ts';
import { createStream } from '../../connectors/redis-stream/manage.ts';
import { mergeShards, splitShard } from '../../connectors/redis-stream/reshard.ts';
import { readTopology } from '../../connectors/redis-stream/topology.ts';
import { shardIdOf } from '../../src/record.ts';
import { Keys } from '../../src/redis/keys.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('m');

interface ModelShard {
  readonly range: HashRange;
  readonly parents: readonly number[];
  closed: boolean;
}

const step = fc.oneof(
  fc.record({
    kind: fc.constant('split' as const),
    shard: fc.nat(12),
    at: fc.option(fc.bigInt({ min: 0n, max: HASH_MAX })),
  }),
  fc.record({ kind: fc.constant('merge' as const), shard: fc.nat(12), adjacent: fc.nat(12) }),
);

/** What the step does to the model; false: it has to be refused. */
function apply(model: ModelShard[], one: typeof step extends fc.Arbitrary<infer T> ? T : never): boolean {
  const a = model[one.shard];
  if (!a || a.closed) return false;
  const { start, end } = a.range;
  if (one.kind === 'split') {
    const at = one.at ?? start + (end - start + 1n) / 2n;
    if (at <= start || at > end) return false;
    a.closed = true;
    model.push({ range: { start, end: at - 1n }, parents: [one.shard], closed: false });
    model.push({ range: { start: at, end }, parents: [one.shard], closed: false });
    return true;
  }
  const b = model[one.adjacent];
  if (!b || b.closed) return false;
  const [low, high] = start < b.range.start ? [a, b] : [b, a];
  if (low.range.end + 1n !== high.range.start) return false;
  a.closed = b.closed = true;
  model.push({
    range: { start: low.range.start, end: high.range.end },
    parents: [one.shard, one.adjacent],
    closed: false,
  });
  return true;
}

it('has the same shards as the model, whatever is split and merged', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 25 }), async (shards, steps) => {
      await redis.client.flushall();
      await createStream(redis.client, keys, 's', { shards, retentionHours: 24 });
      const first = (await readTopology(redis.client, keys, 's'))!;
      const model: ModelShard[] = first.shards.map(({ range }) => ({ range, parents: [], closed: false }));
      let changes = 0;
      for (const one of steps) {
        const expected = apply(model, one);
        const [shard, adjacent] = [one.shard, one.kind === 'merge' ? one.adjacent : 0].map(shardIdOf) as [
          string,
          string,
        ];
        const done =
          one.kind === 'split'
            ? splitShard(redis.client, keys, 's', shard, one.at === null ? undefined : `${one.at}`)
            : mergeShards(redis.client, keys, 's', shard, adjacent);
        const outcome = await done.then(
          () => true,
          (error: unknown) => {
            expect(error).toHaveProperty(
              'code',
              expect.stringMatching(/^(shard-not-found|shard-closed|shard-not-adjacent|stream-shape)$/),
            );
            return false;
          },
        );
        expect(outcome).toBe(expected);
        if (expected) changes++;
      }
      const topology = (await readTopology(redis.client, keys, 's'))!;
      expect(topology.revision).toBe(first.revision + changes);
      expect(
        topology.shards.map(({ shardId, range, parents, closed }) => ({ shardId, range, parents, closed })),
      ).toEqual(
        model.map(({ range, parents, closed }, i) => ({
          shardId: shardIdOf(i),
          range,
          parents: parents.map(shardIdOf),
          closed,
        })),
      );
      for (const { key, closed } of topology.shards) {
        const written = await redis.client.xadd(key, 'NOMKSTREAM', '*', 'data', 'x').then(Boolean, () => false);
        expect(written).toBe(!closed);
      }
    }),
    { numRuns: 60 },
  );
});
