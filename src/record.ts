/**
 * The vocabulary. Every other file uses these words and no synonyms.
 *
 * stream            what a user points a mapping at; one or more shards
 * shard             one totally ordered sequence of records: a Redis stream key (later also a Kafka partition's spool)
 * record            one entry of a shard
 * entry id          Redis' own name of a record, `<ms>-<seq>`; orders as (ms, seq)
 * sequence number   the same position as one decimal number: `<ms>`, then `<seq>` padded to 20 digits
 * mapping           an event source mapping: one stream, one function, one policy; known by its name
 * batch             records read together and handed to one invocation
 * unit              the records that succeed, fail and are retried together; begins as a batch, may be cut or halved
 * attempt           one run of the function on a unit. *delivery*: an attempt that began; *failure*: one the function failed
 * checkpoint        entry id of the last settled record: everything up to it succeeded, expired or was given up
 * settle            the one atomic step that moves the checkpoint (with notices, retry state and counters)
 * turn              the time in which one executor works on one shard; a BullMQ job
 * epoch             the fencing token of a turn: rises whenever the shard changes hands; only its newest holder may settle
 * lease             the right to work on a shard: an epoch, and the local moment until which it is surely still ours
 * window            a period over which a function carries state (tumbling.ts); its *final invocation* is a unit without records
 * expiry            the moment from which a record may be given up because of its age
 * notice            the durable record of a unit that did not succeed (or was lost by the source)
 * poller, executor  the two roles of a daemon: watch and wake; take turns and invoke
 */
import type { Closing } from './tumbling.ts';

/** `<ms>-<seq>`, as Redis writes it. */
export type EntryId = string;

/** Decimal text: `<ms>` then `<seq>` padded to 20 digits (contract.md, "Records of a Redis stream"). */
export type SequenceNumber = string;

export const BEFORE_ALL: EntryId = '0-0';
export const AFTER_ALL: EntryId = '18446744073709551615-18446744073709551615';

const SEQ_DIGITS = 20;
/** Numbers of so many digits are below 2^53. */
const EXACT_DIGITS = 15;
const ZERO = 48;
const MAX_U64 = 18446744073709551615n;

function splitId(id: EntryId): { ms: bigint; seq: bigint } {
  const dash = id.indexOf('-');
  return { ms: BigInt(id.slice(0, dash)), seq: BigInt(id.slice(dash + 1)) };
}

/** Milliseconds part as a number; ids beyond 2^53 ms lose precision, which is fine for ages and never used for order. */
export function idMs(id: EntryId): number {
  const dash = id.indexOf('-');
  if (dash > EXACT_DIGITS) return Number(id.slice(0, dash));
  // Asked for every record: a third of the time of cutting the text and reading that.
  let ms = 0;
  for (let i = 0; i < dash; i++) ms = ms * 10 + (id.charCodeAt(i) - ZERO);
  return ms;
}

/** Negative, zero or positive, like a comparator. */
export function compareIds(a: EntryId, b: EntryId): number {
  if (a === b) return 0;
  const da = a.indexOf('-');
  const db = b.indexOf('-');
  // Decimal text without leading zeros orders by length, then by digits.
  if (da !== db) return da - db;
  const msA = a.slice(0, da);
  const msB = b.slice(0, db);
  if (msA !== msB) return msA < msB ? -1 : 1;
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : 1;
}

/** The last possible id is its own successor: there is none, and Redis refuses what would be. */
export function nextId(id: EntryId): EntryId {
  const { ms, seq } = splitId(id);
  if (id === AFTER_ALL) return id;
  return seq === MAX_U64 ? `${ms + 1n}-0` : `${ms}-${seq + 1n}`;
}

export function previousId(id: EntryId): EntryId {
  const { ms, seq } = splitId(id);
  if (seq > 0n) return `${ms}-${seq - 1n}`;
  return ms === 0n ? BEFORE_ALL : `${ms - 1n}-${MAX_U64}`;
}

export function toSequenceNumber(id: EntryId): SequenceNumber {
  const dash = id.indexOf('-');
  return id.slice(0, dash) + id.slice(dash + 1).padStart(SEQ_DIGITS, '0');
}

/** Accepts a sequence number or an entry id (every command takes both); undefined when it is neither. */
export function parsePosition(text: string): EntryId | undefined {
  const id = /^(0|[1-9]\d*)-(0|[1-9]\d*)$/.exec(text);
  if (id) return BigInt(id[1]!) <= MAX_U64 && BigInt(id[2]!) <= MAX_U64 ? text : undefined;
  if (!/^\d{21,40}$/.test(text)) return undefined;
  const ms = BigInt(text.slice(0, -SEQ_DIGITS));
  const seq = BigInt(text.slice(-SEQ_DIGITS));
  return ms <= MAX_U64 && seq <= MAX_U64 ? `${ms}-${seq}` : undefined;
}

/** Shard ids of a stream: `shardId-000000000000` and up. */
export function shardIdOf(index: number): string {
  return `shardId-${String(index).padStart(12, '0')}`;
}

/** What one shard of one mapping is called in logs, errors and on the wire. */
export interface ShardRef {
  readonly mapping: string;
  readonly shardId: string;
}

/** Durable state of a unit. A shard keeps a stack of them: the head runs, the others are pending right halves. */
export interface Unit {
  readonly first: EntryId;
  readonly last: EntryId;
  readonly count: number;
  /** Stable over the retries of this unit, also across crashes; new for every new unit. */
  readonly requestId: string;
  /** Raised durably before each run. */
  readonly deliveries: number;
  /** Raised by a recorded outcome of the function; compared with maximumRetryAttempts. */
  readonly failures: number;
  /** Deliveries in a row that ended without an outcome (daemon killed, Redis away). */
  readonly lost: number;
  /** When the unit first failed, Redis ms; null while it has not. */
  readonly blockedSince: number | null;
  readonly lastError: { readonly errorType: string; readonly errorMessage: string } | null;
  /** Hash of the function version that made the last attempt: a new version is tried at once, once. */
  readonly triedVersion: string | null;
  /**
   * With a filter: which one made the unit, how many records within and behind it that passes over, and the last entry of all of them; with
   * lanes also how many there are of other lanes.
   */
  readonly passes?: { readonly by: string; readonly count: number; readonly end: EntryId; readonly others?: number };
  /** Of a shard that has lanes: which one it is of. */
  readonly lane?: number;
  /** Never delivered yet: so many of its first records are run one by one (the rest of an overdue unit that failed). */
  readonly runSingly?: number;
  /** It is the final invocation of this window: without records, at the checkpoint; `count` is 1 all the same. */
  readonly closes?: Closing;
}
