/** Orders through three stages, while daemons are killed; the archive is then counted: each order once, in order, and the sum exact. */
import { readTopology } from '../../connectors/redis-stream/topology.ts';
import { connectRedis, type Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { fillStream } from '../fill-stream.ts';
import type { Example, OpenExample } from '../run-example.ts';
import { type Entry, judgeStages } from './judge.ts';
import { killedDaemon } from './killed-daemon.ts';
import { ORDERS, ordersOfCustomers } from './orders.ts';

/** A daemon is killed when so many orders are enriched; then the next one. */
const KILLS_AT = [300, 700];

export const exactlyOnce: Example = {
  about: 'three stages, whose outputs are there once and in order after kills',
  open,
};

function open(): Promise<OpenExample> {
  const orders = ordersOfCustomers();
  const records = orders.map((order) => ({ key: order.customer, data: order }));
  return Promise.resolve({
    prepare: async (url, keys) => {
      await fillStream(url, keys, { stream: 'orders', shards: 4, records, further: ['enriched', 'totals', 'archive'] });
      await killSome(url, keys);
    },
    judge: async (redis, keys) => {
      const enriched = await readEntries(redis, keys, 'enriched');
      const archive = await readEntries(redis, keys, 'archive');
      return judgeStages(orders, { enriched, archive, kills: KILLS_AT.length });
    },
  });
}

async function killSome(url: string, keys: Keys): Promise<void> {
  const redis = await connectRedis(url, { role: 'demo' });
  try {
    for (const count of KILLS_AT) {
      await killedDaemon(url, async () => (await readEntries(redis, keys, 'enriched')).length >= count);
      const archived = await readEntries(redis, keys, 'archive');
      const enriched = await readEntries(redis, keys, 'enriched');
      console.log(
        `Killed a daemon: ${enriched.length} of ${ORDERS} orders are enriched, ${archived.length} totals archived.`,
      );
    }
  } finally {
    redis.disconnect();
  }
}

/** Shard after shard: a customer is in one of them. */
async function readEntries(redis: Redis, keys: Keys, stream: string): Promise<Entry[]> {
  const topology = await readTopology(redis, keys, stream);
  const entries: Entry[] = [];
  for (const { shardId } of topology!.shards) {
    for (const [, fields] of await redis.xrange(keys.streamShard(stream, shardId), '-', '+')) {
      const at = (name: string) => fields[fields.indexOf(name) + 1]!;
      entries.push({ origin: at('origin'), data: at('data') });
    }
  }
  return entries;
}
