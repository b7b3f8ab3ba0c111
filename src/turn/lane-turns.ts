/**
 * A turn of a shard that has lanes: each lane does what a turn without lanes does (turn.ts), all of them beside one another. What they settle
 * comes one behind another (lane-book.ts), and the shard is handed back once, when all of them have ended.
 */
import { LANE_LOOK_MS } from '../lane-limits.ts';
import { highestOf } from '../lanes.ts';
import { QUANTUM_MS } from '../limits.ts';
import type { TurnEnd, TurnLock } from '../queue/turn-worker.ts';
import type { EntryId } from '../record.ts';
import type { ShardState } from '../shard/state.ts';
import type { Taken } from '../shard/take.ts';
import type { Attempted } from './attempt.ts';
import type { TurnDeps } from './deps.ts';
import type { Gap } from './gap.ts';
import { isFree, LaneBook } from './lane-book.ts';
import { LaneEnding } from './lane-ending.ts';
import { laneSettings } from './lane-filter.ts';
import type { HandBack, TurnMapping, TurnSettings, TurnShard } from './settings.ts';
import { sharedReads } from './shared-reads.ts';
import { SettleRefused, Shipping } from './shipping.ts';
import { spoolReader } from './spool-reader.ts';
import { Turn } from './turn.ts';

type Held = Extract<Taken, { kind: 'ok' }>;
type RunUnits = (turn: Turn) => Promise<TurnEnd>;

/** Lanes begin when nothing is left of a time without them, and go on being as many as they are until they are level. */
export function hasLanes(mapping: TurnMapping, { lanes, units, window }: ShardState): boolean {
  return lanes !== null || (mapping.settings().laneCount > 1 && units.length === 0 && !window?.newest.open);
}

export async function runLanes(
  deps: TurnDeps,
  mapping: TurnMapping,
  shard: TurnShard,
  lock: TurnLock,
  taken: Held,
  runUnits: RunUnits,
): Promise<TurnEnd> {
  const { redis, keys, clock } = deps;
  const targetOf = (stream: string) => mapping.outputTo(stream, shard.shardId);
  await new Shipping({ redis, keys, holding: taken.holding, targetOf }).finish(taken.state);
  const book = new LaneBook(taken.state, mapping.settings().laneCount);
  const ending = new LaneEnding({ deps, mapping, shard, taken, book });
  const lanes = new Lanes(deps, book, ending, clock.monoMs() + QUANTUM_MS);
  const reader = sharedReads(shard.spooled ? spoolReader(deps.reader) : deps.reader);
  // Another factor is laid out when the lanes are level: none reads beyond the one that is furthest.
  const upTo = ending.relays ? highestOf(book.lanes).checkpoint : undefined;
  const turns = book.lanes.map(
    (_, i) => new Turn(deps, mapping, shard, lock, lanes.takenBy(i, taken), lanes.seat(i, reader, upTo)),
  );
  await lanes.run(turns, runUnits);
  return await ending.conclude(lanes.backs, lanes.gap);
}

class Lanes {
  readonly #deps: TurnDeps;
  readonly #book: LaneBook;
  readonly #ending: LaneEnding;
  readonly #endsAt: number;
  /** When the attempt began that the lane is at; 0: it is at none. */
  readonly #since: number[];
  /** Of each lane. */
  readonly #settings: ((settings: TurnSettings) => TurnSettings)[];
  #working = 0;
  #failed = false;
  readonly backs: (HandBack | null)[];
  gap: Gap | null = null;

  constructor(deps: TurnDeps, book: LaneBook, ending: LaneEnding, endsAt: number) {
    this.#deps = deps;
    this.#book = book;
    this.#ending = ending;
    this.#settings = book.lanes.map((_, index) => laneSettings({ index, factor: book.lanes.length }));
    this.#endsAt = endsAt;
    this.#since = book.lanes.map(() => 0);
    this.backs = book.lanes.map(() => null);
  }

  /** The state of the shard as lane `index` has it. */
  takenBy(index: number, taken: Held): Held {
    return { ...taken, state: { ...taken.state, ...this.#book.lanes[index]! } };
  }

  seat(index: number, reader: ReturnType<typeof sharedReads>, upTo: EntryId | undefined) {
    return {
      ...{ book: this.#book.seat((s) => this.#book.together(index, s)), reader, upTo },
      settings: this.#settings[index]!,
      isOver: () => this.#isOver(index),
      attempts: (running: Promise<Attempted>) => this.#attempts(index, running),
      gap: (gap: Gap) => void (this.gap = gap),
      ended: (back: HandBack) => void (this.backs[index] = back),
    };
  }

  async #attempts(index: number, running: Promise<Attempted>): Promise<Attempted> {
    this.#since[index] = this.#deps.clock.monoMs();
    try {
      return await running;
    } finally {
      this.#since[index] = 0;
    }
  }

  /** A lane does not wait for another one's long attempt: the turn goes on until those have ended that began within its quantum. */
  #isOver(index: number): boolean {
    if (this.#mustEnd()) return true;
    if (this.#deps.clock.monoMs() < this.#endsAt) return false;
    return !this.#since.some((since, i) => i !== index && since > 0 && since < this.#endsAt);
  }

  #mustEnd(): boolean {
    return this.#failed || this.gap !== null || this.#book.paused || this.#deps.draining();
  }

  /** @throws what the first lane threw, after all have ended */
  async run(turns: readonly Turn[], runUnits: RunUnits): Promise<void> {
    const ends = await Promise.allSettled(turns.map((turn, i) => this.#lane(turn, i, runUnits)));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  async #lane(turn: Turn, index: number, runUnits: RunUnits): Promise<void> {
    for (;;) {
      if (this.#mayRun(index)) {
        this.#working++;
        try {
          await this.#runOnce(turn, runUnits);
        } catch (error) {
          this.#failed = true;
          throw error;
        } finally {
          this.#working--;
        }
        // With nobody at work nothing comes that this lane could do in this turn.
        if (this.backs[index]?.state === 'queued' || this.#working === 0) return;
      }
      // Others are at work: there may be something to do again before they have ended.
      await this.#deps.clock.sleep(LANE_LOOK_MS);
      if (this.#working === 0 || this.#isOver(index)) return;
    }
  }

  async #runOnce(turn: Turn, runUnits: RunUnits): Promise<void> {
    try {
      await runUnits(turn);
    } catch (error) {
      if (!(error instanceof SettleRefused)) throw error;
      await turn.refused(error);
    }
  }

  #mayRun(index: number): boolean {
    const lane = this.#book.lanes[index]!;
    const back = this.backs[index];
    if (back?.state === 'parked') return this.#ending.nowMs() >= back.until;
    if (back?.state === 'done') return false;
    return lane.units.length > 0 || isFree(lane, this.#book.lanes);
  }
}
