/** Records by the million, put into a shard by Redis itself: faster than any client, and the same texts again and again. */
import type { Redis } from 'ioredis';

/** Of one script: Redis does nothing else meanwhile. */
const PIECE = 20_000;

const ADD = `local texts = #ARGV - 2
for n = 0, ARGV[2] - 1 do redis.call('XADD', KEYS[1], '*', 'partitionKey', ARGV[1], 'data', ARGV[3 + n % texts]) end`;

export async function fillShard(
  redis: Redis,
  key: string,
  partitionKey: string,
  texts: readonly string[],
  count: number,
): Promise<void> {
  for (let left = count; left > 0; left -= PIECE)
    await redis.eval(ADD, 1, key, partitionKey, Math.min(left, PIECE), ...texts);
}
