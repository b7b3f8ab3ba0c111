/** A turn's lock over a network on which each answer takes nearly 2 s: it is known to hold without a gap, because it is renewed soon, and from the last sending on. */
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { LOCK_MS } from '../../src/limits.ts';
import { silentLog } from '../../src/observe/log.ts';
import { openTurnQueue } from '../../src/queue/turn-queue.ts';
import { openTurnWorker, type TurnLock } from '../../src/queue/turn-worker.ts';
import { Keys } from '../../src/redis/keys.ts';
import { systemClock } from '../../src/time.ts';
import { pause } from '../chaos/lab/lab.ts';
import { openLink } from '../chaos/lab/link.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
/** Renewed 1.5 s after each answer, the lock was not known to hold for 0.4 s of each term; now it is known 1.1 s before that: so much a full machine may take. */
const ONE_WAY_MS = 850;

test('held from the start of a turn until it ends', { timeout: 60_000 }, async () => {
  const link = await openLink(redis.server.port);
  const slow = new Redis(link.port, '127.0.0.1', { maxRetriesPerRequest: null });
  const options = { prefix: new Keys('t').queuePrefix(), mapping: 'm', log: silentLog };
  const queue = openTurnQueue({ connection: redis.client, ...options });
  const { promise: ended, resolve } = Promise.withResolvers<readonly boolean[]>();
  const onTurn = async (lock: TurnLock) => {
    const held: boolean[] = [];
    // The first term ends meanwhile.
    for (const until = performance.now() + LOCK_MS; performance.now() < until; await pause(25)) held.push(lock.held());
    resolve(held);
    return { kind: 'finished' as const };
  };
  const worker = openTurnWorker({ connection: slow, ...options, concurrency: 1, clock: systemClock, onTurn });
  try {
    await slow.ping();
    link.delay('up', ONE_WAY_MS);
    link.delay('down', ONE_WAY_MS);
    await queue.wake(['shardId-000000000000']);
    const held = await ended;
    expect(held.length).toBeGreaterThan(20);
    expect(held).not.toContain(false);
  } finally {
    await link.heal();
    await worker.close();
    await queue.close();
    slow.disconnect();
    await link.close();
  }
});
