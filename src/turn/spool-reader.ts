/**
 * Reads records of a spool, whose entries hold many each (spool-block.ts), as a reader of ordinary streams gives them: one record per id, its
 * parts at the places of SPOOL_ITEM.
 */
import type { EntryId } from '../record.ts';
import type { RawBatch } from '../redis/reader-batch.ts';
import type { RangeReader } from '../redis/reader.ts';
import { SPOOL_BLOCK_RECORDS } from '../kafka-limits.ts';
import { positionAfter, SPOOL_FIELDS, SPOOL_ITEM } from '../spool.ts';
import { BLOCK_AT, BLOCK_HEADER_BYTES } from '../spool-block.ts';
import { joined } from './gathering.ts';

const ITEMS = 2 * SPOOL_FIELDS.length;

/** Lost from the spool, not from the source: whoever needs them waits until they were fetched again. */
export class SpoolLacks extends Error {}

export function spoolReader(reader: Pick<RangeReader, 'readAfter'>): Pick<RangeReader, 'readAfter'> {
  /** Of the entries that were read last. */
  let recordsPerEntry = SPOOL_BLOCK_RECORDS;
  return {
    async readAfter(key, after, count, upTo) {
      const parts: RawBatch[] = [];
      let from = after;
      for (let left = count; ;) {
        const entries = Math.min(left, Math.ceil(left / recordsPerEntry) + 1);
        const raw = await reader.readAfter(key, from, entries);
        const there = countIn(raw, from);
        const part = unpacked(raw, from, Math.min(left, there), upTo);
        if (part.count > 0 || parts.length === 0) parts.push(part);
        if (raw.count === 0) break;
        recordsPerEntry = Math.max(1, there / raw.count);
        left -= part.count;
        const last = raw.ids[raw.count - 1]!;
        const beyond = upTo !== undefined && positionAfter(last) >= positionAfter(upTo);
        if (left === 0 || raw.cut || beyond || last === raw.stream.lastId) break;
        from = last;
      }
      return parts.length === 1 ? parts[0]! : joined(parts);
    },
  };
}

function isBlock(raw: RawBatch, entry: number): boolean {
  return raw.pairs[entry] === 1;
}

/** The first `most` records with ids in (after, upTo]. */
function unpacked(raw: RawBatch, after: EntryId, most: number, upTo?: EntryId): RawBatch {
  const from = positionAfter(after);
  const to = upTo === undefined ? Infinity : positionAfter(upTo);
  const ids = new Array<EntryId>(most);
  const spans = new Int32Array(most * ITEMS * 2);
  let count = 0;
  for (let entry = 0; entry < raw.count && count < most; entry++) {
    if (!isBlock(raw, entry)) {
      if (positionAfter(raw.ids[entry]!) > to) break;
      ids[count] = raw.ids[entry]!;
      copySpans(raw, entry, spans, count++);
      continue;
    }
    const { start, end } = blockOf(raw, entry);
    for (let at = start; at < end && count < most; at += raw.buffer.readUInt32BE(at)) {
      const number = raw.buffer.readDoubleBE(at + BLOCK_AT.number);
      if (number <= from) continue;
      if (number > to) break;
      ids[count] = `${number}-0`;
      setSpans(raw.buffer, at, spans, count++);
    }
  }
  ids.length = count;
  const at = Uint32Array.from({ length: count }, (_, i) => i * ITEMS);
  const pairs = new Uint32Array(count).fill(SPOOL_FIELDS.length);
  return { buffer: raw.buffer, count, ids, at, pairs, spans, cut: raw.cut, stream: raw.stream };
}

/** Records behind `after`; those of the first entry may begin before it. */
function countIn(raw: RawBatch, after: EntryId): number {
  const from = positionAfter(after);
  let count = 0;
  for (let entry = 0; entry < raw.count; entry++) {
    if (!isBlock(raw, entry)) {
      count++;
      continue;
    }
    const { start, end } = blockOf(raw, entry);
    for (let at = start; at < end; at += raw.buffer.readUInt32BE(at))
      if (raw.buffer.readDoubleBE(at + BLOCK_AT.number) > from) count++;
  }
  return count;
}

/** Blocks are small, so that a reply that holds one has it whole, or the entry was cut. */
function blockOf(raw: RawBatch, entry: number): { readonly start: number; readonly end: number } {
  const item = 2 * (raw.at[entry]! + 1);
  const start = raw.spans[item]!;
  return { start, end: start + raw.spans[item + 1]! };
}

function copySpans(raw: RawBatch, entry: number, spans: Int32Array, record: number): void {
  const first = 2 * raw.at[entry]!;
  spans.set(raw.spans.subarray(first, first + 2 * ITEMS), record * ITEMS * 2);
}

function setSpans(buffer: Buffer, at: number, spans: Int32Array, record: number): void {
  const base = record * ITEMS;
  let next = at + BLOCK_HEADER_BYTES;
  const set = (item: number, start: number, length: number) => {
    spans[2 * (base + item)] = start;
    spans[2 * (base + item) + 1] = length;
  };
  const put = (item: number, length: number) => {
    set(item, next, length);
    next += length;
  };
  const arrival = buffer[at + BLOCK_AT.arrival]!;
  put(SPOOL_ITEM.arrival, arrival);
  if (arrival === 0) set(SPOOL_ITEM.arrival, next, buffer[at + BLOCK_AT.timestamp]!);
  put(SPOOL_ITEM.timestamp, buffer[at + BLOCK_AT.timestamp]!);
  set(SPOOL_ITEM.flags, at + BLOCK_AT.flags, 1);
  put(SPOOL_ITEM.key, buffer.readUInt32BE(at + BLOCK_AT.key));
  put(SPOOL_ITEM.value, buffer.readUInt32BE(at + BLOCK_AT.value));
  put(SPOOL_ITEM.headers, buffer.readUInt32BE(at + BLOCK_AT.headers));
}
