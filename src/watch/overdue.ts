/** Turns that should have come or ended long ago: each kind of loss is mended by what is harmless when nothing was lost. */
import { TURN_LOST_MS, TURN_OVERDUE_MS } from '../limits.ts';
import type { Log } from '../observe/log.ts';
import type { PolledShard } from './polled-shard.ts';

/**
 * Somebody alive has the turn. If it does not end, its job may be gone all the same (its holder found its lease run out, an answer was
 * lost on the way): a wake is merged with a turn that runs, and else begins the one that is missing.
 */
export async function wakeLongTurn(polled: PolledShard, nowMono: number): Promise<void> {
  if (nowMono - polled.since < TURN_OVERDUE_MS) return;
  await polled.mapping.queue.wake([polled.shard.shardId]);
  polled.since = nowMono;
}

/** Work waits for a turn that was asked for `lateMs` ago (or parked until then). */
export async function hurryLateTurn(polled: PolledShard, lateMs: number, log: Log): Promise<void> {
  const { mapping, shard } = polled;
  if (lateMs < TURN_OVERDUE_MS) return;
  if (lateMs > TURN_LOST_MS && (await mapping.queue.freeStuck(shard.shardId))) {
    log.warn({ mapping: mapping.name, shard: shard.shardId }, 'a lost turn was freed');
  }
  await mapping.queue.hurry(shard.shardId);
  await mapping.queue.wake([shard.shardId]);
}
