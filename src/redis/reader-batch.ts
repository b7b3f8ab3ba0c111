/** Turns the reply to MULTI / XRANGE / XINFO STREAM / EXEC into a batch: ids as text, fields as places in the reply's own bytes. */
import { BEFORE_ALL, type EntryId } from '../record.ts';
import { DROPPED, type Reply } from './reader-reply.ts';

/** What Redis knows of a stream key at the moment of the read (XINFO STREAM). */
export interface StreamFacts {
  readonly exists: boolean;
  readonly length: number;
  /** All entries ever added; with the checkpoint's entries-read count it gives lag and gaps. */
  readonly entriesAdded: number;
  /** Null when the stream is empty. */
  readonly firstId: EntryId | null;
  readonly lastId: EntryId | null;
  readonly lastGeneratedId: EntryId;
  readonly maxDeletedId: EntryId;
}

/**
 * Records read in one step together with the facts of their stream. Nothing is copied: field j of record i has its name at item
 * t = at[i] + 2j and its value at t + 1, where item t is the bytes [spans[2t], spans[2t] + spans[2t+1]) of `buffer`. A negative start
 * means that the payload was not kept because no event could hold it; its length is there all the same.
 */
export interface RawBatch {
  readonly buffer: Buffer;
  readonly count: number;
  /** `<ms>-<seq>` of each record. */
  readonly ids: readonly EntryId[];
  readonly at: Uint32Array;
  /** Number of name/value pairs of each record. */
  readonly pairs: Uint32Array;
  readonly spans: Int32Array;
  /** True when fewer records are given than Redis sent, because the bound on bytes was met: read on after the last one. */
  readonly cut: boolean;
  readonly stream: StreamFacts;
}

/** The server refused the read (wrong type, no permission, loading); the message is its own text. */
export class RedisReplyError extends Error {}

const NO_STREAM: StreamFacts = {
  exists: false,
  length: 0,
  entriesAdded: 0,
  firstId: null,
  lastId: null,
  lastGeneratedId: BEFORE_ALL,
  maxDeletedId: BEFORE_ALL,
};

/** What a final invocation of a window has in place of a read. */
export const NO_RECORDS: RawBatch = {
  ...{ buffer: Buffer.alloc(0), count: 0, ids: [], cut: false, stream: NO_STREAM },
  ...{ at: new Uint32Array(0), pairs: new Uint32Array(0), spans: new Int32Array(0) },
};

/** +OK, +QUEUED, +QUEUED and EXEC's array. */
export const RANGE_REPLY_ITEMS = 4;
const EXEC_ITEM = 3;

/** @throws RedisReplyError with the server's text */
export function toRawBatch({ buffer, items }: Reply): RawBatch {
  for (let t = 0; t < EXEC_ITEM; t++) throwIfError(buffer, items, t);
  throwIfError(buffer, items, EXEC_ITEM);
  const entries = EXEC_ITEM + 1;
  throwIfError(buffer, items, entries);
  const sent = -1 - items[entries * 2]!;
  const ids = new Array<EntryId>(sent);
  const at = new Uint32Array(sent);
  const pairs = new Uint32Array(sent);
  let kept = sent;
  let t = entries + 1;
  for (let i = 0; i < sent; i++) {
    // Item t is the entry's array of two, t + 1 its id, t + 2 the array of its fields (nil for a deleted entry, which XRANGE never sends).
    const start = items[t * 2 + 2]!;
    const fields = -1 - items[t * 2 + 4]!;
    t += 3;
    ids[i] = buffer.toString('latin1', start, start + items[t * 2 - 3]!);
    at[i] = t;
    pairs[i] = fields >> 1;
    const end = t + fields;
    // The first record is always given, so that one that is too large can be named and given up.
    if (kept === sent && i > 0 && hasDropped(items, t, end)) kept = i;
    t = end;
  }
  if (kept < sent) ids.length = kept;
  return { buffer, count: kept, ids, at, pairs, spans: items, cut: kept < sent, stream: toFacts(buffer, items, t) };
}

function hasDropped(items: Int32Array, from: number, end: number): boolean {
  for (let t = from; t < end; t++) if (items[t * 2] === DROPPED) return true;
  return false;
}

function toFacts(buffer: Buffer, items: Int32Array, head: number): StreamFacts {
  if (items[head * 2 + 1]! <= -2) {
    const text = errorText(buffer, items, head);
    if (/no such key/i.test(text)) return NO_STREAM;
    throw new RedisReplyError(text);
  }
  const facts = new Map<string, string>();
  const end = head + 1 + (-1 - items[head * 2]!);
  let t = head + 1;
  // Members are name and value; only first-entry and last-entry are nested, whose first item is the id.
  for (let k = head + 1; k < end; k += 2) {
    const name = text(buffer, items, t);
    t++;
    if (items[t * 2]! < 0 && items[t * 2] !== DROPPED) {
      facts.set(name, text(buffer, items, t + 1));
      t = skip(items, t);
    } else {
      if (items[t * 2 + 1]! >= 0) facts.set(name, text(buffer, items, t));
      t++;
    }
  }
  return {
    exists: true,
    length: Number(facts.get('length')),
    entriesAdded: Number(facts.get('entries-added')),
    firstId: facts.get('first-entry') ?? null,
    lastId: facts.get('last-entry') ?? null,
    lastGeneratedId: facts.get('last-generated-id') ?? BEFORE_ALL,
    maxDeletedId: facts.get('max-deleted-entry-id') ?? BEFORE_ALL,
  };
}

/** The item after the array at t, whatever is nested in it. */
function skip(items: Int32Array, t: number): number {
  let owed = 1;
  while (owed > 0) {
    const a = items[t * 2]!;
    if (a < 0 && a !== DROPPED) owed += -1 - a;
    owed--;
    t++;
  }
  return t;
}

function text(buffer: Buffer, items: Int32Array, t: number): string {
  const start = items[t * 2]!;
  return buffer.toString('latin1', start, start + items[t * 2 + 1]!);
}

function errorText(buffer: Buffer, items: Int32Array, t: number): string {
  const start = items[t * 2]!;
  return buffer.toString('utf8', start, start + (-2 - items[t * 2 + 1]!));
}

function throwIfError(buffer: Buffer, items: Int32Array, t: number): void {
  if (items[t * 2 + 1]! <= -2) throw new RedisReplyError(errorText(buffer, items, t));
}
