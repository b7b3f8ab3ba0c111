/**
 * A spool: the Redis stream that holds a shard whose records come from another system (a Kafka partition). A poller fills it, in order and
 * each record once; everybody else sees an ordinary shard. Positions are the source's own numbers (offsets): the record at position p has
 * the id `<p+1>-0`, so that the checkpoint `<n>-0` says that everything before position n is settled. How records lie in entries:
 * spool-block.ts.
 */
import { type EntryId, type SequenceNumber, toSequenceNumber } from './record.ts';

/** The fields of a record that is an entry of its own (spool-block.ts), in this order and none left out, so that readers find them by place. */
export const SPOOL_FIELDS = ['a', 't', 'f', 'k', 'v', 'h'] as const;
/** Places of the values among the items of a record: arrival (ms), timestamp as the source has it, flags, key, value, headers as JSON. */
export const SPOOL_ITEM = { arrival: 1, timestamp: 3, flags: 5, key: 7, value: 9, headers: 11 } as const;
/** Values of `f`, added up. What is null is stored as the empty text. */
export const SPOOL_FLAG = { nullKey: 1, nullValue: 2, logAppendTime: 4 } as const;

export interface SpoolRecord {
  readonly position: number;
  readonly arrivalMs: number;
  readonly timestamp: string;
  readonly flags: number;
  readonly key: Buffer;
  readonly value: Buffer;
  readonly headers: string;
}

export function spoolId(position: number): EntryId {
  return `${position + 1}-0`;
}

/** The checkpoint with which everything before `position` is settled. */
export function checkpointBefore(position: number): EntryId {
  return `${position}-0`;
}

/** The first position that is not settled at this checkpoint; also the position of the record behind an entry. */
export function positionAfter(id: EntryId): number {
  return Number(id.slice(0, id.indexOf('-')));
}

const LAST_SEQ = '18446744073709551615';

/** What a position is called: the source's own number in a spool, else the entry id as one number. */
export function sequenceNumberOf(id: EntryId, spooled: boolean): SequenceNumber {
  if (!spooled) return toSequenceNumber(id);
  const seq = id.slice(id.indexOf('-') + 1);
  // Bounds of gaps lie between records: `<n>-1` is the first moment behind the record of position n - 1.
  return String(positionAfter(id) - (seq === '0' || seq === LAST_SEQ ? 1 : 0));
}

/** Every way in which a handler may name a record of the spool, its sequence number first (esm-semantics.md §1.13). */
export function spooledNames(shardId: string): (id: EntryId) => readonly string[] {
  return (id) => {
    const position = sequenceNumberOf(id, true);
    return [position, `${shardId}@${position}`];
  };
}

/** What a poller shows to every step on a spool; a later claim, or another generation, makes it void. */
export interface SpoolHold {
  readonly shardId: string;
  readonly generation: number;
  readonly pollerEpoch: string;
}

export interface SpoolView {
  /** First unsettled position. */
  readonly settledTo: number;
  /** Where fetching goes on. */
  readonly next: number;
  /** The source's end when it was last heard of. */
  readonly end: number;
  readonly generation: number;
  /** Records of the spool that are not settled. */
  readonly unsettled: number;
  /** Its entries are no more those that were appended (deleted, trimmed by somebody): they have to be fetched again. */
  readonly damaged: boolean;
  /** Its part of the source went, and everything of it is settled. */
  readonly closed: boolean;
  /** The hold that was shown is void. */
  readonly fenced: boolean;
}

export interface SpoolClaim {
  readonly hold: SpoolHold;
  readonly view: SpoolView;
  /** Identity of what is read, as it was noted first; '' while it is not known. */
  readonly origin: string;
  /** Redis' clock minus the local monotonic one. */
  readonly redisMs: number;
}

export interface SpoolBatch {
  /** Where the fetch began. */
  readonly after: number;
  /** Where the next fetch begins: past markers and what is compacted, never computed from the last record. */
  readonly next: number;
  readonly end: number;
  readonly records: readonly SpoolRecord[];
}

export type Appended =
  /** `first`: everything before it was settled, so that nobody is at work on the shard, or is about to end. */
  | { readonly kind: 'ok'; readonly next: number; readonly first: boolean }
  /** It was there already. */
  | { readonly kind: 'skipped'; readonly next: number }
  /** The batch begins behind where fetching stands: what lies between would be missing. */
  | { readonly kind: 'ahead'; readonly next: number }
  /** So much is unsettled that no more is taken. */
  | { readonly kind: 'full' }
  | { readonly kind: 'damaged' }
  | { readonly kind: 'fenced' };

/** Positions first to last (inclusive) that will not be read, and why; becomes a failure notice. */
export interface SpoolLoss {
  readonly condition: 'SourceGap' | 'SkippedByOperator';
  readonly first: number;
  readonly last: number;
}

export interface SpoolRestart {
  /** Reading begins here, */
  readonly next: number;
  /** of this: as `SpoolClaim.origin` from now on. */
  readonly origin: string;
  /** With false nothing happens while anything is unsettled. */
  readonly dropUnsettled: boolean;
  readonly loss: SpoolLoss | null;
  /** Somebody set where to read, which is audited: in a sentence. Null: the log itself is another one. */
  readonly operator: string | null;
  /** Positions that run again, for the counter (a bound: not every position has a record). */
  readonly redelivered: number;
}

export type SpoolStep =
  { readonly kind: 'ok' | 'fenced' | 'unsettled' } | { readonly kind: 'refused'; readonly reason: string };

/** All spools of one mapping. Each step is one script, so that it holds or it does not. */
export interface Spools {
  /** Shards that have state. */
  known(): Promise<string[]>;
  /** Gives a shard its state, once: reading begins at `position`; the source ends at `end`. */
  begin(shardId: string, position: number, end: number): Promise<boolean>;
  /** The caller fills the spool from now on, and nobody else; null when the shard has no state. */
  claim(shardId: string, origin: string): Promise<SpoolClaim | null>;
  append(hold: SpoolHold, batch: SpoolBatch): Promise<Appended>;
  /** How they stand; what is settled is removed from them. `ends`: the source's, where they are known. */
  look(holds: readonly SpoolHold[], ends?: readonly (number | undefined)[]): Promise<SpoolView[]>;
  /** What lies between where fetching stood and `next` is lost at the source. */
  lose(hold: SpoolHold, from: number, next: number, loss: SpoolLoss): Promise<SpoolStep>;
  /** The next generation begins: the topic was made anew, its log cut, or the mapping rewound. */
  restart(hold: SpoolHold, restart: SpoolRestart): Promise<SpoolStep>;
  /** Its part of the source is gone: nothing comes any more. Nothing happens while anything is unsettled. */
  close(hold: SpoolHold, loss: SpoolLoss | null): Promise<SpoolStep>;
  /** Everything unsettled is to be fetched again. */
  refetch(hold: SpoolHold): Promise<SpoolStep>;
}
