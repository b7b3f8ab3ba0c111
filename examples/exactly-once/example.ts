/** Orders through three stages, while daemons are killed; the archive is then counted: each order once, in order, and the sum exact. */
import { readTopology } from '../../connectors/redis-stream/topology.ts';
import { connectRedis, type Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { fillStream } from '../fill-stream.ts';
import type { Example, OpenExample, Verdict } from '../run-example.ts';
import { killedDaemon } from './killed-daemon.ts';
import { CENTS_PER_PIECE, type Order, type Total } from './stages.ts';

const CUSTOMERS = 20;
const ORDERS = 2_000;
/** A daemon is killed when so many orders are enriched; then the next one. */
const KILLS_AT = [300, 700];

export const exactlyOnce: Example = {
  about: 'three stages, whose outputs are there once and in order after kills',
  open,
};

function open(): Promise<OpenExample> {
  const orders = Array.from({ length: ORDERS }, (_, n): Order => {
    return { customer: `c${n % CUSTOMERS}`, number: Math.floor(n / CUSTOMERS) + 1, pieces: (n % 9) + 1 };
  });
  const records = orders.map((order) => ({ key: order.customer, data: order }));
  return Promise.resolve({
    prepare: async (url, keys) => {
      await fillStream(url, keys, { stream: 'orders', shards: 4, records, further: ['enriched', 'totals', 'archive'] });
      await killSome(url, keys);
    },
    judge: async (redis, keys) =>
      judge(orders, await readEntries(redis, keys, 'enriched'), await readEntries(redis, keys, 'archive')),
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

interface Entry {
  readonly origin: string;
  readonly data: string;
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

function judge(orders: readonly Order[], enriched: readonly Entry[], archive: readonly Entry[]): Verdict {
  const wrong: string[] = [];
  if (enriched.length !== orders.length) wrong.push(`${enriched.length} orders are enriched, not ${orders.length}.`);
  for (const entries of [enriched, archive]) {
    const doubled = entries.length - new Set(entries.map(({ origin }) => origin)).size;
    if (doubled > 0) wrong.push(`${doubled} outputs are there twice.`);
  }
  const last = new Map<string, number>();
  let cents = 0;
  for (const { data } of archive) {
    const total = JSON.parse(data) as Total;
    const before = last.get(total.customer) ?? 0;
    if (total.from !== before + 1) wrong.push(`${total.customer}: order ${total.from} comes after order ${before}.`);
    last.set(total.customer, total.to);
    cents += total.cents;
  }
  const each = ORDERS / CUSTOMERS;
  for (const { customer } of orders.slice(0, CUSTOMERS)) {
    if (last.get(customer) !== each) wrong.push(`${customer}: the last order is ${last.get(customer)}, not ${each}.`);
  }
  const expected = orders.reduce((sum, { pieces }) => sum + pieces * CENTS_PER_PIECE, 0);
  if (cents !== expected) wrong.push(`the totals sum up to ${cents} cents, not ${expected}.`);
  const lines = [
    '  archive',
    `    orders    ${enriched.length} of ${orders.length} enriched, in ${archive.length} totals of ${last.size} customers`,
    `    sum       ${cents} of ${expected} cents, after ${KILLS_AT.length} kills`,
  ];
  return { lines, wrong };
}
