/** What each shard of a mapping has settled and has behind it, looked at over and over. */
import { shardIdOf } from '../../src/record.ts';
import { type Lab, sleep } from './lab.ts';

export interface Look {
  readonly atMs: number;
  /** By shard: records that have succeeded, and records of the stream that have not. */
  readonly done: readonly number[];
  readonly behind: readonly number[];
}

export interface ShardWatch {
  readonly looks: readonly Look[];
  /** The first look from now on that is so. */
  next(enough: (look: Look) => boolean, what: string): Promise<Look>;
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 10;
const STUCK_MS = 60_000;

/** Of a mapping that has read its stream from the beginning; nothing is trimmed meanwhile. */
export function watchShards(lab: Lab, mapping: string, streamKeys: readonly string[]): ShardWatch {
  const looks: Look[] = [];
  let stopped = false;
  const look = async (): Promise<Look> => {
    const pipeline = lab.redis.pipeline();
    for (const [n, key] of streamKeys.entries()) {
      // In this order: what is done by the second was there by the first only then.
      pipeline.hget(lab.keys.shard(mapping, shardIdOf(n)), 'n:succeeded').xlen(key);
    }
    const values = ((await pipeline.exec()) ?? []).map(([error, value]) => {
      if (error) throw error;
      return Number(value ?? 0);
    });
    const done = streamKeys.map((_, n) => values[2 * n]!);
    return { atMs: performance.now(), done, behind: done.map((count, n) => values[2 * n + 1]! - count) };
  };
  const watching = (async () => {
    for (; !stopped; await sleep(LOOK_EVERY_MS)) looks.push(await look());
  })();
  // Whoever waits for a look, or for the end, is told.
  watching.catch(() => undefined);
  return {
    looks,
    async next(enough, what) {
      const end = performance.now() + STUCK_MS;
      for (let at = looks.length; performance.now() < end;) {
        for (; at < looks.length; at++) if (enough(looks[at]!)) return looks[at]!;
        await Promise.race([sleep(LOOK_EVERY_MS), watching]);
      }
      throw new Error(`${what}: not within ${STUCK_MS} ms`);
    },
    async stop() {
      stopped = true;
      await watching;
    },
  };
}

/** By shard: the longest time without a record settled that reaches into the time from `fromMs` to `toMs`. */
export function longestPauses(looks: readonly Look[], fromMs: number, toMs: number): number[] {
  return (looks[0]?.done ?? []).map((_, shard) => {
    let longest = 0;
    let movedMs = looks[0]!.atMs;
    let had = looks[0]!.done[shard]!;
    for (const { atMs, done } of looks) {
      if (done[shard] === had) continue;
      if (atMs > fromMs && movedMs < toMs) longest = Math.max(longest, atMs - movedMs);
      [movedMs, had] = [atMs, done[shard]!];
    }
    return longest;
  });
}

/** Records per second while what is behind at `fromMs` falls to a tenth; NaN where it does not. */
export function drainRate(looks: readonly Look[], fromMs: number): number {
  const sum = (counts: readonly number[]) => counts.reduce((all, one) => all + one, 0);
  const from = looks.find(({ atMs }) => atMs >= fromMs);
  if (from === undefined) return Number.NaN;
  const most = sum(from.behind) / 10;
  const to = looks.find(({ atMs, behind }) => atMs > from.atMs && sum(behind) <= most);
  return to === undefined ? Number.NaN : ((sum(to.done) - sum(from.done)) / (to.atMs - from.atMs)) * 1_000;
}
