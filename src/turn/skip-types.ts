/** What a skip needs, is told, and says of itself (skip.ts). */
import type { Log } from '../observe/log.ts';
import type { EntryId } from '../record.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import type { RangeReader } from '../redis/reader.ts';
import type { Clock } from '../time.ts';
import type { OneLane } from './settings.ts';

export interface SkipDeps {
  readonly redis: Redis;
  readonly reader: RangeReader;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
}

export interface SkipTo {
  /** The last record, or the checkpoint that it is to be. */
  readonly to: EntryId;
  /** The unit that ends a window there and is to be skipped, too; one before that is in the way, and goes with the records. Null: none. */
  readonly closing: string | null;
  /** Of this lane only. Null: of all of the shard. */
  readonly lane: OneLane | null;
}

export interface Skipped {
  readonly records: number;
  /** Final invocations of windows. */
  readonly closings: number;
  /**
   * done: everything up to there is settled;  refused: a notice could not be written, for this reason;  busy: turns took the shard again and
   * again;  lacks: the spool does not hold all of it right now;  else the shard cannot be acted on
   */
  readonly end:
    'done' | 'busy' | 'missing' | 'pending-parent' | { readonly refused: string } | { readonly lacks: string };
}
