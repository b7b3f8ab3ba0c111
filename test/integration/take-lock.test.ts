/** A take that comes late, from a process that stood still between looking at its lock and sending: it takes nothing from anybody. */
import { describe, expect, test } from 'vitest';
import { openTurnQueue } from '../../src/queue/turn-queue.ts';
import { openTurnWorker, type TurnLock } from '../../src/queue/turn-worker.ts';
import { BEFORE_ALL } from '../../src/record.ts';
import { Keys } from '../../src/redis/keys.ts';
import { silentLog } from '../../src/observe/log.ts';
import { initShard } from '../../src/shard/init.ts';
import { takeShard } from '../../src/shard/take.ts';
import { systemClock } from '../../src/time.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const keys = new Keys('t');
const shard = { mapping: 'm', shardId: 'shardId-000000000000' };
const begin = () =>
  initShard(redis.client, keys, 'm', {
    ...{ shardId: shard.shardId, key: 's', parents: [], checkpoint: BEFORE_ALL, entriesRead: 0 },
  });
const take = (owner: string, token: string) =>
  takeShard(redis.client, keys, shard, { owner, parents: [], mode: 'turn', lock: { key: 'lock', token } });

describe('a take with a lock', () => {
  test.each([
    ['another’s by now', 'second'],
    ['nobody’s any more', null],
  ])('that is %s leaves the shard as it is', async (_name, holds) => {
    await begin();
    if (holds !== null) await redis.client.set('lock', holds);
    await redis.client.hset(keys.shard('m', shard.shardId), { owner: 'two', epoch: '5', nonce: 'n' });
    const before = await redis.client.hgetall(keys.shard('m', shard.shardId));
    expect(await take('one', 'first')).toEqual({ kind: 'superseded' });
    expect(await redis.client.hgetall(keys.shard('m', shard.shardId))).toEqual(before);
  });

  test('that is the taker’s own takes it', async () => {
    await begin();
    await redis.client.set('lock', 'first');
    expect(await take('one', 'first')).toMatchObject({ kind: 'ok' });
    expect(await redis.client.hget(keys.shard('m', shard.shardId), 'owner')).toBe('one');
  });
});

test('a turn’s proof is what the queue keeps while the turn is at work', async () => {
  const options = { prefix: keys.queuePrefix(), mapping: 'm', log: silentLog };
  const queue = openTurnQueue({ connection: redis.client, ...options });
  const { promise: kept, resolve } = Promise.withResolvers<readonly [string | null, string]>();
  const onTurn = async ({ proof }: TurnLock) => {
    resolve([await redis.client.get(proof.key), proof.token]);
    return { kind: 'finished' as const };
  };
  const connection = redis.client.duplicate({ maxRetriesPerRequest: null });
  const worker = openTurnWorker({ connection, ...options, concurrency: 1, clock: systemClock, onTurn });
  try {
    await queue.wake([shard.shardId]);
    const [stored, token] = await kept;
    expect(stored).toBe(token);
  } finally {
    await worker.close();
    await queue.close();
    connection.disconnect();
  }
});
