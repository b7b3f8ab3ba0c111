/**
 * STORY 3: a redrive. Notices of one shard run again, in the order of their records, beside the shard's own records and without an order
 * between the two. What it is made of is that of a turn (executor.ts): the queue gives it, an epoch of its own fences it, unit/ decides.
 *
 * A command puts the notices there (shard/redrive-line.ts), daemon/redriving.ts sees to it that the queue has a turn for them.
 */
import type { TurnEnd, TurnLock } from './queue/turn-worker.ts';
import { RedriveTurn } from './redrive/redrive-turn.ts';
import { readNoticeAtWork, readPauses } from './shard/redrive-line.ts';
import { takeShard } from './shard/take.ts';
import type { TurnMapping } from './turn/settings.ts';
import { SettleRefused } from './turn/shipping.ts';
import type { TurnDeps } from './turn/deps.ts';

/** `shardId`: the shard that the notices are of. @throws FencedError, and whatever interrupts it */
export async function runRedrive(
  deps: TurnDeps,
  mapping: TurnMapping,
  lock: TurnLock,
  shardId: string,
): Promise<TurnEnd> {
  if (!lock.held()) return { kind: 'yield' };
  const { redis, keys } = deps;
  const ref = { mapping: mapping.name, shardId: lock.shardId };
  const taken = await takeShard(redis, keys, ref, {
    owner: deps.daemonId,
    parents: [],
    mode: 'turn',
    lock: lock.proof,
  });
  if (taken.kind === 'superseded') return { kind: 'yield' };
  if (taken.kind !== 'ok') return { kind: 'finished' };
  const atWork = await readNoticeAtWork(redis, keys, mapping.name, shardId);
  const pauses = await readPauses(redis, keys, mapping.name, shardId);
  const turn = new RedriveTurn(deps, mapping, lock, taken, { atWork, pauses });
  try {
    return await runNotices(turn);
  } catch (error) {
    if (error instanceof SettleRefused) return await turn.refused(error.message);
    throw error;
  }
}

async function runNotices(turn: RedriveTurn): Promise<TurnEnd> {
  await turn.finishOutputs();
  if (turn.paused) return await turn.leave();
  if (turn.tooEarly()) return await turn.end();
  for (;;) {
    const ready = await turn.pick();
    if ('kind' in ready) return ready;
    const attempted = await turn.invoke(ready);
    const end = await turn.conclude(ready, attempted);
    if (end) return end;
  }
}
