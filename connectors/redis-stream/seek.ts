/** Where a shard that has been read begins again, and what lies between (source/port.ts, `seek`). */
import { BEFORE_ALL, compareIds, type EntryId, previousId } from '../../src/record.ts';
import type { Redis } from '../../src/redis/connect.ts';
import type { ReadShard, RewindTo, Sought } from '../../src/source/port.ts';
import { type Arrival, countBetween } from './start.ts';
import { readStreamInfo } from './stream-info.ts';

/** Null: none of its settled records lies there. */
export async function seekIn(redis: Redis, shard: ReadShard, to: RewindTo, arrival: Arrival): Promise<Sought | null> {
  const info = await readStreamInfo(redis, shard.key);
  if (!info?.firstId) return null;
  const beginning = previousId(info.firstId);
  const wanted = wantedIn(shard, to, arrival);
  const checkpoint = compareIds(wanted, beginning) > 0 ? wanted : beginning;
  if (compareIds(checkpoint, shard.settled) >= 0) return null;
  const [first] = await redis.xrangeBuffer(shard.key, `(${checkpoint}`, shard.settled, 'COUNT', 1);
  if (!first) return null;
  const records = await countBetween(redis, shard.key, checkpoint, shard.settled);
  return { checkpoint, records, first: String(first[0]) };
}

function wantedIn({ marks }: ReadShard, to: RewindTo, arrival: Arrival): EntryId {
  if (to.kind === 'TRIM_HORIZON') return BEFORE_ALL;
  if (to.kind === 'BEHIND') return to.checkpoint;
  // Where ids are no times, the records count that were first seen at the time or later.
  const byId = arrival === 'id' && marks.length === 0;
  return byId ? previousId(`${Math.ceil(to.timestampMs)}-0`) : seenBefore(marks, to.timestampMs);
}

function seenBefore(marks: ReadShard['marks'], timestampMs: number): EntryId {
  return marks.findLast(([, seenMs]) => seenMs < timestampMs)?.[0] ?? BEFORE_ALL;
}
