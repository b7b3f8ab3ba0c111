/** The end of a turn with lanes: what concerns all of them is settled, and the shard is handed back. */
import { randomUUID } from 'node:crypto';
import { highestOf, lowestOf } from '../lanes.ts';
import type { TurnEnd } from '../queue/turn-worker.ts';
import { compareIds } from '../record.ts';
import type { Settlement } from '../shard/settle.ts';
import { releaseShard, type Taken } from '../shard/take.ts';
import { RedisTime } from '../time.ts';
import type { TurnDeps } from './deps.ts';
import type { Gap } from './gap.ts';
import { firstExpiry, isFree, type LaneBook } from './lane-book.ts';
import { isFreeOf, settleGap } from './lane-gap.ts';
import type { HandBack, TurnMapping, TurnShard } from './settings.ts';
import { Settling } from './settling.ts';

export interface LaneEndingDeps {
  readonly deps: TurnDeps;
  readonly mapping: TurnMapping;
  readonly shard: TurnShard;
  readonly taken: Extract<Taken, { kind: 'ok' }>;
  readonly book: LaneBook;
}

export class LaneEnding {
  readonly #it: LaneEndingDeps;
  readonly #redisTime: RedisTime;

  constructor(it: LaneEndingDeps) {
    this.#it = it;
    this.#redisTime = new RedisTime(it.deps.clock, it.taken.nowMs);
  }

  nowMs(): number {
    return this.#redisTime.nowMs();
  }

  /** Lanes are stored, and the mapping wants another number of them. */
  get relays(): boolean {
    const { taken, mapping } = this.#it;
    const { lanes } = taken.state;
    return lanes !== null && lanes.lanes.length !== mapping.settings().laneCount;
  }

  async conclude(backs: readonly (HandBack | null)[], gap: Gap | null): Promise<TurnEnd> {
    if (gap !== null && isFreeOf(this.#it.book.lanes, gap)) {
      await settleGap(this.#it.book, gap, (compose) => this.#settling(compose));
      return await this.#again();
    }
    // A lane that saw the end of what it may read has nothing below the highest position.
    const seen = backs.every((back) => back?.state === 'watch' || back?.state === 'done');
    if (this.relays && seen && gap === null) {
      await this.#dropLanes();
      return await this.#again();
    }
    if (backs.some((back) => back?.state === 'queued')) return await this.#again();
    if (this.#it.book.lanes.every(({ done }) => done)) {
      await this.#release('done', {});
      return { kind: 'finished' };
    }
    return await this.#wait(backs, gap);
  }

  async #dropLanes(): Promise<void> {
    const { checkpoint, entriesRead } = highestOf(this.#it.book.lanes);
    const settling = this.#settling((s) => ({ ...s, checkpoint, entriesRead, units: [], lanes: null }));
    settling.dropUnits();
    await settling.commit();
  }

  #settling(compose: (s: Settlement) => Settlement): Settling {
    const { deps, mapping, shard, taken, book } = this.#it;
    const low = lowestOf(book.lanes);
    return new Settling(
      {
        ...{ redis: deps.settleBy, keys: deps.keys, holding: taken.holding, shard, settings: () => mapping.settings() },
        ...{ nowMs: () => this.nowMs(), newId: randomUUID, book: book.seat(compose) },
        onSettled: (counts) => deps.observe.settled(mapping.name, counts),
      },
      { ...taken.state, ...low, units: [] },
    );
  }

  async #again(): Promise<TurnEnd> {
    await this.#release('queued', {});
    return { kind: 'yield' };
  }

  /** Some lanes wait for their next attempt; as long as others are free, the shard is watched for what comes for them. */
  async #wait(backs: readonly (HandBack | null)[], gap: Gap | null): Promise<TurnEnd> {
    const { lanes } = this.#it.book;
    const dues = backs.flatMap((back) => (back?.state === 'parked' ? [back.until] : []));
    const waits = lanes.flatMap((lane, i) => (backs[i] === null && lane.units.length > 0 ? [lane.notBefore] : []));
    const until = Math.min(...dues, ...waits);
    const open = backs.filter((back) => back?.state === 'watch' && back.dueAt > 0);
    const free = lanes.filter((lane) => isFree(lane, lanes));
    if (Number.isFinite(until) && (free.length === 0 || this.relays || gap !== null)) {
      await this.#release('parked', { until });
      return { kind: 'park', delayMs: Math.max(0, until - this.nowMs()) };
    }
    const dueAt = open.length > 0 ? Math.min(...open.map((back) => back!.dueAt)) : 0;
    if (Number.isFinite(until)) {
      const windowDueAt = dueAt > 0 ? Math.min(until, dueAt) : until;
      const furthest = open.map((back) => back!.gathered?.after ?? back!.checkpoint);
      const from = [lowestOf(free).checkpoint, ...furthest].reduce((a, b) => (compareIds(a, b) < 0 ? b : a));
      await this.#release('watch', { windowDueAt, checkpoint: from });
      return { kind: 'finished' };
    }
    const most = open.map((back) => back!.gathered).sort((a, b) => (b?.records ?? 0) - (a?.records ?? 0))[0];
    await this.#release('watch', { dueAt, ...(most && { gathered: most }) });
    return { kind: 'finished' };
  }

  async #release(state: HandBack['state'], more: Partial<HandBack>): Promise<void> {
    const { deps, mapping, shard, taken, book } = this.#it;
    const low = lowestOf(book.lanes);
    const back: HandBack = {
      ...{ mapping: mapping.name, shardId: shard.shardId, state, checkpoint: low.checkpoint, settledAt: low.settledAt },
      ...{ until: 0, dueAt: 0, windowDueAt: 0, expiresAt: firstExpiry(book.lanes) },
      ...more,
    };
    await releaseShard(deps.redis, deps.keys, taken.holding, back);
  }
}
