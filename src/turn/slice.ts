/** What a turn has in hand of its shard: the records of one unit, and their event. */
import type { EncodedEvent } from '../event/kinesis.ts';
import type { EntryId } from '../record.ts';
import type { RecordTime } from '../unit/types.ts';
import type { Batch } from './gathering.ts';

/** Records in hand, encoded as one event. */
export interface Slice {
  readonly batch: Batch;
  readonly from: number;
  readonly to: number;
  readonly records: readonly RecordTime[];
  readonly event: EncodedEvent;
  /** Which filter they went through. */
  readonly filterId: string | undefined;
  /** Entries ever added before the slice's first record. */
  readonly entriesReadBefore: number;
  /** More records were there when it was read. */
  readonly moreBehind: boolean;
}

/** The last record that is known of, whether or not the filter lets it through. */
export function lastLooked({ batch, records }: Slice): EntryId {
  return 'sifted' in batch && batch.sifted.end !== '' ? batch.sifted.end : records[records.length - 1]!.id;
}
