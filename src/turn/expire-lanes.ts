/** Expiry without a turn where the shard has lanes: each lane gives up what is overdue of it, and the others stay where they are. */
import { lowestOf } from '../lanes.ts';
import type { ShardState } from '../shard/state.ts';
import { type Expiring, expireSome, type Left, type Standing } from './expire-some.ts';
import { firstExpiry, isFree, LaneBook } from './lane-book.ts';
import { type LaneActDeps, laneReader, partOf } from './lane-parts.ts';
import type { TurnSettings, TurnShard } from './settings.ts';

export class ShardLanes implements Expiring {
  readonly #deps: LaneActDeps;
  readonly #settings: () => TurnSettings;
  readonly #shard: TurnShard;
  readonly #state: ShardState;
  readonly #book: LaneBook;
  /** Lanes that have unread records, as far as they were looked at. */
  readonly #more = new Set<number>();

  constructor(deps: LaneActDeps, settings: () => TurnSettings, shard: TurnShard, state: ShardState) {
    this.#deps = { ...deps, reader: laneReader(deps.reader, shard) };
    this.#settings = settings;
    this.#shard = shard;
    this.#state = state;
    this.#book = new LaneBook(state, state.lanes!.lanes.length);
  }

  async run(endsAt: number): Promise<Left> {
    const { nowMs } = this.#deps;
    const nexts: number[] = [];
    for (const index of this.#book.lanes.keys()) {
      const part = partOf(this.#deps, this.#book, index, this.#settings, this.#shard, this.#state);
      const { more, nextAt } = await expireSome(part, nowMs, endsAt);
      if (more && part.settling.units.length === 0) this.#more.add(index);
      if (nextAt > 0) nexts.push(nextAt);
    }
    const first = firstExpiry(this.#book.lanes);
    if (first > 0) nexts.push(first);
    return { more: this.#more.size > 0, nextAt: nexts.length > 0 ? Math.min(...nexts) : 0 };
  }

  stands({ more, nextAt }: Left): Standing {
    const { lanes } = this.#book;
    const low = lowestOf(lanes);
    const waiting = lanes.filter(({ units }) => units.length > 0).map(({ notBefore }) => notBefore);
    const until = waiting.length > 0 ? Math.min(...waiting) : 0;
    const common = { settledAt: low.settledAt, checkpoint: low.checkpoint, dueAt: 0, windowDueAt: 0, until: 0 };
    const expiresAt = nextAt > 0 ? nextAt : firstExpiry(lanes);
    if (more || (waiting.length > 0 && until <= this.#deps.nowMs())) return { ...common, expiresAt, state: 'queued' };
    const free = lanes.filter((lane) => isFree(lane, lanes));
    if (waiting.length > 0 && free.length === 0) return { ...common, expiresAt, state: 'parked', until };
    // Watched for what comes for the lanes that are free; looked at again when the first of the others may run.
    const { checkpoint } = lowestOf(free.length > 0 ? free : lanes);
    return { ...common, expiresAt, state: 'watch', checkpoint, windowDueAt: until };
  }
}
