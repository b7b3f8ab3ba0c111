/**
 * Reading through a filter: as many records as are wanted of those that it lets through, whatever lies between them. What it passes over
 * is counted with the record before it, so that the checkpoint can pass it with that record and with nothing else.
 */
import { FILTER_SPAN_RECORDS_MAX, READ_AHEAD_BYTES, READ_AHEAD_RECORDS } from '../limits.ts';
import { compareIds, type EntryId, previousId } from '../record.ts';
import type { RawBatch, StreamFacts } from '../redis/reader-batch.ts';
import type { RangeReader } from '../redis/reader.ts';
import { type ActiveFilter, Gathering, moreBehind, type SiftedBatch } from './gathering.ts';

export interface Place {
  readonly after: EntryId;
  readonly entriesRead: number;
}

export class Sieve {
  readonly #reader: Pick<RangeReader, 'readAfter'>;
  readonly #key: string;
  /** Records were lost between that place and what was read there. */
  readonly #lost: (at: Place, stream: StreamFacts) => boolean;
  /** Read, and not looked at yet. */
  #rest: { readonly raw: RawBatch; readonly index: number; readonly after: EntryId } | null = null;

  constructor(reader: Pick<RangeReader, 'readAfter'>, key: string, lost: (at: Place, stream: StreamFacts) => boolean) {
    this.#reader = reader;
    this.#key = key;
    this.#lost = lost;
  }

  /** From `at` on, until `wanted` records passed or the stream or a bound ends. */
  async read(at: Place, wanted: number, filter: ActiveFilter, upTo?: EntryId): Promise<SiftedBatch> {
    const gathering = new Gathering(filter);
    let { after, entriesRead } = at;
    for (;;) {
      const rest = this.#rest?.after === after ? this.#rest : null;
      this.#rest = null;
      const raw =
        rest?.raw ?? (await this.#reader.readAfter(this.#key, after, Math.max(wanted, READ_AHEAD_RECORDS), upTo));
      // What is lost ends this batch; the next one begins with saying so.
      if (gathering.scanned > 0 && !rest && this.#lost({ after, entriesRead }, raw.stream)) return gathering.done(true);
      const from = rest?.index ?? 0;
      const to = gathering.add(raw, from, raw.count, wanted);
      if (to > from) after = raw.ids[to - 1]!;
      entriesRead += to - from;
      if (to < raw.count) this.#rest = { raw, index: to, after };
      if (gathering.count >= wanted || to === from) return gathering.done(false);
      if (to === raw.count && !moreBehind(raw)) return gathering.done(false);
      if (gathering.scanned >= FILTER_SPAN_RECORDS_MAX || gathering.bytes >= READ_AHEAD_BYTES)
        return gathering.done(true);
    }
  }

  /** All from `first` to `end`, of which `expected` were there once. */
  async readAgain(first: EntryId, end: EntryId, expected: number, filter: ActiveFilter): Promise<SiftedBatch> {
    const gathering = new Gathering(filter);
    let after = previousId(first);
    for (;;) {
      const count = Math.min(Math.max(1, expected - gathering.scanned), READ_AHEAD_RECORDS);
      const raw = await this.#reader.readAfter(this.#key, after, count);
      let to = 0;
      while (to < raw.count && compareIds(raw.ids[to]!, end) <= 0) to++;
      gathering.add(raw, 0, to, Infinity);
      if (to < raw.count || !moreBehind(raw)) return gathering.done(false);
      after = raw.ids[to - 1]!;
      if (compareIds(after, end) >= 0) return gathering.done(false);
    }
  }
}
