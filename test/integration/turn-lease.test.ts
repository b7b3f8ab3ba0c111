/** May a request go out? What the lease of a turn answers, and that nothing of the question is left when it has. */
import { expect, test } from 'vitest';
import { LEASE_CONFIRM_MS } from '../../src/limits.ts';
import { Keys } from '../../src/redis/keys.ts';
import type { Holding } from '../../src/shard/take.ts';
import { systemClock } from '../../src/time.ts';
import { leaseOf } from '../../src/turn/lease.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('t');
const holding = { shard: { mapping: 'm', shardId: 's' }, epoch: '0000000000000001', nonce: 'n' } as Holding;
const LOCK = { shardId: 's', held: () => true, renew: () => Promise.resolve(), proof: { key: 'k', token: 't' } };
let waits: (AbortSignal | undefined)[] = [];
const clock = {
  ...systemClock,
  sleep: (ms: number, signal?: AbortSignal) => {
    waits.push(signal);
    return systemClock.sleep(ms, signal);
  },
};

test('yes while epoch and nonce stand, no when another has them, no when Redis does not say; and no timer stays', async () => {
  const lease = leaseOf({ redis: redis.client, keys, clock }, LOCK, holding);
  const state = keys.shard('m', 's');
  waits = [];
  expect(await lease.confirm()).toBe(false);
  await redis.client.hset(state, { epoch: holding.epoch, nonce: 'n' });
  expect(await lease.confirm()).toBe(true);
  await redis.client.hset(state, { nonce: 'other' });
  expect(await lease.confirm()).toBe(false);
  await redis.client.hset(state, { epoch: '0000000000000002', nonce: 'n' });
  expect(await lease.confirm()).toBe(false);
  expect(waits.map((signal) => signal?.aborted)).toEqual([true, true, true, true]);

  await redis.client.hset(state, { epoch: holding.epoch });
  const paused = redis.client.duplicate();
  await paused.client('PAUSE', 2 * LEASE_CONFIRM_MS, 'ALL');
  paused.disconnect();
  expect(await lease.confirm()).toBe(false);
  await redis.client.ping();
  expect(await lease.confirm()).toBe(true);
});

test('yes where the answer came while this process stood still for longer than it waits', async () => {
  const lease = leaseOf({ redis: redis.client, keys, clock }, LOCK, holding);
  await redis.client.hset(keys.shard('m', 's'), { epoch: holding.epoch, nonce: 'n' });
  const answer = lease.confirm();
  const until = performance.now() + LEASE_CONFIRM_MS + 200;
  while (performance.now() < until);
  expect(await answer).toBe(true);
});
