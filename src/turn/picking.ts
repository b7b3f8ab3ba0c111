/**
 * What a turn takes up when no unit of its shard is left from before: the next batch, once it is due, or the end of the open tumbling
 * window. What needs no run on the way is settled: gaps, and records that the filter does not let through.
 */
import { randomUUID } from 'node:crypto';
import type { Log } from '../observe/log.ts';
import type { EntryId } from '../record.ts';
import type { WindowPart } from '../tumbling.ts';
import { startUnit } from '../unit/pieces.ts';
import type { Gap } from './gap.ts';
import type { Linger } from './linger.ts';
import type { Next } from './reading-types.ts';
import type { Reading } from './reading.ts';
import type { HandBack, TurnSettings } from './settings.ts';
import type { Settling } from './settling.ts';
import { lastLooked, type Slice } from './slice.ts';

export interface PickingDeps {
  readonly log: Pick<Log, 'warn'>;
  readonly settings: () => TurnSettings;
  readonly reading: Reading;
  readonly settling: Settling;
  readonly linger: Linger;
  /** Redis ms of the last settle that moved the checkpoint. */
  readonly settledAt: () => number;
  readonly nowMs: () => number;
  /** With lanes a gap is a matter of all of them. */
  readonly onGap?: (gap: Gap) => void;
}

export class Picking {
  readonly #deps: PickingDeps;
  /** The slice that a fresh unit was made of, so that it is not read again. */
  fresh: Slice | null = null;
  /** Redis ms at which the batch may run; a full one at once (esm-semantics.md §1.4: the window opens after the previous invocation). */
  dueAt = 0;
  gathered: HandBack['gathered'];
  /** Records passed over that are not settled yet. */
  #passing: { readonly last: EntryId; readonly count: number; readonly others: number } | null = null;

  constructor(deps: PickingDeps) {
    this.#deps = deps;
  }

  /** 'next': something was settled on the way, look again. Null: there is nothing to run now. */
  async next(): Promise<Slice | 'next' | null> {
    const { reading, settling, nowMs } = this.#deps;
    const { windowMs: window, tumblingMs } = this.#deps.settings();
    // It was turned off.
    if (tumblingMs === 0 && settling.windows.open) return this.#endWindow();
    const passing = this.#passing;
    reading.moveTo(
      passing?.last ?? settling.checkpoint,
      settling.entriesRead + (passing ? passing.count + passing.others : 0),
    );
    // With a window the moment of the last settle decides when the next batch is due, so it cannot wait to be written with it.
    if (!reading.ready || window > 0) await settling.commit();
    // Whoever finds nothing by a read after the window's end has seen all of it.
    const askedAt = reading.ready ? 0 : nowMs();
    const next = await this.#nextSoon(window === 0);
    if (next.kind === 'passed') {
      const others = next.others + (passing?.others ?? 0);
      this.#passing = { last: next.last, count: next.count + (passing?.count ?? 0), others };
      if (window === 0) this.pass();
      return next.atEnd && settling.windows.isOver(askedAt) ? this.#endWindow() : 'next';
    }
    const dueAt = next.kind === 'slice' ? this.#batchDueAt(next.slice, window) : 0;
    // A window runs from the last settle on: to settle what is passed over before it would prolong it.
    if (dueAt <= nowMs()) this.pass();
    if (next.kind === 'gap') {
      if (this.#deps.onGap) {
        this.#deps.onGap(next.gap);
        return null;
      }
      this.#deps.log.warn({ ...next.gap }, 'the source lost records before they were read');
      await settling.applyGap(next.gap);
      await settling.commit();
      return 'next';
    }
    if (next.kind === 'end') {
      if (next.sealed ? settling.windows.open : settling.windows.isOver(askedAt)) return this.#endWindow();
      if (next.sealed) await settling.finish();
      return null;
    }
    return this.#begin(next.slice, dueAt);
  }

  /** Settles what was passed over. */
  pass(): void {
    if (this.#passing) this.#deps.settling.pass(this.#passing.last, this.#passing.count, this.#passing.others);
    this.#passing = null;
  }

  windowOf({ records }: Slice): WindowPart | null {
    return this.#deps.settling.windows.of(records[0]!.arrivalMs, this.#deps.nowMs());
  }

  #begin(slice: Slice, dueAt: number): Slice | 'next' | null {
    const { settling, linger, settledAt, nowMs } = this.#deps;
    if (settling.windows.endsBefore(this.windowOf(slice))) return this.#endWindow();
    this.dueAt = dueAt;
    if (dueAt > nowMs()) {
      this.gathered = { after: lastLooked(slice), records: slice.records.length, eventBytes: slice.event.bytes };
      return null;
    }
    linger.unit(slice.records[0]!.arrivalMs - settledAt());
    settling.entriesRead = slice.entriesReadBefore;
    settling.units = [startUnit(slice.records, randomUUID(), slice.filterId)];
    this.fresh = slice;
    return slice;
  }

  /** Its final invocation comes next; what was read ahead is read again behind it. */
  #endWindow(): 'next' {
    const { settling } = this.#deps;
    const nowMs = this.#deps.nowMs();
    settling.endWindow(nowMs < settling.windows.open!.end, nowMs);
    return 'next';
  }

  async #nextSoon(lingers: boolean): Promise<Next> {
    const { reading, settling, linger } = this.#deps;
    for (;;) {
      const next = await reading.next();
      if (next.kind !== 'end' || next.sealed || !lingers) return next;
      await settling.commit();
      if (!(await linger.again())) return next;
    }
  }

  #batchDueAt(slice: Slice, windowMs: number): number {
    if (windowMs === 0 || slice.moreBehind || slice.records.length >= this.#deps.settings().batchSize) return 0;
    const tumbling = this.windowOf(slice);
    const completeAt = tumbling ? this.#deps.settling.windows.completeAt(tumbling) : Infinity;
    return Math.min(Math.max(this.#deps.settledAt(), slice.records[0]!.arrivalMs) + windowMs, completeAt);
  }
}
