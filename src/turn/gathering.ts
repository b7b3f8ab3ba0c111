/** Records of one or several reads that a filter let through, put together to one batch. */
import { compareIds, type EntryId } from '../record.ts';
import type { RawBatch, StreamFacts } from '../redis/reader-batch.ts';

/** Records that a filter let through. */
export interface SiftedBatch extends RawBatch {
  readonly sifted: {
    /** Records before the first one that the filter passes over, and the last of them. */
    readonly leading: number;
    readonly leadingLast: EntryId;
    /** Of other lanes, before the first one that is kept. */
    readonly leadingOthers: number;
    /** Behind record i, before the next one: how many it passes over, how many are of other lanes, and the last of them ('' for none). */
    readonly passed: readonly number[];
    readonly others: readonly number[];
    readonly passedLast: readonly (EntryId | '')[];
    /** Which filter. */
    readonly by: string;
    /** How many records were looked at. */
    readonly scanned: number;
    /** The stream when the first of them was read; `stream`: when the last was. */
    readonly before: StreamFacts;
    /** A bound was met before there were enough: so much and no more makes a batch. */
    readonly full: boolean;
    /** The last record that was looked at; '' when there was none. */
    readonly end: EntryId | '';
  };
}

export type Batch = RawBatch | SiftedBatch;

/** More records of the stream follow those that were looked at. */
export function moreBehind(batch: Batch): boolean {
  if (batch.cut || ('sifted' in batch && batch.sifted.full)) return true;
  const last = 'sifted' in batch ? batch.sifted.end : batch.ids[batch.count - 1];
  return last !== undefined && batch.stream.lastId !== null && compareIds(last, batch.stream.lastId) < 0;
}

/** Records that were looked at. */
export function scannedIn(batch: Batch): number {
  return 'sifted' in batch ? batch.sifted.scanned : batch.count;
}

/** The stream when the first of them was read. */
export function streamBefore(batch: Batch): RawBatch['stream'] {
  return 'sifted' in batch ? batch.sifted.before : batch.stream;
}

export interface ActiveFilter {
  readonly id: string;
  readonly passes: (batch: RawBatch, i: number) => boolean;
  /** Where the shard has lanes: whether the record is of this one. What is not is none of its business, and not counted by it. */
  readonly isOfLane?: (batch: RawBatch, i: number) => boolean;
}

interface Kept {
  readonly raw: RawBatch;
  readonly indexes: number[];
}

export class Gathering {
  readonly #filter: ActiveFilter;
  scanned = 0;
  count = 0;
  /** Of what was kept. */
  bytes = 0;
  #leading = 0;
  #leadingLast: EntryId = '0-0';
  readonly #ids: EntryId[] = [];
  #leadingOthers = 0;
  readonly #passed: number[] = [];
  readonly #others: number[] = [];
  readonly #passedLast: (EntryId | '')[] = [];
  readonly #kept: Kept[] = [];
  #first: RawBatch | null = null;
  #last: RawBatch | null = null;
  #end: EntryId | '' = '';

  constructor(filter: ActiveFilter) {
    this.#filter = filter;
  }

  /** Looks at [from, to) until `wanted` were kept in all, and at what is passed over behind the last of them; where it ended. */
  add(raw: RawBatch, from: number, to: number, wanted: number): number {
    const { passes, isOfLane } = this.#filter;
    this.#first ??= raw;
    this.#last = raw;
    const indexes: number[] = [];
    let i = from;
    for (; i < to; i++) {
      const id = raw.ids[i]!;
      const other = isOfLane !== undefined && !isOfLane(raw, i);
      if (!other && passes(raw, i)) {
        if (this.count >= wanted) break;
        this.count++;
        indexes.push(i);
        this.#ids.push(id);
        this.#passed.push(0);
        this.#others.push(0);
        this.#passedLast.push('');
      } else if (this.count === 0) {
        if (other) this.#leadingOthers++;
        else this.#leading++;
        this.#leadingLast = id;
      } else {
        (other ? this.#others : this.#passed)[this.count - 1]!++;
        this.#passedLast[this.count - 1] = id;
      }
    }
    if (i > from) this.#end = raw.ids[i - 1]!;
    this.scanned += i - from;
    if (indexes.length > 0) {
      this.#kept.push({ raw, indexes });
      for (const index of indexes) this.bytes += sizeOf(raw, index);
    }
    return i;
  }

  done(full: boolean): SiftedBatch {
    const last = this.#last;
    if (!last || !this.#first) throw new RangeError('nothing was read');
    return {
      ...(this.#kept.length === 1 ? selected(this.#kept[0]!) : merged(this.#kept)),
      ...{ count: this.count, ids: this.#ids, cut: false, stream: last.stream },
      sifted: {
        by: this.#filter.id,
        ...{ leading: this.#leading, leadingLast: this.#leadingLast, passed: this.#passed },
        ...{ leadingOthers: this.#leadingOthers, others: this.#others },
        ...{ passedLast: this.#passedLast, scanned: this.scanned, before: this.#first.stream, full, end: this.#end },
      },
    };
  }
}

/** Several reads, one behind the other. */
export function joined(reads: readonly RawBatch[]): RawBatch {
  const last = reads.at(-1)!;
  const ids = reads.flatMap((read) => read.ids);
  const kept = reads.map((raw) => ({ raw, indexes: raw.ids.map((_, i) => i) }));
  return { ...merged(kept), count: ids.length, ids, cut: last.cut, stream: last.stream };
}

type Places = Pick<RawBatch, 'buffer' | 'spans' | 'at' | 'pairs'>;

/** The places of some records of a read, whose bytes stay where they are. */
function selected({ raw, indexes }: Kept): Places {
  return {
    ...{ buffer: raw.buffer, spans: raw.spans },
    at: Uint32Array.from(indexes, (i) => raw.at[i]!),
    pairs: Uint32Array.from(indexes, (i) => raw.pairs[i]!),
  };
}

/** The bytes of some records of several reads, copied behind one another. */
function merged(kept: readonly Kept[]): Places {
  const pieces: Buffer[] = [];
  const spans: number[] = [];
  const at: number[] = [];
  const pairs: number[] = [];
  let size = 0;
  for (const { raw, indexes } of kept) {
    for (const i of indexes) {
      at.push(spans.length / 2);
      pairs.push(raw.pairs[i]!);
      const end = raw.at[i]! + 2 * raw.pairs[i]!;
      for (let t = raw.at[i]!; t < end; t++) {
        const [start, length] = [raw.spans[2 * t]!, raw.spans[2 * t + 1]!];
        // Not kept: only its length is known.
        spans.push(start < 0 ? start : size, length);
        if (start < 0) continue;
        pieces.push(raw.buffer.subarray(start, start + length));
        size += length;
      }
    }
  }
  return {
    ...{ buffer: Buffer.concat(pieces, size), spans: Int32Array.from(spans) },
    ...{ at: Uint32Array.from(at), pairs: Uint32Array.from(pairs) },
  };
}

function sizeOf(raw: RawBatch, i: number): number {
  let bytes = 0;
  const end = raw.at[i]! + 2 * raw.pairs[i]!;
  for (let t = raw.at[i]!; t < end; t++) if (raw.spans[2 * t]! >= 0) bytes += raw.spans[2 * t + 1]!;
  return bytes;
}
