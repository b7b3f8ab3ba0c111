/** A Redis with both kinds of data in sharded streams, long enough for every system. */
import { readFlights } from '../../examples/flights/fill.ts';
import { type Lab, openLab, record200 } from '../support/lab.ts';
import type { Data, Terms } from './types.ts';

export const SHARDS = 8;
export const STREAM: Readonly<Record<Data, string>> = { '200-byte JSON': 'records', flights: 'flights' };
/** Different records; then they come again. */
const DIFFERENT = 1_000;
export interface RedisPlace {
  readonly lab: Lab;
  /** Keys of the shards, in order. */
  readonly keys: Readonly<Record<Data, readonly string[]>>;
}

export async function openRedisPlace({ perShard }: Terms): Promise<RedisPlace> {
  const lab = await openLab();
  // A rewrite of the log that falls into one system's stretch would be its loss.
  await lab.redis.config('SET', 'auto-aof-rewrite-percentage', 0);
  const flights = (await readFlights()).slice(0, DIFFERENT).map((flight, id) => JSON.stringify({ id, ...flight }));
  const records = Array.from({ length: DIFFERENT }, (_, n) => record200(0, n));
  const fill = (stream: string, texts: readonly string[]): Promise<string[]> =>
    lab.createFilled(stream, SHARDS, () => ({ texts, count: perShard }));
  const keys = { '200-byte JSON': await fill('records', records), flights: await fill('flights', flights) };
  return { lab, keys };
}
