/** What the reading side of a turn (reading.ts) is given, and what it gives. */
import type { Ageing } from '../ageing.ts';
import type { Log } from '../observe/log.ts';
import type { EntryId } from '../record.ts';
import type { RangeReader } from '../redis/reader.ts';
import type { Gap, Position } from './gap.ts';
import type { Slice } from './slice.ts';

export type Next =
  | { readonly kind: 'slice'; readonly slice: Slice }
  | { readonly kind: 'gap'; readonly gap: Gap }
  /** Records that the filter does not let through, with nothing unsettled before them: they are settled with that. */
  | {
      readonly kind: 'passed';
      readonly count: number;
      readonly others: number;
      readonly last: EntryId;
      readonly atEnd: boolean;
    }
  | { readonly kind: 'end'; readonly sealed: boolean };

export interface ReadingDeps {
  /** Of the shard. */
  readonly log: Pick<Log, 'warn'>;
  readonly reader: Pick<RangeReader, 'readAfter'>;
  /** The reader gives the records of a spool one by one already. */
  readonly unpacked?: true;
  /** Nothing behind this is read; the end of what may be read is no end of the shard. */
  readonly upTo?: EntryId;
  readonly nowMs: () => number;
  /** End of the newest window of the shard; 0: there was none. */
  readonly newestWindowEnd?: () => number;
  /** Marks that reach the stream's present end (shard/sweep.ts markArrivals). */
  readonly mark: () => Promise<readonly (readonly [EntryId, number])[]>;
}

/** What a shard's state says of where it is read, and of its records' ages (shard/state.ts). */
export interface ReadFrom extends Omit<Position, 'after'> {
  readonly checkpoint: EntryId;
  readonly marks: readonly (readonly [EntryId, number])[];
  readonly ageing: Ageing | null;
}
