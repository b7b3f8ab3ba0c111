/** The safety net: looks at every shard in turn, by script, whatever signal was lost before. Says what it saw; the poller acts. */
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { type ShardView, sweepShards } from '../shard/sweep.ts';
import type { PolledShard } from './polled-shard.ts';
import { sweepPlan } from './sweep-plan.ts';

export interface Sweep {
  readonly nowMs: number;
  readonly seen: readonly { readonly polled: PolledShard; readonly view: ShardView }[];
  /** Those without state. */
  readonly lost: readonly PolledShard[];
  /** The last of a round: every shard has been looked at. */
  readonly roundEnded: boolean;
}

export class Sweeper {
  readonly #redis: Redis;
  readonly #keys: Keys;
  #cursor = 0;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** The next few; shards that were never looked at come first, so that a start or a take-over of watches does not wait for the round. */
  async next(shards: readonly PolledShard[]): Promise<Sweep> {
    const { perCall } = sweepPlan(shards.length);
    const unknown = shards.filter((polled) => polled.state === 'unknown');
    const roundEnded = this.#cursor >= shards.length;
    if (roundEnded) this.#cursor = 0;
    const some = unknown.length > 0 ? unknown.slice(0, perCall) : shards.slice(this.#cursor, this.#cursor + perCall);
    if (unknown.length === 0) this.#cursor += perCall;
    const refs = some.map(({ mapping, shard }) => ({ mapping: mapping.name, shardId: shard.shardId, key: shard.key }));
    const { nowMs, views } = await sweepShards(this.#redis, this.#keys, refs);
    const seen = some.flatMap((polled, i) => (views[i] ? [{ polled, view: views[i] }] : []));
    return { nowMs, seen, lost: some.filter((_, i) => !views[i]), roundEnded };
  }
}
