/**
 * Where a mapping begins to read a shard: its first checkpoint, and how many entries count as read up to there.
 *
 * The second number makes gaps countable: `lost = entries-added - entries-read - length`, once the first entry that exists lies above the
 * checkpoint (contract.md, "gap"). It must be 0 at the start, so entries-read = entries-added - (entries that exist above the checkpoint):
 * what was removed before the mapping began was never its to read.
 */
import { COUNT_RECORDS_PER_CALL, START_TRIES_MAX } from '../../src/limits.ts';
import { AFTER_ALL, BEFORE_ALL, idMs, type EntryId } from '../../src/record.ts';
import type { Redis } from '../../src/redis/connect.ts';
import type { StartingPosition } from '../../src/source/port.ts';
import { countScript } from './scripts.ts';
import { readStreamInfo, type StreamInfo } from './stream-info.ts';

export interface Start {
  readonly checkpoint: EntryId;
  readonly entriesRead: number;
}

/** `first-seen`: ids are no times, so every record that is there arrives now (contract.md, "arrival"). */
export type Arrival = 'id' | 'first-seen';

/** Ids before this are no times (contract.md, "arrival"). */
const FIRST_PLAUSIBLE_MS = Date.UTC(2010, 0, 1);

/** A key that does not exist yet is read from its beginning, whatever the position. */
export async function startOf(redis: Redis, key: string, position: StartingPosition, arrival: Arrival): Promise<Start> {
  let info = await readStreamInfo(redis, key);
  for (let tries = 0; ; tries++) {
    if (!info) return { checkpoint: BEFORE_ALL, entriesRead: 0 };
    const start = await tryStart(redis, key, info, position, arrival);
    const after = await readStreamInfo(redis, key);
    // The count is exact if nothing was removed meanwhile. A stream that is trimmed all the time gets the last attempt's.
    if (after && (removedFrom(after) === removedFrom(info) || tries + 1 >= START_TRIES_MAX)) return start;
    info = after;
  }
}

async function tryStart(
  redis: Redis,
  key: string,
  info: StreamInfo,
  position: StartingPosition,
  arrival: Arrival,
): Promise<Start> {
  const fromStart: Start = { checkpoint: BEFORE_ALL, entriesRead: removedFrom(info) };
  if (position.kind === 'TRIM_HORIZON') return fromStart;
  if (position.kind === 'LATEST') return { checkpoint: tailOf(info), entriesRead: info.entriesAdded };
  if (!info.firstId || arrival === 'first-seen' || idMs(info.firstId) < FIRST_PLAUSIBLE_MS) return fromStart;
  if (idMs(info.firstId) >= position.timestampMs) return fromStart;
  const [before] = await redis.xrevrange(key, `(${Math.ceil(position.timestampMs)}-0`, '-', 'COUNT', 1);
  if (!before) return fromStart;
  const checkpoint = before[0];
  return { checkpoint, entriesRead: info.entriesAdded - (await countBetween(redis, key, checkpoint, tailOf(info))) };
}

function removedFrom(info: StreamInfo): number {
  return info.entriesAdded - info.length;
}

/** A sealed shard's last-generated id is the maximum, which no record has. */
function tailOf(info: StreamInfo): EntryId {
  return info.lastGeneratedId === AFTER_ALL ? (info.lastId ?? BEFORE_ALL) : info.lastGeneratedId;
}

/** Entries in (from, to]. */
export async function countBetween(redis: Redis, key: string, from: EntryId, to: EntryId): Promise<number> {
  let total = 0;
  for (let after = from; ;) {
    const [count, last] = (await countScript.run(redis, [key], [`(${after}`, to, COUNT_RECORDS_PER_CALL])) as [
      number,
      string,
    ];
    total += count;
    if (count < COUNT_RECORDS_PER_CALL) return total;
    after = last;
  }
}
