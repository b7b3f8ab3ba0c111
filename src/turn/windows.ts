/** The tumbling window of a shard during a turn: as stored, and as the next settle will store it (docs/windows.md). */
import type { EncodedEvent } from '../event/kinesis.ts';
import { inWindow, type WindowFacts } from '../event/window-members.ts';
import type { Unit } from '../record.ts';
import type { WindowChange } from '../shard/settle.ts';
import type { ShardState } from '../shard/state.ts';
import { type Closing, type Window, WINDOW_FEED_MS, WINDOW_LOOK_AGAIN_MS, type WindowPart } from '../tumbling.ts';
import type { Decision } from '../unit/types.ts';
import { windowOf, windowTime } from '../unit/windows.ts';
import type { TurnSettings, TurnShard } from './settings.ts';

const NO_STATE = '{}';

interface Held {
  readonly newest: Window | null;
  /** JSON text. */
  readonly state: string;
  readonly dueAt: number;
}

export class Windows {
  readonly #settings: () => TurnSettings;
  readonly #shard: TurnShard;
  readonly #feedBehind: boolean;
  #now: Held;
  #stored: Held;
  #dirty = false;

  constructor(settings: () => TurnSettings, shard: TurnShard, { window, feedBehind }: ShardState) {
    this.#settings = settings;
    this.#shard = shard;
    this.#feedBehind = feedBehind;
    this.#stored = window ?? { newest: null, state: NO_STATE, dueAt: 0 };
    this.#now = this.#stored;
  }

  get newest(): Window | null {
    return this.#now.newest;
  }

  get open(): Window | null {
    const { newest } = this.#now;
    return newest?.open ? newest : null;
  }

  /** The clock ends the open window: a read that began at `askedAt` found nothing, so no further record of it is there. */
  isOver(askedAt: number): boolean {
    return this.#now.dueAt > 0 && askedAt >= this.#now.dueAt && !this.#feedBehind;
  }

  /** Redis ms at which somebody should look whether it is over; 0: there is none. */
  lookAt(nowMs: number): number {
    const { dueAt } = this.#now;
    return dueAt > 0 && this.#feedBehind ? Math.max(dueAt, nowMs + WINDOW_LOOK_AGAIN_MS) : dueAt;
  }

  /** The window of a record that is next in the shard; null: the mapping has none. */
  of(arrivalMs: number, nowMs: number): WindowPart | null {
    const { tumblingMs } = this.#settings();
    return tumblingMs === 0 ? null : windowOf(windowTime(arrivalMs, nowMs), tumblingMs, this.#now.newest);
  }

  /** When a batch in this window is complete, whatever its batching window says. */
  completeAt({ end }: WindowPart): number {
    return this.#shard.spooled ? end + WINDOW_FEED_MS : end;
  }

  /** The open window must end before a record of `next` may run, or before anything else when windows were turned off. */
  endsBefore(next: WindowPart | null): boolean {
    const { open } = this;
    return open !== null && (next === null || next.start !== open.start || next.part !== open.part);
  }

  /** A unit that is about to run belongs to this window. */
  enter(part: WindowPart | null): void {
    if (part === null || this.open) return;
    this.#change({ newest: { ...part, open: true, early: false }, state: NO_STATE, dueAt: this.completeAt(part) });
  }

  /** Its final invocation is a unit from now on. */
  closing(early: boolean, at: number): Closing {
    const { start, end, part } = this.open!;
    this.#change({ ...this.#now, dueAt: 0 });
    return { start, end, part, early, at };
  }

  apply(window: Decision['window'], head: Unit | undefined): void {
    const { newest } = this.#now;
    if (window === undefined || !newest) return;
    if (window === 'closed')
      this.#change({
        newest: { ...newest, open: false, early: head?.closes?.early ?? false },
        state: NO_STATE,
        dueAt: 0,
      });
    else this.#change({ ...this.#now, state: window.state });
  }

  /** What a handler gets: the event, with the members of the open window if there is one. */
  event(event: EncodedEvent, unit: Unit): EncodedEvent {
    const facts = this.facts(unit);
    return facts === null ? event : inWindow(event, facts);
  }

  facts({ closes }: { readonly closes?: Closing }): WindowFacts | null {
    const window = closes ?? this.open;
    if (!window) return null;
    return { window, state: this.#now.state, shardId: this.#shard.shardId, arn: this.#settings().arn, closes };
  }

  /** For the settle; absent: nothing changed. */
  get change(): WindowChange | undefined {
    const { newest, state, dueAt } = this.#now;
    if (!this.#dirty || !newest) return undefined;
    return { newest, dueAt, ...(state !== this.#stored.state && { state }) };
  }

  settled(): void {
    this.#stored = this.#now;
    this.#dirty = false;
  }

  restore(): void {
    this.#now = this.#stored;
    this.#dirty = false;
  }

  #change(now: Held): void {
    this.#now = now;
    this.#dirty = true;
  }
}
