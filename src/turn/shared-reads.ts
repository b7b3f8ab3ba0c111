/** The lanes of a shard read the same records one after another: the newest full reads are kept for those that come behind. */
import { LANE_READS_KEPT } from '../lane-limits.ts';
import type { RawBatch } from '../redis/reader-batch.ts';
import type { RangeReader } from '../redis/reader.ts';
import { moreBehind } from './gathering.ts';

export function sharedReads(reader: Pick<RangeReader, 'readAfter'>): Pick<RangeReader, 'readAfter'> {
  const kept = new Map<string, Promise<RawBatch>>();
  return {
    async readAfter(key, after, count, upTo) {
      const name = `${key} ${after} ${count} ${upTo ?? ''}`;
      const known = kept.get(name);
      if (known) return await known;
      const reading = reader.readAfter(key, after, count, upTo);
      kept.set(name, reading);
      for (const oldest of kept.keys()) {
        if (kept.size <= LANE_READS_KEPT) break;
        kept.delete(oldest);
      }
      let isFull = false;
      try {
        const raw = await reading;
        isFull = moreBehind(raw);
        return raw;
      } finally {
        // What reached the end of the stream may be longer the next time.
        if (!isFull) kept.delete(name);
      }
    },
  };
}
