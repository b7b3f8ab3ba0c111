/** What lies in a spool, record by record. Its layout (src/spool-block.ts) is told once more, so that nothing is tested with itself. */
import type { Redis } from 'ioredis';

export interface SpooledRecord {
  readonly id: string;
  readonly value: string;
}

type Entry = readonly [id: Buffer, fields: readonly Buffer[]];

/** Those of one entry. */
export function recordsIn([id, fields]: Entry): SpooledRecord[] {
  if (fields[0]!.toString() !== 'b') return [{ id: id.toString(), value: fields[9]!.toString() }];
  const block = fields[1]!;
  const records: SpooledRecord[] = [];
  for (let at = 0; at < block.length; at += block.readUInt32BE(at)) {
    const [key, value] = [block.readUInt32BE(at + 15), block.readUInt32BE(at + 19)];
    const start = at + 27 + block[at + 13]! + block[at + 14]! + key;
    records.push({ id: `${block.readDoubleBE(at + 4)}-0`, value: block.toString('utf8', start, start + value) });
  }
  return records;
}

export async function spooled(redis: Redis, key: string): Promise<SpooledRecord[]> {
  return ((await redis.xrangeBuffer(key, '-', '+')) as unknown as Entry[]).flatMap(recordsIn);
}
