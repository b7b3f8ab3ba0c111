/** `millrace mapping pause` and `resume`: of one shard, or of a mapping with all the shards that it has and will have. */
import { SHARDS_PAUSED_AT_ONCE } from '../operator-limits.ts';
import { pauseShards, resumeShards } from '../shard/pauses.ts';
import { type ActingDeps, noSuchMapping, openShard, shardsOf, tellShards } from './acting.ts';

/** How many shards were changed by it. @throws MillraceError `mapping-not-found`, `shard-not-found`, `shard-closed` */
export function pauseMapping(deps: ActingDeps, mapping: string, shardId: string | undefined): Promise<number> {
  return inSteps(deps, mapping, shardId, 'pause');
}

/** As `pauseMapping`. */
export function resumeMapping(deps: ActingDeps, mapping: string, shardId: string | undefined): Promise<number> {
  return inSteps(deps, mapping, shardId, 'resume');
}

/** Killed between two steps it is done for some of the shards; the same command does the rest. */
async function inSteps(
  deps: ActingDeps,
  mapping: string,
  shardId: string | undefined,
  verb: 'pause' | 'resume',
): Promise<number> {
  const { redis, keys } = deps;
  if (shardId !== undefined) await openShard(deps, mapping, shardId);
  const shardIds = shardId === undefined ? await shardsOf(deps, mapping) : [shardId];
  const change = verb === 'pause' ? pauseShards : resumeShards;
  const detail = shardId === undefined ? `all shards (${shardIds.length})` : 'one shard';
  let changed = 0;
  // A mapping without shards is paused, too.
  for (let i = 0; i === 0 || i < shardIds.length; i += SHARDS_PAUSED_AT_ONCE) {
    const act =
      i === 0
        ? { command: `mapping ${verb}`, mapping, ...(shardId !== undefined && { shard: shardId }), detail }
        : null;
    const some = shardIds.slice(i, i + SHARDS_PAUSED_AT_ONCE);
    const step = await change(redis, keys, { mapping, shardIds: some, whole: shardId === undefined, act });
    if (step === null) throw noSuchMapping(mapping);
    changed += step.length;
    // Also those that a killed command had changed and told nobody of.
    await tellShards(deps, mapping, some, verb === 'resume' ? 'wake' : 'look');
  }
  return changed;
}
