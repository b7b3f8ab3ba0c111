/**
 * Sees to it that shards with notices to be redriven have a turn: in every poller, a look at them each second. Nothing depends on who looks,
 * or how often: a wake for a turn that waits, runs or is parked is merged with it.
 */
import { messageOf } from '../errors.ts';
import { REDRIVE_LOOK_MS } from '../failure-limits.ts';
import { redriveLineOf } from '../redrive-line.ts';
import { TURN_LOST_MS, TURN_OVERDUE_MS } from '../limits.ts';
import type { Log } from '../observe/log.ts';
import type { TurnQueue } from '../queue/turn-queue.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import type { Clock } from '../time.ts';
import { every, type Repeating } from '../watch/every.ts';

export interface RedrivingDeps {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
  /** Served ones. */
  readonly mappings: () => readonly { readonly name: string; readonly queue: TurnQueue }[];
}

interface Late {
  readonly epoch: string;
  /** Local ms. */
  readonly since: number;
}

export class Redriving {
  readonly #deps: RedrivingDeps;
  readonly #loop: Repeating;
  /** Redrives whose turn is due, by their key, and since when nobody has taken them. */
  #late = new Map<string, Late>();

  constructor(deps: RedrivingDeps) {
    this.#deps = deps;
    const failed = (error: unknown) => deps.log.warn({ error: messageOf(error) }, 'redrives interrupted, they go on');
    this.#loop = every(
      deps.clock,
      () => REDRIVE_LOOK_MS,
      () => this.#look(),
      failed,
    );
  }

  close(): Promise<void> {
    return this.#loop.stop();
  }

  async #look(): Promise<void> {
    const { redis, keys, mappings } = this.#deps;
    const wanted = new Set(await redis.smembers(keys.redrives()));
    const late = new Map<string, Late>();
    for (const mapping of mappings()) {
      if (!wanted.has(mapping.name)) continue;
      const shardIds = await redis.smembers(keys.redriveShards(mapping.name));
      for (const shardId of shardIds) await this.#wake(mapping, shardId, late);
    }
    this.#late = late;
  }

  async #wake({ name, queue }: { name: string; queue: TurnQueue }, shardId: string, late: Map<string, Late>) {
    const { redis, keys, clock, log } = this.#deps;
    const line = redriveLineOf(shardId);
    const key = keys.shard(name, line);
    const [[epoch, notBefore], [seconds]] = await Promise.all([redis.hmget(key, 'epoch', 'nb'), redis.time()]);
    if (Number(notBefore) > Number(seconds) * 1_000) return;
    await queue.wake([line]);
    const before = this.#late.get(key);
    const now = before && before.epoch === epoch ? before : { epoch: epoch ?? '', since: clock.monoMs() };
    late.set(key, now);
    const lateMs = clock.monoMs() - now.since;
    if (lateMs < TURN_OVERDUE_MS) return;
    // Taken by nobody since: its time was that of a clock that was wrong, or its job is in no set any more. A long attempt is neither.
    if (lateMs > TURN_LOST_MS && (await queue.freeStuck(line)))
      log.warn({ mapping: name, shard: line }, 'a lost turn was freed');
    await queue.hurry(line);
  }
}
