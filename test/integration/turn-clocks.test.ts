/** The queue of turns where wall clocks are wrong: when a turn is due, and how long its lock lasts, is Redis' to say. */
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { silentLog } from '../../src/observe/log.ts';
import { openTurnQueue, type TurnQueue } from '../../src/queue/turn-queue.ts';
import { openTurnWorker, type TurnEnd, type TurnLock, type TurnWorker } from '../../src/queue/turn-worker.ts';
import { HOUR, systemClock } from '../../src/time.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const PREFIX = 't:clocks';
const PARKED_MS = 300;
let queue: TurnQueue;
let worker: TurnWorker | undefined;
let connections: Redis[] = [];
let aheadMs = 0;

function connection(): Redis {
  const client = new Redis(redis.url, { maxRetriesPerRequest: null });
  connections.push(client);
  return client;
}

function work(onTurn: (lock: TurnLock) => Promise<TurnEnd>): void {
  const common = { prefix: PREFIX, mapping: 'm', log: silentLog, clock: systemClock };
  worker = openTurnWorker({ ...common, connection: connection(), concurrency: 1, onTurn });
}

const scriptCalls = async (): Promise<number> =>
  Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.client.info('commandstats'))?.[1] ?? 0);

const until = (what: () => void) => vi.waitFor(what, { timeout: 5_000, interval: 10 });

beforeEach(() => {
  const real = Date.now;
  aheadMs = 0;
  vi.spyOn(Date, 'now').mockImplementation(() => real() + aheadMs);
  queue = openTurnQueue({ connection: connection(), prefix: PREFIX, mapping: 'm', log: silentLog });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await worker?.close();
  worker = undefined;
  await queue.close();
  for (const client of connections) client.disconnect();
  connections = [];
});

/** Before the turn is parked, and after: as if another host fetched it, or this one's clock was set. */
it.each([
  ['is right', 0, 0],
  ['was ahead and is set right', HOUR, 0],
  ['is set back', 0, -25 * HOUR],
  ['is set forth', 0, 25 * HOUR],
  ['is behind', -HOUR, -HOUR],
  ['is ahead', HOUR, HOUR],
])(
  'a parked turn comes when it is due, not before, and nobody asks for it without end: the clock %s',
  async (_, before, after) => {
    const at: number[] = [];
    aheadMs = before;
    work(async () => {
      at.push(performance.now());
      if (at.length > 1) return { kind: 'finished' };
      // Once it is parked.
      setTimeout(() => (aheadMs = after), 100);
      return { kind: 'park', delayMs: PARKED_MS };
    });
    await queue.wake(['a']);
    await until(() => expect(at.length).toBe(1));
    const calls = await scriptCalls();
    await until(() => expect(at.length).toBe(2));
    expect(at[1]! - at[0]!).toBeGreaterThanOrEqual(PARKED_MS - 2);
    expect((await scriptCalls()) - calls).toBeLessThan(15);
  },
);

it('a lock is known from when it was asked for, also where the turn before it threw', async () => {
  const turns: string[] = [];
  work(async (lock) => {
    expect(lock.held()).toBe(true);
    turns.push(lock.shardId);
    if (turns.length <= 2) throw new Error('a defect');
    return { kind: 'finished' };
  });
  await queue.wake(['a', 'b', 'c']);
  await until(() => expect(turns).toHaveLength(5));
  expect(turns.slice(0, 3)).toEqual(['a', 'b', 'c']);
});

it('a lock is held for as long as Redis keeps it, whatever the clock says between fetch and turn', async () => {
  const held: boolean[] = [];
  // Each reading an hour after the one before.
  vi.spyOn(Date, 'now').mockImplementation(() => (aheadMs += HOUR));
  work(async (lock) => {
    held.push(lock.held());
    return { kind: 'finished' };
  });
  await queue.wake(['a']);
  await until(() => expect(held).toEqual([true]));
});
