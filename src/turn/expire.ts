/**
 * Expiry without a turn: what is overdue on a shard that nobody runs is given up at its time, whether or not an executor has a slot
 * (contract.md, "Failure notices"). Takes the shard like a turn does, so that it cannot meet one.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from '../redis/connect.ts';
import { QUANTUM_MS, REFUSED_PAUSE_MS } from '../limits.ts';
import type { Log } from '../observe/log.ts';
import type { Keys } from '../redis/keys.ts';
import type { RangeReader } from '../redis/reader.ts';
import type { SettleCounts } from '../shard/settle.ts';
import { markArrivals } from '../shard/sweep.ts';
import type { ShardState } from '../shard/state.ts';
import { releaseShard, takeShard } from '../shard/take.ts';
import { type Clock, RedisTime } from '../time.ts';
import { ShardLanes } from './expire-lanes.ts';
import { type Expiring, expireSome, type Left, type Standing } from './expire-some.ts';
import type { LaneActDeps, LanePart } from './lane-parts.ts';
import { Reading } from './reading.ts';
import type { HandBack, TurnMapping, TurnSettings, TurnShard } from './settings.ts';
import { Settling, ShardPaused } from './settling.ts';
import { SettleRefused } from './shipping.ts';

export interface ExpireDeps {
  readonly daemonId: string;
  readonly redis: Redis;
  readonly reader: RangeReader;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
  readonly onSettled: (mapping: string, counts: SettleCounts) => void;
}

/** Where the shard stands afterwards; null when somebody alive has it, who will see to it. `deadOwner`: a daemon that is known to be gone. */
export async function expireShard(
  deps: ExpireDeps,
  mapping: TurnMapping,
  shard: TurnShard,
  deadOwner: string,
): Promise<HandBack | null> {
  const { redis, keys, clock } = deps;
  const ref = { mapping: mapping.name, shardId: shard.shardId };
  const owner = deps.daemonId;
  const taken = await takeShard(redis, keys, ref, { owner, parents: shard.parents, mode: 'idle', deadOwner });
  if (taken.kind !== 'ok') return null;
  const time = new RedisTime(clock, taken.nowMs);
  const nowMs = () => time.nowMs();
  const settings = () => mapping.settings();
  const { state, holding } = taken;
  const mark = () => markArrivals(redis, keys, ref, shard.key);
  const onSettled = (counts: SettleCounts) => deps.onSettled(mapping.name, counts);
  const act = { redis, keys, holding, log: deps.log.child(ref), reader: deps.reader, nowMs, mark, onSettled };
  const expiring =
    state.lanes === null ? new WholeShard(act, settings, shard, state) : new ShardLanes(act, settings, shard, state);
  let left: Left;
  try {
    left = await expiring.run(nowMs() + QUANTUM_MS);
  } catch (error) {
    if (error instanceof SettleRefused) {
      const what = 'a failure notice cannot be written; nothing is given up without it';
      deps.log.error({ ...ref, reason: error.message }, what);
      left = { more: true, nextAt: nowMs() + REFUSED_PAUSE_MS };
    } else if (error instanceof ShardPaused) left = { more: true, nextAt: 0 };
    else {
      // Whatever it was: nobody may find the shard owned by somebody who does nothing with it.
      await releaseShard(redis, keys, holding, {
        ...ref,
        ...expiring.stands({ more: true, nextAt: 0 }),
        state: 'queued',
        until: 0,
      });
      throw error;
    }
  }
  const handBack = { ...ref, ...expiring.stands(left) };
  await releaseShard(redis, keys, holding, handBack);
  return handBack;
}

/** Without lanes. */
class WholeShard implements Expiring {
  readonly #part: LanePart;
  readonly #nowMs: () => number;
  readonly #settledAt: number;

  constructor(deps: LaneActDeps, settings: () => TurnSettings, shard: TurnShard, state: ShardState) {
    const newestWindowEnd = () => state.window?.newest.end ?? 0;
    const reading = new Reading({ ...deps, newestWindowEnd }, settings, shard, state);
    const settling = new Settling({ ...deps, shard, settings, newId: randomUUID }, state);
    this.#part = { settings, reading, settling };
    this.#nowMs = deps.nowMs;
    this.#settledAt = state.settledAt;
  }

  run(endsAt: number): Promise<Left> {
    return expireSome(this.#part, this.#nowMs, endsAt);
  }

  stands({ more, nextAt }: Left): Standing {
    const { settling } = this.#part;
    const nowMs = this.#nowMs();
    const waits = settling.units.length > 0 && settling.notBefore > nowMs;
    return {
      ...{ state: waits ? 'parked' : more ? 'queued' : 'watch', checkpoint: settling.checkpoint },
      ...{ dueAt: 0, until: waits ? settling.notBefore : 0, settledAt: this.#settledAt },
      expiresAt: nextAt > 0 ? nextAt : settling.expiresAt,
      windowDueAt: settling.windows.lookAt(nowMs),
    };
  }
}
