/**
 * STORY 2: a turn. Take the shard, read a batch, invoke the function, settle; then the next batch, a retry later, or the end.
 *
 * Story 1 is poller.ts: how a shard comes to have a turn. The stations in call order: queue/ gives the turn, shard/ takes and settles,
 * turn/reading.ts reads and event/ encodes, unit/ decides, sandbox/ runs the function, turn/settling.ts writes. The steps themselves
 * are in turn/turn.ts.
 */
import { FencedError, messageOf } from './errors.ts';
import { shardOfRedriveLine } from './redrive-line.ts';
import { INFRASTRUCTURE_PAUSE_MS } from './limits.ts';
import type { TurnEnd, TurnLock } from './queue/turn-worker.ts';
import { runRedrive } from './redrive.ts';
import { takeShard } from './shard/take.ts';
import { AloneGate } from './turn/alone.ts';
import { hasLanes, runLanes } from './turn/lane-turns.ts';
import type { TurnMapping } from './turn/settings.ts';
import { SettleRefused } from './turn/shipping.ts';
import type { TurnDeps } from './turn/deps.ts';
import { Turn } from './turn/turn.ts';

export interface Executor {
  /** Never rejects; every wait in it has an end. */
  turn(mapping: TurnMapping, lock: TurnLock): Promise<TurnEnd>;
  /** From now on turns end after the unit that they are at. */
  drain(): void;
}

/** `turnsPerMapping`: turns of one mapping that run at once. */
export function createExecutor(
  given: Omit<TurnDeps, 'gate' | 'draining' | 'spare'> & { readonly turnsPerMapping: number },
): Executor {
  let draining = false;
  const running = new Map<string, number>();
  const count = (mapping: TurnMapping, by: number) => running.set(mapping.name, (running.get(mapping.name) ?? 0) + by);
  const spare = (mapping: TurnMapping) =>
    mapping.shardCount <= given.turnsPerMapping || (running.get(mapping.name) ?? 0) < given.turnsPerMapping;
  const deps: TurnDeps = { ...given, gate: new AloneGate(), draining: () => draining, spare };
  return {
    drain: () => void (draining = true),
    async turn(mapping, lock) {
      if (draining) return { kind: 'yield' };
      count(mapping, 1);
      try {
        return await runTurn(deps, mapping, lock);
      } catch (error) {
        return interrupted(deps, mapping, lock, error);
      } finally {
        count(mapping, -1);
      }
    },
  };
}

async function runTurn(deps: TurnDeps, mapping: TurnMapping, lock: TurnLock): Promise<TurnEnd> {
  const redriven = shardOfRedriveLine(lock.shardId);
  if (redriven !== undefined) return await runRedrive(deps, mapping, lock, redriven);
  // Not known here yet, e.g. a fresh split, or a partition whose first records were spooled just now.
  const shard = mapping.shard(lock.shardId) ?? (await mapping.lookFor(lock.shardId));
  if (!shard) return { kind: 'finished' };
  // A process that stood still may hold the answer to a fetch of long ago: by now the turn is another's, and must not be taken from it.
  if (!lock.held()) return { kind: 'yield' };

  const taken = await takeShard(
    deps.redis,
    deps.keys,
    { mapping: mapping.name, shardId: shard.shardId },
    { owner: deps.daemonId, parents: shard.parents, mode: 'turn', lock: lock.proof },
  );
  if (taken.kind === 'superseded') return { kind: 'yield' };
  // Settled to its end, or its parents are not, or an operator paused it: nothing to do.
  if (taken.kind !== 'ok') return { kind: 'finished' };
  if (taken.ownerBefore !== '' && taken.ownerBefore !== deps.daemonId) deps.observe.takenOver(mapping.name);

  const { configHash, version } = mapping.settings();
  const ran = { mapping: mapping.name, shard: shard.shardId, epoch: taken.holding.epoch };
  deps.log.debug({ ...ran, config: configHash, version: version.hash }, 'turn');

  if (hasLanes(mapping, taken.state)) return await runLanes(deps, mapping, shard, lock, taken, runUnits);
  const turn = new Turn(deps, mapping, shard, lock, taken);
  try {
    await turn.finishOutputs();
    return await runUnits(turn);
  } catch (error) {
    if (error instanceof SettleRefused) return await turn.refused(error);
    throw error;
  }
}

async function runUnits(turn: Turn): Promise<TurnEnd> {
  if (turn.tooEarly()) return await turn.end();
  for (;;) {
    const ready = await turn.pick();
    if ('kind' in ready) return ready;
    const attempted = await turn.invoke(ready);
    if ('kind' in attempted) return attempted;
    const end = await turn.conclude(ready, attempted);
    if (end) return end;
  }
}

/** Nothing that a handler does ends here. What does spends no attempt, and the shard is tried again. */
function interrupted(deps: TurnDeps, mapping: TurnMapping, lock: TurnLock, error: unknown): TurnEnd {
  const where = { mapping: mapping.name, shard: lock.shardId };
  if (error instanceof FencedError) {
    deps.observe.fenced(mapping.name);
    deps.log.warn(where, error.message);
    // With a queue that went back as well the turn may be this one still, and ended it would be missed until the sweep comes by.
    return error.wentBack ? { kind: 'park', delayMs: INFRASTRUCTURE_PAUSE_MS } : { kind: 'finished' };
  }
  const message = messageOf(error);
  deps.log.error({ ...where, error: message }, 'turn interrupted, it will be tried again');
  return { kind: 'park', delayMs: INFRASTRUCTURE_PAUSE_MS };
}
