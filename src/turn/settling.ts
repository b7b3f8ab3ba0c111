/**
 * The writing side of a turn. Decisions are gathered in a draft, so that what became of one unit and the delivery of the next one are
 * a single settle: the one script call that a batch costs.
 */
import type { Redis } from '../redis/connect.ts';
import type { Output, OutputPlace } from '../output.ts';
import type { EntryId, Unit } from '../record.ts';
import type { WindowFacts } from '../event/window-members.ts';
import type { Keys } from '../redis/keys.ts';
import type { ScriptCaller } from '../redis/scripts.ts';
import type { Shipment } from '../shard/outputs.ts';
import { type SettleCounts, type Settled, settle } from '../shard/settle.ts';
import type { ShardState } from '../shard/state.ts';
import type { Holding } from '../shard/take.ts';
import { closingPiece } from '../unit/windows.ts';
import { SettleBook } from './settle-book.ts';
import type { Decision, GiveUp } from '../unit/types.ts';
import { countsOf, NOTHING, othersOf, recordsIn, sumOf } from './counting.ts';
import type { Gap } from './gap.ts';
import { failurePlace, noticesOf, outboxPlace } from './notices.ts';
import type { Reading } from './reading.ts';
import type { Slice } from './slice.ts';
import type { TurnSettings, TurnShard } from './settings.ts';
import { SettleRefused, type Shipping } from './shipping.ts';
import { waitingHead } from './waiting-head.ts';
import { Windows } from './windows.ts';

/** Nothing was written, because something would have expired by a clock that an operator has stopped since (daemon/pausing.ts). */
export class ShardPaused extends Error {
  constructor() {
    super('the shard was paused');
    this.name = 'ShardPaused';
  }
}

export interface SettlingDeps {
  readonly redis: Redis | ScriptCaller;
  readonly keys: Keys;
  readonly holding: Holding;
  readonly settings: () => TurnSettings;
  readonly shard: TurnShard;
  readonly newId: () => string;
  readonly nowMs: () => number;
  /** Absent where nothing is run, so that there are no outputs. */
  readonly shipping?: Shipping;
  readonly onSettled: (counts: SettleCounts, nowMs: number, checkpointMoved: boolean) => void;
  /** What the lanes of a shard have in common; absent: this is all of the shard. */
  readonly book?: SettleBook;
}

type Head = Pick<
  ShardState,
  'checkpoint' | 'entriesRead' | 'units' | 'generation' | 'notBefore' | 'expiresAt' | 'blocked' | 'why'
>;

export class Settling {
  readonly #deps: SettlingDeps;
  readonly #book: SettleBook;
  #generation: number;
  /** As stored, or as the draft will store it. */
  checkpoint: EntryId;
  entriesRead: number;
  units: readonly Unit[];
  readonly windows: Windows;
  #dirty = false;
  #moved = false;
  #notBefore = 0;
  #expiresAt = 0;
  #blocked = '';
  #result: string | null = null;
  #why: string;
  #done = false;
  #counts = NOTHING;
  #notices: string[] = [];
  /** They are messages, whatever a reload says meanwhile. */
  #toOutbox = false;
  #outputs: readonly Output[] = [];
  /** Where they go, whatever a reload says meanwhile. */
  #outputPlace: OutputPlace = { stream: '' };
  /** As stored: where everything goes back to when a settle is refused. */
  #stored: Head;

  constructor(deps: SettlingDeps, state: ShardState) {
    this.#deps = deps;
    this.#book = deps.book ?? new SettleBook(state);
    this.#generation = state.generation;
    this.checkpoint = state.checkpoint;
    this.entriesRead = state.entriesRead;
    this.units = state.units;
    this.#why = state.why;
    this.#notBefore = state.notBefore;
    this.#expiresAt = state.expiresAt;
    this.#blocked = state.blocked;
    this.windows = new Windows(deps.settings, deps.shard, state);
    this.#stored = this.#head();
  }

  get dirty(): boolean {
    return this.#dirty;
  }

  get expiresAt(): number {
    return this.#expiresAt;
  }

  get notBefore(): number {
    return this.#notBefore;
  }

  /** The shard was paused since it was taken, or let run again: the turn ends with what is in flight. */
  get paused(): boolean {
    return this.#book.paused;
  }

  get done(): boolean {
    return this.#done;
  }

  /**
   * A unit is about to run: its delivery must be durable before it does. `notBefore`: if this delivery ends without an outcome, the next one
   * waits until then.
   */
  deliver(units: readonly Unit[], notBefore: number): void {
    this.#dirty = true;
    this.units = units;
    this.#notBefore = notBefore;
  }

  /** What was to run does not: its delivery never was. */
  undeliver(): void {
    const [head, ...rest] = this.units;
    this.#dirty = true;
    this.#notBefore = 0;
    this.units = [{ ...head!, deliveries: head!.deliveries - 1, lost: head!.lost - 1 }, ...rest];
  }

  /** What the rules decided, after an attempt of the present version (`justRan`) or without one. Decisions with notices are committed by themselves, so that a refused notice refuses nothing else. */
  async apply(decision: Decision, slice: Slice, reading: Reading, justRan = false): Promise<void> {
    if ((decision.giveUps.length > 0 && this.#dirty) || this.#outputs.length > 0) await this.commit();
    // Without a run just now: the version that was tried last, which need not be the present one.
    const tried = (giveUp: GiveUp) =>
      justRan ? null : this.units.find(({ requestId }) => requestId === giveUp.requestId)?.triedVersion;
    const [ran] = this.units;
    const window = ran && (ran.closes || ran.deliveries > 0) ? this.windows.facts(ran) : null;
    const versions = decision.giveUps.map((giveUp) => tried(giveUp) ?? this.#deps.settings().version.hash);
    this.#dirty = true;
    this.#why = '';
    this.#outputs = decision.outputs ?? [];
    this.#outputPlace = this.#deps.settings().output ?? this.#outputPlace;
    this.windows.apply(decision.window, ran);
    // What is of other lanes and lies between the records that are settled now is behind this one.
    const others = othersOf(this.units) - othersOf(decision.stack);
    this.units = decision.stack;
    this.#notBefore = decision.notBefore ?? 0;
    if (decision.lastProcessingResult) this.#result = decision.lastProcessingResult;
    const counts = countsOf(decision);
    this.#count(counts);
    // Records that vanished from within a unit count as read, although the checkpoint stays before the unit: else they are missed again.
    if (decision.checkpoint !== null || counts.lostBySource > 0) {
      this.checkpoint = decision.checkpoint ?? this.checkpoint;
      this.entriesRead += recordsIn(counts) + others;
      this.#moved = true;
    }
    this.#describeHead(slice, reading);
    for (const [i, giveUp] of decision.giveUps.entries()) this.#note(giveUp, versions[i]!, slice, reading, window);
  }

  /** The open window ends: its final invocation comes before anything else. */
  endWindow(early: boolean, nowMs: number): void {
    this.#dirty = true;
    const closes = this.windows.closing(early, nowMs);
    this.units = [closingPiece(closes, this.checkpoint, this.#deps.newId()).unit, ...this.units];
    this.#notBefore = 0;
  }

  /** Records that the filter does not let through, right behind the checkpoint. */
  pass(last: EntryId, count: number, others = 0): void {
    this.#dirty = true;
    this.#moved = true;
    this.checkpoint = last;
    this.entriesRead += count + others;
    this.#count({ ...NOTHING, filtered: count });
  }

  /** When the head expires, if that is later than was thought: the time of a pause does not count. */
  correctExpiry(slice: Slice, reading: Reading): void {
    const [before, blocked] = [this.#expiresAt, this.#blocked];
    this.#describeHead(slice, reading);
    if (this.#expiresAt > Math.max(before, this.#deps.nowMs())) this.#dirty = true;
    else [this.#expiresAt, this.#blocked] = [before, blocked];
  }

  /** The units were made by another filter: their records are read anew, by the present one. */
  dropUnits(): void {
    this.#dirty = true;
    this.units = [];
    this.#notBefore = 0;
    this.#expiresAt = 0;
    this.#blocked = '';
    this.#why = '';
  }

  async applyGap(gap: Gap): Promise<void> {
    if (this.#dirty) await this.commit();
    this.#dirty = true;
    this.#moved = true;
    this.checkpoint = gap.checkpoint;
    this.entriesRead = gap.entriesRead;
    if (gap.newGeneration) this.#generation++;
    this.#count({ ...NOTHING, lostBySource: gap.lost });
    const giveUp: GiveUp = {
      ...{ condition: 'SourceGap', first: gap.first, last: gap.last, count: gap.lost, requestId: this.#deps.newId() },
      ...{ invokeCount: 0, functionError: undefined, error: null },
    };
    this.#note(giveUp, this.#deps.settings().version.hash, null, null, null);
  }

  /** Every record of a closed shard is settled, and its outputs are where they go: who waits for the shard may begin. */
  async finish(): Promise<void> {
    if (this.#outputs.length > 0) await this.commit();
    this.#dirty = true;
    this.#done = true;
  }

  /** What was decided cannot be written because its notice was refused: the unit stays, and says why. */
  hold(units: readonly Unit[], why: string, notBefore: number, slice: Slice, reading: Reading): void {
    this.#dirty = true;
    this.units = units;
    this.#why = why;
    this.#notBefore = notBefore;
    this.#describeHead(slice, reading);
    // What is overdue already is looked at again with the rest.
    if (this.#expiresAt > 0) this.#expiresAt = Math.max(this.#expiresAt, notBefore);
  }

  /** What the head's last run returned cannot be appended: it was as if it had not run, and says why. */
  holdOutput(why: string, notBefore: number): void {
    const [head, ...rest] = this.units;
    this.#dirty = true;
    this.#why = why;
    if (!head) return;
    const lastError = head.lastError ?? { errorType: 'OutputRefused', errorMessage: why };
    const triedVersion = this.#deps.settings().version.hash;
    const blockedSince = head.blockedSince ?? this.#deps.nowMs();
    this.units = [{ ...head, lost: Math.max(head.lost - 1, 0), lastError, triedVersion, blockedSince }, ...rest];
    this.#notBefore = notBefore;
    this.#blocked ||= '{}';
  }

  /**
   * Makes the draft durable. @throws FencedError when the shard changed hands; SettleRefused when nothing was written because the
   * notice or the outputs could not be, ShardPaused when it would have given up records by age: then everything is as it is stored,
   * without the draft.
   */
  async commit(): Promise<void> {
    if (this.#dirty) await this.#book.oneByOne(() => this.#commit());
  }

  async #commit(): Promise<void> {
    const deps = this.#deps;
    const outputs = this.#outputs;
    const output = this.#outputPlace;
    const to = { output, revision: this.#book.revision + 1, generation: this.#generation };
    const reply =
      outputs.length > 0 && deps.shipping
        ? await deps.shipping.settle(outputs, to, (shipment) => this.#settle(shipment))
        : await this.#settle(null);
    if (reply.kind !== 'ok') {
      this.#restore();
      if (reply.kind === 'paused') {
        this.#book.paused = true;
        throw new ShardPaused();
      }
      throw new SettleRefused(reply.kind === 'refused' ? reply.reason : reply.kind);
    }
    this.#book.settled(reply);
    this.windows.settled();
    deps.onSettled(this.#counts, reply.nowMs, this.#moved);
    this.#reset();
    this.#stored = this.#head();
    if (reply.staged) await deps.shipping!.move(output.stream, reply.staged);
  }

  async #settle(shipment: Shipment | null): Promise<Settled> {
    const deps = this.#deps;
    const settled = await settle(
      deps.redis,
      deps.keys,
      {
        ...{ holding: deps.holding, streamKey: deps.shard.key },
        ...(this.#toOutbox ? outboxPlace(deps.keys, deps.holding.shard) : failurePlace(deps.settings())),
      },
      this.#book.compose({
        ...{ revision: this.#book.revision + 1, generation: this.#generation, entriesRead: this.entriesRead },
        ...{ checkpoint: this.#moved ? this.checkpoint : null, units: this.units, notBefore: this.#notBefore },
        ...{ expiresAt: this.#expiresAt, blocked: this.#blocked, lastProcessingResult: this.#result, why: this.#why },
        ...{ done: this.#done, counts: this.#counts, notices: this.#notices },
        ...(this.windows.change && { window: this.windows.change }),
      }),
      shipment,
    );
    return settled.kind === 'ok' && shipment ? { ...settled, staged: shipment.staged } : settled;
  }

  #head(): Head {
    return {
      ...{ checkpoint: this.checkpoint, entriesRead: this.entriesRead, units: this.units },
      generation: this.#generation,
      ...{ notBefore: this.#notBefore, expiresAt: this.#expiresAt, blocked: this.#blocked, why: this.#why },
    };
  }

  #restore(): void {
    this.#reset();
    this.windows.restore();
    const stored = this.#stored;
    this.checkpoint = stored.checkpoint;
    this.entriesRead = stored.entriesRead;
    this.units = stored.units;
    this.#generation = stored.generation;
    this.#notBefore = stored.notBefore;
    this.#expiresAt = stored.expiresAt;
    this.#blocked = stored.blocked;
    this.#why = stored.why;
    this.#done = false;
  }

  #reset(): void {
    this.#dirty = false;
    this.#moved = false;
    this.#result = null;
    this.#counts = NOTHING;
    this.#notices = [];
    this.#toOutbox = false;
    this.#outputs = [];
  }

  #count(more: SettleCounts): void {
    this.#counts = sumOf(this.#counts, more);
  }

  #describeHead(slice: Slice, reading: Reading): void {
    const head = waitingHead(this.#deps.settings().policy, this.units[0], slice, reading);
    this.#expiresAt = head.expiresAt;
    this.#blocked = head.blocked;
  }

  #note(
    giveUp: GiveUp,
    functionVersion: string,
    slice: Slice | null,
    reading: Reading | null,
    window: WindowFacts | null,
  ): void {
    const settings = this.#deps.settings();
    const timestampMs = this.#deps.nowMs();
    const { shard } = this.#deps;
    this.#toOutbox = settings.failureTopic !== undefined;
    this.#notices.push(...noticesOf({ settings, shard, giveUp, functionVersion, timestampMs, slice, reading, window }));
  }
}
