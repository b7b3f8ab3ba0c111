/**
 * Open batching windows: a batch is due when its window has passed, it has `batchSize` records, or 6 MB as an event (esm-semantics.md §1.4).
 * And tumbling ones, which end when their time is over although no records come (§1.10).
 */
import type { Redis } from '../redis/connect.ts';
import { EVENT_BYTES_MAX } from '../limits.ts';
import { measureBacklog } from '../shard/measure.ts';
import type { PolledShard } from './polled-shard.ts';

/** What Redis holds as one byte is more in the event: base64, and what surrounds each record. */
const EVENT_BYTES_PER_BYTE = 4 / 3;
const EVENT_BYTES_PER_RECORD = 420;

/** Looks at what came since the last look; true when the batch is due. The executor, which encodes it, has the last word. */
export async function windowIsDue(redis: Redis, polled: PolledShard, nowMs: number): Promise<boolean> {
  const { window } = polled;
  if (!window) return false;
  if (nowMs >= window.dueAt) return true;
  if (nowMs < window.notBefore) return false;
  const { batchSize } = polled.mapping.settings();
  const found = await measureBacklog(redis, polled.shard, window.after, Math.max(1, batchSize - window.records));
  window.records += found.records;
  window.eventBytes += found.bytes * EVENT_BYTES_PER_BYTE + found.records * EVENT_BYTES_PER_RECORD;
  window.after = found.last ?? window.after;
  return window.records >= batchSize || window.eventBytes >= EVENT_BYTES_MAX;
}

/** A batch that began then is complete at the end of its tumbling window, as far as can be told without reading it. */
export function tumblingEndOf({ mapping }: PolledShard, beganMs: number): number {
  const { tumblingMs } = mapping.settings();
  return tumblingMs === 0 ? Infinity : (Math.floor(beganMs / tumblingMs) + 1) * tumblingMs;
}

/** Nothing else would wake the shard. */
export function tumblingIsDue({ state, windowDueAt }: PolledShard, nowMs: number): boolean {
  return state === 'watching' && windowDueAt > 0 && windowDueAt <= nowMs;
}
