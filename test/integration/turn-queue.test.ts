/** The queue of turns on a real BullMQ: no wake is lost, a parked turn comes back, a turn never ends in `failed`. */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentLog } from '../../src/observe/log.ts';
import { openTurnQueue, type TurnQueue } from '../../src/queue/turn-queue.ts';
import { openTurnWorker, type TurnEnd, type TurnLock, type TurnWorker } from '../../src/queue/turn-worker.ts';
import { systemClock } from '../../src/time.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const PREFIX = 't:queue';
let queue: TurnQueue;
let raw: Queue;
let worker: TurnWorker | undefined;
let connections: Redis[] = [];

function connection(): Redis {
  const client = new Redis(redis.url, { maxRetriesPerRequest: null });
  connections.push(client);
  return client;
}

function work(onTurn: (lock: TurnLock) => Promise<TurnEnd>, concurrency = 4, clock = systemClock): void {
  const common = { prefix: PREFIX, mapping: 'm', log: silentLog, clock };
  worker = openTurnWorker({ ...common, connection: connection(), concurrency, onTurn });
}

const until = (what: () => void | Promise<void>, timeout = 10_000) => vi.waitFor(what, { timeout, interval: 10 });

beforeEach(() => {
  queue = openTurnQueue({ connection: connection(), prefix: PREFIX, mapping: 'm', log: silentLog });
  raw = new Queue('m', { connection: connection(), prefix: PREFIX });
});

afterEach(async () => {
  await worker?.close();
  worker = undefined;
  await queue.close();
  await raw.close();
  for (const client of connections) client.disconnect();
  connections = [];
});

describe('wake', () => {
  it('merges wakes of a turn that waits', async () => {
    await queue.wake(['a', 'b', 'a']);
    await queue.wake(['a']);
    expect(await raw.getWaitingCount()).toBe(2);
  });

  it('keeps one wake that comes while the turn runs, for one more turn', async () => {
    let turns = 0;
    let finish = () => {};
    work(async () => {
      turns++;
      if (turns === 1) await new Promise<void>((resolve) => (finish = resolve));
      return { kind: 'finished' };
    });
    await queue.wake(['a']);
    await until(() => expect(turns).toBe(1));
    for (let i = 0; i < 5; i++) await queue.wake(['a']);
    finish();
    await until(() => expect(turns).toBe(2));
    await until(async () =>
      expect(await raw.getJobCounts('wait', 'active', 'delayed')).toEqual({ wait: 0, active: 0, delayed: 0 }),
    );
    expect(turns).toBe(2);
  });

  it('loses none of 3,000 that race with finishes', async () => {
    const SHARDS = 20;
    const wanted = new Map<string, number>();
    const heard = new Map<string, (n: number) => void>();
    work(async (lock) => {
      heard.get(lock.shardId)!(wanted.get(lock.shardId)!);
      return { kind: 'finished' };
    }, SHARDS);
    let answered = 0;
    // Each wake is sent while the turn that heard the one before is finishing, and has to be heard itself before the next one.
    const waker = async (shard: string) => {
      for (let i = 1; i <= 3_000 / SHARDS; i++) {
        const answer = new Promise<void>((resolve) => heard.set(shard, (n) => void (n === i && resolve())));
        wanted.set(shard, i);
        await queue.wake([shard]);
        await answer;
        answered++;
      }
    };
    const all = Promise.all(Array.from({ length: SHARDS }, (_, i) => waker(`s${i}`)));
    await until(() => expect(answered).toBe(3_000), 25_000);
    await all;
  });
});

describe('the ends of a turn', () => {
  it('park: comes again after its delay, not before, and takes no slot meanwhile', async () => {
    const at: [string, number][] = [];
    work(async (lock) => {
      at.push([lock.shardId, performance.now()]);
      const first = at.filter(([shard]) => shard === lock.shardId).length === 1;
      return lock.shardId === 'a' && first ? { kind: 'park', delayMs: 400 } : { kind: 'finished' };
    }, 1);
    await queue.wake(['a']);
    await until(() => expect(at.length).toBe(1));
    await queue.wake(['b']);
    await until(() => expect(at.map(([shard]) => shard)).toEqual(['a', 'b', 'a']));
    expect(at[2]![1] - at[0]![1]).toBeGreaterThanOrEqual(390);
  });

  it('park: a wake is merged with it, promote starts it at once', async () => {
    let turns = 0;
    work(async () => (++turns === 1 ? { kind: 'park', delayMs: 600_000 } : { kind: 'finished' }));
    await queue.wake(['a']);
    await until(async () => expect(await raw.getDelayedCount()).toBe(1));
    await queue.wake(['a']);
    expect(await raw.getJobCounts('wait', 'active', 'delayed')).toEqual({ wait: 0, active: 0, delayed: 1 });
    await queue.promote();
    await until(() => expect(turns).toBe(2));
  });

  it('yield: lets the others go first', async () => {
    const order: string[] = [];
    work(async (lock) => {
      order.push(lock.shardId);
      return lock.shardId === 'a' && order.length === 1 ? { kind: 'yield' } : { kind: 'finished' };
    }, 1);
    await queue.wake(['a', 'b', 'c']);
    await until(() => expect(order.length).toBe(4));
    expect(order.slice().sort()).toEqual(['a', 'a', 'b', 'c']);
    expect(order.indexOf('b')).toBeLessThan(order.lastIndexOf('a'));
  });

  it('a turn that throws is never in `failed`, and comes again', async () => {
    let turns = 0;
    let mostFailed = 0;
    work(async () => {
      mostFailed = Math.max(mostFailed, await raw.getFailedCount());
      if (++turns <= 3) throw new Error('a defect');
      return { kind: 'finished' };
    });
    await queue.wake(['a']);
    await until(() => expect(turns).toBe(4));
    await until(async () =>
      expect(await raw.getJobCounts('wait', 'active', 'delayed')).toEqual({ wait: 0, active: 0, delayed: 0 }),
    );
    expect(Math.max(mostFailed, await raw.getFailedCount())).toBe(0);
  });
});

describe('freeStuck', () => {
  it('frees a parked turn whose set was deleted, so that a wake works again', async () => {
    let turns = 0;
    work(async () => (++turns === 1 ? { kind: 'park', delayMs: 600_000 } : { kind: 'finished' }));
    await queue.wake(['a']);
    await until(async () => expect(await raw.getDelayedCount()).toBe(1));
    await redis.client.del(`${PREFIX}:m:delayed`);
    await queue.wake(['a']);
    expect(await raw.getJobCounts('wait', 'active', 'delayed')).toEqual({ wait: 0, active: 0, delayed: 0 });
    expect(await queue.freeStuck('a')).toBe(true);
    await queue.wake(['a']);
    await until(() => expect(turns).toBe(2));
  });

  it.each(['waiting', 'running', 'parked', 'unknown'])('leaves a turn alone that is %s', async (how) => {
    let running = false;
    let finish = () => {};
    const parked = how === 'parked';
    if (how === 'running' || parked) {
      work(async () => {
        running = true;
        if (!parked) await new Promise<void>((resolve) => (finish = resolve));
        return parked ? { kind: 'park', delayMs: 600_000 } : { kind: 'finished' };
      });
    }
    if (how !== 'unknown') await queue.wake(['a']);
    if (how === 'running') await until(() => expect(running).toBe(true));
    if (parked) await until(async () => expect(await raw.getDelayedCount()).toBe(1));
    expect(await queue.freeStuck('a')).toBe(false);
    finish();
  });
});

describe('the lock of a turn', () => {
  /** What it is taken for after its process stood still for `ms`, before and after it was asked for anew. */
  async function afterStall(ms: number, meanwhile: (lock: TurnLock) => Promise<unknown>): Promise<boolean[]> {
    let stood = 0;
    const seen: boolean[] = [];
    let end = () => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    const onTurn = async (lock: TurnLock): Promise<TurnEnd> => {
      seen.push(lock.held());
      await meanwhile(lock);
      stood = ms;
      seen.push(lock.held());
      await lock.renew();
      seen.push(lock.held());
      end();
      return { kind: 'finished' };
    };
    work(onTurn, 1, { ...systemClock, monoMs: () => systemClock.monoMs() + stood });
    await queue.wake(['a']);
    await ended;
    return seen;
  }

  it('that is still there is got anew before its next renewal', async () => {
    expect(await afterStall(4_600, () => Promise.resolve())).toEqual([true, false, true]);
  });

  it('that another one may have is not', async () => {
    expect(await afterStall(4_600, ({ proof }) => redis.client.del(proof.key))).toEqual([true, false, false]);
  });
});
