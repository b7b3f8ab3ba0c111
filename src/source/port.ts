/**
 * The port that every connector implements. A connector turns a mapping's source into shards, each of which is one Redis stream key
 * by the time an executor sees it (architecture.md §1), and knows nothing of turns, units or sandboxes.
 */
import type { EntryId } from '../record.ts';
import type { Spools } from '../spool.ts';

export interface SourceShard {
  readonly shardId: string;
  /** The Redis stream key that holds the shard's records. */
  readonly key: string;
  /** Shards that must be settled to their end before this one is read. */
  readonly parents: readonly string[];
  /** No record can be added any more. */
  readonly closed: boolean;
  /** It is filled by a feed: what its key lacks can be fetched again, and its ids are no times. */
  readonly spooled?: true;
}

export interface SourceDescription {
  readonly exists: boolean;
  /** `eventSourceARN` of its records. */
  readonly arn: string;
  readonly shards: readonly SourceShard[];
  /** Rises when the set of shards changes (split, merge); equal revision, equal shards. */
  readonly revision: number;
  /** Records older than this may be trimmed once every mapping settled them; null: never; 'settled': as soon as they are settled. */
  readonly retentionMs: number | null | 'settled';
}

export type StartingPosition =
  | { readonly kind: 'TRIM_HORIZON' }
  | { readonly kind: 'LATEST' }
  | { readonly kind: 'AT_TIMESTAMP'; readonly timestampMs: number };

/** Where records that have been read begin to be read again. */
export type RewindTo =
  | { readonly kind: 'TRIM_HORIZON' }
  | { readonly kind: 'AT_TIMESTAMP'; readonly timestampMs: number }
  /** Right behind this checkpoint. */
  | { readonly kind: 'BEHIND'; readonly checkpoint: EntryId };

/** A shard that a mapping has read as far as `settled`. */
export interface ReadShard {
  readonly shardId: string;
  readonly key: string;
  readonly settled: EntryId;
  /** When its records were first seen, where their ids are no times: ascending [entry id, ms]. */
  readonly marks: readonly (readonly [EntryId, number])[];
}

export interface Sought {
  readonly checkpoint: EntryId;
  /** Settled records behind it; of another system's, a bound: not every position has one. */
  readonly records: number;
  /** The first of them; null where it has still to be fetched. */
  readonly first: EntryId | null;
}

/** Fills the shards of a source whose records live in another system; runs in pollers alone, who are the ones with its credentials. */
export interface Feed {
  /** Why it does not get on right now, in a sentence; null: it does. */
  readonly problem: string | null;
  /** Takes nothing new, lets the source know what is settled, and leaves. */
  stop(): Promise<void>;
}

export interface Source {
  /** Cheap enough to be asked every few seconds. */
  describe(): Promise<SourceDescription>;
  /** Checkpoint that makes a shard begin at the position: the id before the first record to be read, and its entries-read count. */
  start(shard: SourceShard, position: StartingPosition): Promise<{ checkpoint: EntryId; entriesRead: number }>;
  /**
   * Removes records that every mapping in `stateKeys` settled and that arrived before `beforeMs` (null: whatever their age); in steps, so
   * that the server stays responsive: `more` asks for another call.
   */
  trim(shard: SourceShard, stateKeys: readonly string[], beforeMs: number | null): Promise<{ readonly more: boolean }>;
  /** Where the shards begin again, no earlier than the source still has records; those of which nothing settled lies there are absent. */
  seek(shards: readonly ReadShard[], to: RewindTo): Promise<ReadonlyMap<string, Sought>>;
  /** Absent where shards are Redis streams by themselves. */
  feed?(options: { readonly spools: Spools; readonly position: StartingPosition }): Feed;
}
