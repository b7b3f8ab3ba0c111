/** Two of the examples behind streams: a daemon as users start it, with examples/handlers/millrace.yaml, a Redis, and a shop to charge. */
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { Keys } from '../../src/redis/keys.ts';
import { toSequenceNumber } from '../../src/record.ts';
import { eventually, startTestDaemon, TEST_CACHE } from '../support/daemon.ts';
import { add, type Notice } from '../support/engine.ts';
import { EXAMPLES, INSTALL_MS, installExamples } from '../support/example-packages.ts';
import { useHttpServer } from '../support/http-server.ts';
import { useRedis } from '../support/redis.ts';

beforeAll(installExamples, INSTALL_MS);
const redis = useRedis();
const kept = new Map<string, string>();
const shop = useHttpServer(({ method, path: at, headers, body }) => {
  if (at === '/charges') return { status: 200, body: '{"receipt":"r"}' };
  const there = kept.get(at);
  if (method === 'GET') return there === undefined ? { status: 404 } : { status: 200, body: there };
  if (headers['if-none-match'] === '*' && there !== undefined) return { status: 412 };
  kept.set(at, body.toString());
  return { status: 204 };
});

const keys = new Keys('millrace');
const state = (mapping: string) => redis.client.hgetall(keys.shard(mapping, 'shardId-000000000000'));
const texts = (records: readonly object[]) => records.map((record) => JSON.stringify(record));

function start() {
  const env = { REDIS_URL: redis.url, SHOP: shop.host, MILLRACE_CACHE: TEST_CACHE };
  return startTestDaemon({ config: path.join(EXAMPLES, 'millrace.yaml'), env });
}

test('Powertools batch: the record that fails is given up alone, with a notice; all others are booked', async () => {
  const payments = ['a', 'b', 'c', 'd'].map((id) => ({ id, cents: id === 'c' ? 'much' : 5 }));
  const ids = await add(redis.client, 'payments', texts(payments));
  const daemon = start();
  await eventually(
    () => state('payments'),
    (shard) => shard['cp'] === ids.at(-1),
    { what: 'all payments settled', withinMs: 60_000 },
  );
  expect(await state('payments')).toMatchObject({ 'n:succeeded': '3', 'n:givenUp': '1' });
  const [[, fields] = [], ...others] = await redis.client.xrange(keys.failures('payments'), '-', '+');
  expect(others).toEqual([]);
  const notice = JSON.parse(fields![1]!) as Notice;
  expect(notice.KinesisBatchInfo).toMatchObject({ batchSize: 1, startSequenceNumber: toSequenceNumber(ids[2]!) });
  const booked = () => daemon.lines.filter((line) => line.msg.startsWith('booked')).map((line) => line.msg);
  await expect.poll(() => new Set(booked()), { timeout: 5_000 }).toEqual(new Set(['booked a', 'booked b', 'booked d']));
});

test('Powertools idempotency: an order that is in the stream three times is charged once, by requests that name their shard', async () => {
  const ids = await add(redis.client, 'orders', texts(['x', 'y', 'x', 'z', 'x'].map((id) => ({ id, cents: 1 }))));
  start();
  await eventually(
    () => state('orders'),
    (shard) => shard['cp'] === ids.at(-1),
    { what: 'all orders settled', withinMs: 60_000 },
  );
  const charges = shop.asked.filter((one) => one.path === '/charges');
  expect(charges.map(({ body }) => (JSON.parse(body.toString()) as { id: string }).id)).toEqual(['x', 'y', 'z']);
  expect(charges[0]!.headers).toMatchObject({
    'x-millrace-mapping': 'orders',
    'x-millrace-shard': 'shardId-000000000000',
    'x-millrace-epoch': expect.stringMatching(/^\d{16}$/) as string,
  });
});
