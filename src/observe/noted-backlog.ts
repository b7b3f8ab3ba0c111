/**
 * How far the readers of a place on another system are behind, as pollers found it: what its writers, which need no way to that system, wait
 * for, and what `status` shows.
 */
import { PLACE_LOOK_MS, PLACE_NOTE_MS } from '../limits.ts';
import { type OutboxTarget, placeOf } from '../outbox.ts';
import type { Backlog } from '../output.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';

/** Null: nobody reads it. */
export async function noteBacklog(redis: Redis, keys: Keys, to: OutboxTarget, backlog: Backlog | null): Promise<void> {
  await redis.set(keys.behind(placeOf(to)), JSON.stringify(backlog), 'PX', PLACE_NOTE_MS);
}

/** Null: nobody reads it, or nobody could find out of late. */
export async function notedBacklog(redis: Redis, keys: Keys, to: OutboxTarget): Promise<Backlog | null> {
  const text = await redis.get(keys.behind(placeOf(to)));
  return text === null ? null : (JSON.parse(text) as Backlog | null);
}

/** Another poller has just looked. */
export async function isNoted(redis: Redis, keys: Keys, to: OutboxTarget): Promise<boolean> {
  return (await redis.pttl(keys.behind(placeOf(to)))) > PLACE_NOTE_MS - PLACE_LOOK_MS / 2;
}
