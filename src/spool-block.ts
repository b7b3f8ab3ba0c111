/**
 * How records lie in a spool: many in one entry (a block), so that Redis and its client handle a hundredth of the entries; a large record is
 * an entry of its own, with the fields of SPOOL_FIELDS, so that a reader may pass over its payload. The id of a block is that of its last
 * record: what lies behind a checkpoint is found as ever, and a block stays until all of it is settled.
 *
 * A block has one field, SPOOL_BLOCK. A record in it, numbers big-endian:
 *   0  u32  length of the record, these 27 bytes included
 *   4  f64  number of its entry id (position + 1)
 *  12  u8   flags as a digit
 *  13  u8   length of the arrival; 0: it is the timestamp
 *  14  u8   length of the timestamp
 *  15  u32  length of the key    19  u32  length of the value    23  u32  length of the headers
 *  27       arrival, timestamp, key, value, headers
 */
import { SPOOL_BLOCK_BYTES, SPOOL_BLOCK_RECORDS } from './kafka-limits.ts';
import type { SpoolRecord } from './spool.ts';

/** Name of a block's field. */
const SPOOL_BLOCK = 'b';
export const BLOCK_HEADER_BYTES = 27;
/** Where the parts of a record's header are. */
export const BLOCK_AT = { number: 4, flags: 12, arrival: 13, timestamp: 14, key: 15, value: 19, headers: 23 } as const;

/** An entry that is to be appended: a block, or a record that is too large for one. */
export type SpoolEntry =
  { readonly block: Buffer; readonly count: number; readonly last: number } | { readonly record: SpoolRecord };

/** In their order, as few entries as the bounds allow. */
export function toSpoolEntries(records: readonly SpoolRecord[]): SpoolEntry[] {
  const arrivals = records.map(ownArrival);
  const sizes = records.map((record, i) => sizeIn(record, arrivals[i]!));
  const packed = Buffer.allocUnsafe(sizes.reduce((sum, size) => (size > SPOOL_BLOCK_BYTES ? sum : sum + size), 0));
  const entries: SpoolEntry[] = [];
  let [start, at, count, last] = [0, 0, 0, 0];
  const close = () => {
    if (count > 0) entries.push({ block: packed.subarray(start, at), count, last });
    start = at;
    count = 0;
  };
  for (const [i, record] of records.entries()) {
    const size = sizes[i]!;
    if (count === SPOOL_BLOCK_RECORDS || at - start + size > SPOOL_BLOCK_BYTES) close();
    if (size > SPOOL_BLOCK_BYTES) entries.push({ record });
    else {
      write(packed, at, record, arrivals[i]!, size);
      at += size;
      count++;
      last = record.position + 1;
    }
  }
  close();
  return entries;
}

/** '' where it is the timestamp. */
function ownArrival({ arrivalMs, timestamp }: SpoolRecord): string {
  return arrivalMs === Number(timestamp) ? '' : String(arrivalMs);
}

function sizeIn({ timestamp, key, value, headers }: SpoolRecord, arrival: string): number {
  return BLOCK_HEADER_BYTES + arrival.length + timestamp.length + key.length + value.length + headers.length;
}

function write(block: Buffer, at: number, record: SpoolRecord, arrival: string, size: number): void {
  const { position, timestamp, flags, key, value, headers } = record;
  block.writeUInt32BE(size, at);
  block.writeDoubleBE(position + 1, at + BLOCK_AT.number);
  block[at + BLOCK_AT.flags] = 48 + flags;
  block[at + BLOCK_AT.arrival] = arrival.length;
  block[at + BLOCK_AT.timestamp] = timestamp.length;
  block.writeUInt32BE(key.length, at + BLOCK_AT.key);
  block.writeUInt32BE(value.length, at + BLOCK_AT.value);
  block.writeUInt32BE(headers.length, at + BLOCK_AT.headers);
  let end = at + BLOCK_HEADER_BYTES;
  end += block.write(arrival, end, 'latin1');
  end += block.write(timestamp, end, 'latin1');
  end += key.copy(block, end);
  end += value.copy(block, end);
  block.write(headers, end, 'latin1');
}

/**
 * The same in Lua, for scripts that look into a spool: `walkSpool(entry, after, see)` shows the records of an entry whose id is greater than
 * `after`, `see(number, arrival, bytes)`, until it says true; `spooledAfter(key, after)` gives id and arrival of the first such record, '' and
 * '' without one.
 */
export const SPOOL_LUA = `
local function walkSpool(entry, after, see)
  local from, fields = tonumber(string.match(after, '^(%d+)-')), entry[2]
  if fields[1] ~= '${SPOOL_BLOCK}' then
    local bytes = 0
    for i = 2, #fields, 2 do bytes = bytes + #fields[i] end
    return see(tonumber(string.match(entry[1], '^(%d+)-')), fields[2], bytes)
  end
  local block, at = fields[2], 1
  while at <= #block do
    local size, number, _, arrival, timestamp = struct.unpack('>I4dBBB', block, at)
    if number > from then
      local text = at + ${BLOCK_HEADER_BYTES}
      local length = arrival > 0 and arrival or timestamp
      if see(number, string.sub(block, text, text + length - 1), size - ${BLOCK_HEADER_BYTES}) then return true end
    end
    at = at + size
  end
end

local function spooledAfter(key, after)
  local entry = redis.call('XRANGE', key, '(' .. after, '+', 'COUNT', 1)[1]
  if not entry then return '', '' end
  local id, arrival = '', ''
  walkSpool(entry, after, function(number, arrived)
    id, arrival = string.format('%.0f-0', number), arrived
    return true
  end)
  return id, arrival
end
`;
