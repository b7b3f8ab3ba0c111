/**
 * What the lanes of a shard store together: each settle of a lane writes where all of them stand, and the lowest position is the shard's
 * checkpoint. Settles come one behind another; a lane's settle holds of the others what they have stored, never what they are about to.
 */
import { LANE_AHEAD_RECORDS_MAX } from '../lane-limits.ts';
import { type LaneState, lowestOf } from '../lanes.ts';
import { compareIds, type EntryId, type Unit } from '../record.ts';
import type { Settlement } from '../shard/settle.ts';
import type { ShardState } from '../shard/state.ts';
import { SettleBook, type Written } from './settle-book.ts';

export interface StoredLane extends LaneState {
  readonly units: readonly Unit[];
}

export class LaneBook extends SettleBook {
  lanes: readonly StoredLane[];
  #checkpoint: EntryId;
  #next: readonly StoredLane[] | null = null;
  #last: Promise<void> = Promise.resolve();

  /** `factor`: of lanes that begin now; those that are stored stay as many as they are. */
  constructor(state: ShardState, factor: number) {
    super(state);
    this.#checkpoint = state.checkpoint;
    const { lanes } = state.lanes ?? { lanes: Array.from({ length: factor }, () => ({ ...laneAt(state) })) };
    this.lanes = lanes.map((lane, i) => ({
      ...lane,
      units: state.units.filter((unit) => unit.lane === i),
    }));
  }

  override async oneByOne(work: () => Promise<void>): Promise<void> {
    const mine = this.#last.then(work);
    // The next one comes whatever became of this one, which says so to its own lane.
    this.#last = mine.catch(() => undefined);
    await mine;
  }

  /** What settles a part of the shard sees: `compose` makes its settlement one of the whole. */
  seat(compose: (settlement: Settlement) => Settlement): SettleBook {
    return new Seat(this, compose);
  }

  /** What lane `index` settles, as a settlement of the shard. */
  together(index: number, s: Settlement): Settlement {
    const before = this.lanes[index]!;
    const moved = s.checkpoint === null ? before : { checkpoint: s.checkpoint, entriesRead: s.entriesRead };
    const lane: StoredLane = {
      ...{ checkpoint: moved.checkpoint, entriesRead: moved.entriesRead, settledAt: before.settledAt },
      ...{ notBefore: s.notBefore, expiresAt: s.expiresAt, blocked: s.blocked, why: s.why, done: s.done },
      units: s.units.map((unit) => (unit.lane === index ? unit : { ...unit, lane: index })),
    };
    return this.replaced(
      this.lanes.map((other, i) => (i === index ? lane : other)),
      s,
    );
  }

  /** The shard with these lanes. */
  replaced(lanes: readonly StoredLane[], s: Settlement): Settlement {
    this.#next = lanes;
    const low = lowestOf(lanes);
    const waiting = inOrder(lanes.filter(({ units }) => units.length > 0));
    return {
      ...s,
      ...{ checkpoint: low.checkpoint === this.#checkpoint ? null : low.checkpoint, entriesRead: low.entriesRead },
      units: waiting.flatMap(({ units }) => units),
      notBefore: waiting.length === 0 ? 0 : Math.min(...waiting.map(({ notBefore }) => notBefore)),
      expiresAt: firstExpiry(lanes),
      blocked: waiting.find(({ blocked }) => blocked !== '')?.blocked ?? '',
      why: lanes.find(({ why }) => why !== '')?.why ?? '',
      done: lanes.every(({ done }) => done),
      lanes: { lanes: lanes.map(({ units: _units, ...lane }) => lane) },
      freeFrom: freeFrom(lanes),
    };
  }

  override settled(reply: Written): void {
    super.settled(reply);
    this.#written(reply.nowMs);
  }

  #written(nowMs: number): void {
    const before = this.lanes;
    if (!this.#next) return;
    this.lanes = this.#next.map((lane, i) =>
      lane.checkpoint === before[i]!.checkpoint ? lane : { ...lane, settledAt: nowMs },
    );
    this.#next = null;
    this.#checkpoint = lowestOf(this.lanes).checkpoint;
  }
}

/** Settles of one lane, or of all lanes at once. The revision and whether an operator paused the shard are the whole shard's. */
class Seat extends SettleBook {
  readonly #book: LaneBook;
  readonly #compose: (settlement: Settlement) => Settlement;

  constructor(book: LaneBook, compose: (settlement: Settlement) => Settlement) {
    super(book);
    this.#book = book;
    this.#compose = compose;
  }

  override async oneByOne(work: () => Promise<void>): Promise<void> {
    await this.#book.oneByOne(async () => {
      this.revision = this.#book.revision;
      try {
        await work();
      } finally {
        if (this.paused) this.#book.paused = true;
      }
    });
  }

  override compose(settlement: Settlement): Settlement {
    return this.#compose(settlement);
  }

  override settled(reply: Written): void {
    this.#book.settled(reply);
    super.settled({ ...reply, paused: this.#book.paused });
  }
}

function laneAt(state: ShardState): LaneState {
  const { checkpoint, entriesRead, settledAt } = state;
  return { checkpoint, entriesRead, settledAt, notBefore: 0, expiresAt: 0, blocked: '', why: '', done: false };
}

/** Redis ms; 0: nothing of them expires. */
export function firstExpiry(lanes: readonly Pick<LaneState, 'expiresAt'>[]): number {
  const expiries = lanes.map(({ expiresAt }) => expiresAt).filter((at) => at > 0);
  return expiries.length === 0 ? 0 : Math.min(...expiries);
}

/** Blocked ones first, then by position: `status` shows the head of the shard. */
function inOrder(lanes: readonly StoredLane[]): StoredLane[] {
  const rank = ({ units }: StoredLane) => (units[0]!.blockedSince === null ? 1 : 0);
  return [...lanes].sort((a, b) => rank(a) - rank(b) || compareIds(a.units[0]!.first, b.units[0]!.first));
}

/** Lanes that may take up records behind their position, as far as that depends on the others. */
export function isFree(lane: StoredLane, lanes: readonly StoredLane[]): boolean {
  return (
    !lane.done && lane.units.length === 0 && lane.entriesRead - lowestOf(lanes).entriesRead < LANE_AHEAD_RECORDS_MAX
  );
}

function freeFrom(lanes: readonly StoredLane[]): EntryId | '' {
  const free = lanes.filter((lane) => isFree(lane, lanes));
  return free.length === 0 ? '' : lowestOf(free).checkpoint;
}
