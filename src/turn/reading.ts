/**
 * The reading side of a turn: slices of records for fresh units, read ahead while a unit runs, and the records of a unit that is
 * read again by its bounds. Every read comes with the facts of the stream, so that a loss between two reads is noticed (P2).
 */
import { EVENT_BYTES_MAX, READ_AHEAD_RECORDS, READ_FIRST_RECORDS } from '../limits.ts';
import { AFTER_ALL, compareIds, type EntryId, previousId, type Unit } from '../record.ts';
import { NO_RECORDS, type RawBatch } from '../redis/reader-batch.ts';
import type { RangeReader } from '../redis/reader.ts';
import { type EventFormat, eventFormat, kinesisFormat } from '../event/format.ts';
import type { EncodedEvent } from '../event/kinesis.ts';
import { spooledArrival, spooledKey } from '../event/parts.ts';
import { entriesIn, passedIn } from '../unit/pieces.ts';
import type { RecordTime } from '../unit/types.ts';
import { closingRecord, endOfWindow, windowTime, withinWindow } from '../unit/windows.ts';
import type { Closing } from '../tumbling.ts';
import { type Ageing, notRewound, withAges } from '../ageing.ts';
import { arrivalMs, idIsTime } from '../arrival.ts';
import { findGap, type Position } from './gap.ts';
import { formatOptions, recordBytesMax } from './format-options.ts';
import { type ActiveFilter, type Batch, moreBehind, scannedIn, type SiftedBatch, streamBefore } from './gathering.ts';
import { activeFilter } from './lane-filter.ts';
import type { Next, ReadFrom, ReadingDeps } from './reading-types.ts';
import type { TurnSettings, TurnShard } from './settings.ts';
import { Sieve } from './sieve.ts';
import type { Slice } from './slice.ts';
import { SpoolLacks, spoolReader } from './spool-reader.ts';

const NO_TIMES = 'ids of this stream are no times: its records count as having arrived when they were first seen';

export class Reading {
  readonly #deps: ReadingDeps;
  readonly #reader: Pick<RangeReader, 'readAfter'>;
  readonly #settingsNow: () => TurnSettings;
  readonly #shard: TurnShard;
  readonly #sieve: Sieve;
  #framed: {
    readonly settings: TurnSettings;
    readonly format: EventFormat;
    readonly filter: ActiveFilter | null;
  } | null = null;
  #at: Position;
  #marks: readonly (readonly [EntryId, number])[];
  #ageing: Ageing | null;
  #batch: Batch | null = null;
  /** First record of #batch that was not handed out. */
  #index = 0;
  #ahead: Promise<Batch> | null = null;
  #moves = 0;
  /** Records that the next read asks for, before they are made whole batches. */
  #readNext = READ_FIRST_RECORDS;
  /** The next slice, made while a unit runs. */
  #prepared: Promise<Next> | null = null;
  /** End of the window of the newest slice that was made; 0: none since the last move. */
  #windowEnd = 0;
  /** Where the slices that were handed out end; #at may be further on by the prepared one. */
  #handedOut: { readonly after: EntryId; readonly entriesRead: number };

  constructor(
    deps: ReadingDeps,
    settings: () => TurnSettings,
    shard: TurnShard,
    { checkpoint: after, entriesRead, seenAdded, seenLast, marks, ageing }: ReadFrom,
  ) {
    this.#deps = deps;
    this.#reader = shard.spooled && !deps.unpacked ? spoolReader(deps.reader) : deps.reader;
    this.#settingsNow = settings;
    this.#shard = shard;
    this.#at = { after, entriesRead, seenAdded, seenLast };
    this.#marks = marks;
    this.#ageing = ageing;
    this.#handedOut = this.#at;
    const lost = (place: { after: EntryId; entriesRead: number }, stream: RawBatch['stream']) =>
      !shard.spooled && findGap({ ...this.#at, ...place }, stream) !== null;
    this.#sieve = new Sieve(this.#reader, shard.key, lost);
  }

  get #settings(): TurnSettings {
    return this.#settingsNow();
  }

  /** Goes on after a gap or a unit that was read by its bounds; what was read ahead of another position is dropped. */
  moveTo(after: EntryId, entriesRead: number): void {
    if (after === this.#handedOut.after && entriesRead === this.#handedOut.entriesRead) return;
    this.#at = { ...this.#at, after, entriesRead };
    this.#handedOut = this.#at;
    this.#batch = null;
    this.#ahead = null;
    this.#prepared = null;
    this.#windowEnd = 0;
    this.#moves++;
  }

  /** A slice that was being made ahead of a position that was left meanwhile must not touch the new one. */
  #notMovedSince(moves: number): void {
    if (moves !== this.#moves) throw new Error('read ahead of a position that was left');
  }

  /** True when the next slice needs no new read. */
  get ready(): boolean {
    return this.#prepared !== null || this.#ahead !== null || (this.#batch !== null && this.#index < this.#batch.count);
  }

  /** While a unit runs: makes the next slice, when the last read promised one. Read and encoded ahead, never started. */
  prepare(): void {
    if (this.#prepared || !this.#batch) return;
    if (this.#index >= this.#batch.count && !moreBehind(this.#batch)) return;
    this.#prepared = this.#makeNext();
    // Whoever takes it sees the failure; until then it is nobody's.
    this.#prepared.catch(() => undefined);
  }

  /** The next batch of records, at most `batchSize` and EVENT_BYTES_MAX; or a gap before them; or the end. */
  async next(): Promise<Next> {
    const prepared = this.#prepared ?? this.#makeNext();
    this.#prepared = null;
    const next = await prepared;
    if (next.kind === 'gap') {
      const { checkpoint, entriesRead, newGeneration } = next.gap;
      // What was seen of a stream that is gone has been reported with the gap; when its records came says nothing of the new ones.
      const seen = newGeneration ? { seenAdded: 0, seenLast: '' as const } : {};
      if (newGeneration) [this.#marks, this.#ageing] = [[], notRewound(this.#ageing)];
      this.#at = { ...this.#at, ...seen, after: checkpoint, entriesRead };
      this.#handedOut = this.#at;
    }
    if (next.kind === 'passed')
      this.#handedOut = { after: next.last, entriesRead: this.#handedOut.entriesRead + next.count + next.others };
    if (next.kind === 'slice') {
      const { records, entriesReadBefore } = next.slice;
      const last = records[records.length - 1]!;
      this.#handedOut = { after: last.passed?.last ?? last.id, entriesRead: entriesReadBefore + entriesIn(records) };
    }
    return next;
  }

  async #makeNext(): Promise<Next> {
    if (!this.#batch || this.#index >= this.#batch.count || this.#isRemainder(this.#batch)) {
      const ahead = this.#ahead ?? this.#read();
      this.#ahead = null;
      const moves = this.#moves;
      const batch = await ahead;
      this.#notMovedSince(moves);
      // What a spool lacks its feed fetches again, or reports itself.
      const gap = this.#shard.spooled ? null : findGap(this.#at, streamBefore(batch));
      this.#batch = null;
      if (gap) return { kind: 'gap', gap };
      if (scannedIn(batch) === 0) {
        const sealed = batch.stream.lastGeneratedId === AFTER_ALL && this.#deps.upTo === undefined;
        return { kind: 'end', sealed };
      }
      this.#batch = batch;
      this.#index = 0;
      this.#adoptTrueCount(batch);
      await this.#seen(batch);
      this.#notMovedSince(moves);
      if ('sifted' in batch && batch.sifted.leading + batch.sifted.leadingOthers > 0) return this.#pass(batch);
    }
    const batch = this.#batch;
    const slice = this.#slice(batch, this.#index, Math.min(batch.count, this.#index + this.#settings.batchSize));
    // The read after this one travels while the slice is worked on.
    if (this.#index >= batch.count && moreBehind(batch)) {
      this.#ahead = this.#read();
      this.#ahead.catch(() => undefined);
    }
    return { kind: 'slice', slice };
  }

  #pass(batch: SiftedBatch): Next {
    const { leading, leadingOthers, leadingLast } = batch.sifted;
    this.#at = { ...this.#at, after: leadingLast, entriesRead: this.#at.entriesRead + leading + leadingOthers };
    if (batch.count === 0 && moreBehind(batch)) {
      this.#ahead = this.#read();
      this.#ahead.catch(() => undefined);
    }
    const atEnd = batch.count === 0 && !moreBehind(batch);
    return { kind: 'passed', count: leading, others: leadingOthers, last: leadingLast, atEnd };
  }

  /** What is left of a read but no whole batch, with more behind it, is read again from its beginning (the 6 MB bound cut a batch). */
  #isRemainder(batch: Batch): boolean {
    return this.#index > 0 && batch.count - this.#index < this.#settings.batchSize && moreBehind(batch);
  }

  /** The records of a unit, by its bounds; fewer than its count when the source lost some. Null: it was made by another filter. */
  async unit(unit: Unit, entriesReadBefore: number): Promise<Slice | null> {
    if (unit.closes) return this.#withoutRecords(unit, unit.closes, entriesReadBefore);
    if (unit.passes?.by !== this.#settings.filter?.id) return null;
    const batch = await this.#unitBatch(unit);
    // The reader cuts what no event could hold, and a unit was whole when it was made: that is no reason to report its rest as gone.
    if (batch.cut) throw new Error(`the ${unit.count} records from ${unit.first} on cannot be read at once`);
    // Lost from the spool, not from the source: the unit waits until it was fetched again.
    if (this.#shard.spooled && compareIds(batch.stream.lastGeneratedId, unit.passes?.end ?? unit.last) < 0)
      throw new SpoolLacks(`the spool lacks records up to ${unit.last}: they are fetched again`);
    await this.#seen(batch);
    const records = this.#times(batch, 0, batch.count);
    // Records that the filter passed over and the source lost since: they count as passed over.
    const gone = records.length === unit.count ? (unit.passes?.count ?? 0) - passedIn(records) : 0;
    const last = records.at(-1);
    if (gone > 0 && last) {
      const passed = { ...last.passed, count: gone + (last.passed?.count ?? 0), last: unit.passes!.end };
      records[records.length - 1] = { ...last, passed };
    }
    const event = this.#encode(batch, 0, batch.count, records, 2 * EVENT_BYTES_MAX, false);
    const filterId = unit.passes?.by;
    return { batch, from: 0, to: batch.count, records, event, filterId, entriesReadBefore, moreBehind: false };
  }

  #unitBatch({ first, last, count, passes }: Unit): Promise<Batch> {
    const { filter } = this.#made();
    if (passes === undefined || filter === null)
      return this.#reader.readAfter(this.#shard.key, previousId(first), count, last);
    return this.#sieve.readAgain(first, passes.end, count + passes.count + (passes.others ?? 0), filter);
  }

  /** What the final invocation of a window is called with. */
  #withoutRecords(unit: Unit, closes: Closing, entriesReadBefore: number): Slice {
    const records = withAges([closingRecord(closes, unit.first)], this.#ageing);
    const event = this.#encode(NO_RECORDS, 0, 0, [], EVENT_BYTES_MAX, false);
    return {
      ...{ batch: NO_RECORDS, from: 0, to: 0, records, event, filterId: undefined },
      entriesReadBefore,
      moreBehind: false,
    };
  }

  #slice(batch: Batch, from: number, atMost: number): Slice {
    const found = this.#times(batch, from, atMost);
    const limit = from + this.#inOneWindow(found);
    const times = limit === atMost ? found : found.slice(0, limit - from);
    const event = this.#encode(batch, from, limit, times, recordBytesMax(this.#settings), false);
    // A record that is too large by itself makes a unit of one.
    const to = from + Math.max(1, event.count);
    const records = to === limit ? times : times.slice(0, to - from);
    const slice: Slice = {
      ...{ batch, from, to, records, filterId: 'sifted' in batch ? batch.sifted.by : undefined },
      event,
      entriesReadBefore: this.#at.entriesRead,
      moreBehind: to < batch.count || moreBehind(batch),
    };
    this.#index = to;
    const after = times[to - from - 1]!.passed?.last ?? batch.ids[to - 1]!;
    this.#at = { ...this.#at, after, entriesRead: this.#at.entriesRead + entriesIn(records) };
    return slice;
  }

  /** How many of the records, from the first on, may be in one batch. */
  #inOneWindow(times: readonly RecordTime[]): number {
    const { tumblingMs } = this.#settings;
    if (tumblingMs === 0) return times.length;
    const nowMs = this.#deps.nowMs();
    const moments = times.map(({ arrivalMs: at }) => windowTime(at, nowMs));
    const known = Math.max(this.#windowEnd, this.#deps.newestWindowEnd?.() ?? 0);
    this.#windowEnd = endOfWindow(moments[0]!, tumblingMs, known);
    return withinWindow(moments, tumblingMs, known);
  }

  #read(): Promise<Batch> {
    const wanted = this.#wanted();
    const { filter } = this.#made();
    if (filter === null) return this.#reader.readAfter(this.#shard.key, this.#at.after, wanted);
    return this.#sieve.read(this.#at, wanted, filter, this.#deps.upTo);
  }

  /** A whole number of batches, so that reads and batches end together. */
  #wanted(): number {
    const { batchSize } = this.#settings;
    const batches = Math.max(1, Math.floor(Math.min(this.#readNext, READ_AHEAD_RECORDS) / batchSize));
    this.#readNext = 2 * batches * batchSize;
    return batches * batchSize;
  }

  /** Single deletions (XDEL) are holes that no count shows until a read reaches the end of the stream: then the true count is known. */
  #adoptTrueCount(batch: Batch): void {
    if (moreBehind(batch)) return;
    const before = batch.stream.entriesAdded - scannedIn(batch);
    if (before > this.#at.entriesRead) this.#at = { ...this.#at, entriesRead: before };
  }

  async #seen(batch: Batch): Promise<void> {
    const [first, last] = [batch.ids[0], batch.ids[batch.count - 1]];
    if (first === undefined || last === undefined || this.#shard.spooled) return;
    const { firstSeen } = this.#settings;
    const nowMs = this.#deps.nowMs();
    // Ids ascend: those that are too old to be times come first, those that are too far ahead last.
    if (!firstSeen && idIsTime(first, nowMs) && idIsTime(last, nowMs)) return;
    const newest = this.#marks[this.#marks.length - 1];
    if (newest && compareIds(newest[0], last) >= 0) return;
    // The marks survive restarts, so this is said once per shard.
    if (!newest && !firstSeen) this.#deps.log.warn({ first, last }, NO_TIMES);
    this.#marks = await this.#deps.mark();
  }

  #times(batch: Batch, from: number, to: number): RecordTime[] {
    const arrivalOf = this.#arrivals();
    const times = new Array<RecordTime>(to - from);
    if ('sifted' in batch) {
      const { passed, passedLast, others } = batch.sifted;
      for (let i = from; i < to; i++) {
        const time = { id: batch.ids[i]!, arrivalMs: arrivalOf(batch, i) };
        const last = passedLast[i]!;
        const beside = others[i]! > 0 ? { others: others[i]! } : {};
        times[i - from] = last === '' ? time : { ...time, passed: { count: passed[i]!, last, ...beside } };
      }
    } else for (let i = from; i < to; i++) times[i - from] = { id: batch.ids[i]!, arrivalMs: arrivalOf(batch, i) };
    return withAges(times, this.#ageing);
  }

  #arrivals(): (batch: RawBatch, i: number) => number {
    if (this.#shard.spooled) return spooledArrival;
    const rule = { firstSeen: this.#settings.firstSeen, marks: this.#marks, nowMs: this.#deps.nowMs() };
    return (batch, i) => arrivalMs(batch.ids[i]!, rule);
  }

  /** The records [from, to), whose times are given. */
  #encode(
    batch: Batch,
    from: number,
    to: number,
    times: readonly RecordTime[],
    maxBytes: number,
    whole: boolean,
  ): EncodedEvent {
    const arrivalOf = (i: number): number => times[i - from]!.arrivalMs;
    return this.#made().format.encode(batch, from, to, { arrivalMs: arrivalOf, maxBytes, whole });
  }

  /** Made anew when the settings are exchanged. */
  #made(): { readonly format: EventFormat; readonly filter: ActiveFilter | null } {
    const settings = this.#settings;
    if (this.#framed?.settings !== settings) {
      const format = eventFormat(formatOptions(settings, this.#shard));
      const filter = activeFilter(settings, format, (batch, i) => this.#arrivals()(batch, i));
      this.#framed = { settings, format, filter };
    }
    return this.#framed;
  }

  /** How a handler may name a record; undefined: by its id. */
  get namesOf(): EventFormat['namesOf'] {
    return this.#made().format.namesOf;
  }

  /** Null when the record is not in hand, or has none. */
  partitionKey(slice: Slice, id: EntryId): string | null {
    const i = slice.batch.ids.indexOf(id);
    return i < 0 ? null : this.#made().format.partitionKey(slice.batch, i);
  }

  /** The key as the record has it; null when it has none, or is not in hand. */
  key(slice: Slice, id: EntryId): Buffer | null {
    const i = slice.batch.ids.indexOf(id, slice.from);
    if (i < 0) return null;
    if (this.#shard.spooled) return spooledKey(slice.batch, i);
    const key = this.#made().format.partitionKey(slice.batch, i);
    return key === null ? null : Buffer.from(key);
  }

  /** The event of records in hand, e.g. for a failure notice. */
  encode(slice: Slice, first: EntryId, last: EntryId): Buffer | null {
    let from = slice.from;
    let to = slice.to;
    while (from < to && compareIds(slice.batch.ids[from]!, first) < 0) from++;
    while (to > from && compareIds(slice.batch.ids[to - 1]!, last) > 0) to--;
    if (from >= to) return slice.to === 0 ? this.#encode(slice.batch, 0, 0, [], EVENT_BYTES_MAX, true).event : null;
    const times = slice.records.slice(from - slice.from, to - slice.from);
    const encoded = this.#encode(slice.batch, from, to, times, 2 * EVENT_BYTES_MAX, true);
    if (encoded.refusal === undefined) return encoded.count === to - from ? encoded.event : null;
    // No event of the format can be made of the record: as a Kinesis record its data are kept as they are.
    const bounds = { arrivalMs: () => times[0]!.arrivalMs, maxBytes: 2 * EVENT_BYTES_MAX, whole: true };
    const plain = kinesisFormat(formatOptions(this.#settings, this.#shard)).encode(slice.batch, from, from + 1, bounds);
    return to - from === 1 && plain.count === 1 ? plain.event : null;
  }
}
