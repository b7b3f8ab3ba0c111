/** The lanes of a shard for `status`. */
import type { LaneState } from '../lanes.ts';
import { compareIds, type Unit } from '../record.ts';
import { sequenceNumberOf } from '../spool.ts';
import type { ShardFacts } from './status-read.ts';
import type { LaneStatus, ShardStateName } from './status-types.ts';

/** `shard`: the state of the shard as a whole. */
export function laneStatuses(facts: ShardFacts, shard: ShardStateName, nowMs: number): LaneStatus[] {
  const { lanes } = facts.lanes!;
  return lanes.map((lane, index) => {
    const head = facts.units.find((unit) => unit.lane === index);
    const blocked = lane.why !== '' || (head !== undefined && head.blockedSince !== null);
    return {
      lane: index,
      state: blocked ? 'blocked' : stateOf(lane, head, facts, shard),
      blocked: blocked ? blockedLane(lane, head, facts, nowMs) : null,
    };
  });
}

function stateOf(
  lane: LaneState,
  head: Unit | undefined,
  facts: ShardFacts,
  shard: ShardStateName,
): LaneStatus['state'] {
  if (lane.done || shard === 'closed') return 'closed';
  if (shard === 'paused') return 'paused';
  const owned = facts.owner !== '';
  if (head) return owned && head.lost > 0 ? 'running' : 'waiting';
  const last = facts.stream?.lastId ?? null;
  return last !== null && compareIds(lane.checkpoint, last) < 0 ? 'waiting' : 'idle';
}

function blockedLane(
  lane: LaneState,
  head: Unit | undefined,
  facts: ShardFacts,
  nowMs: number,
): NonNullable<LaneStatus['blocked']> {
  const { partitionKey = null, overdueAt = null } = (lane.blocked === '' ? {} : JSON.parse(lane.blocked)) as {
    partitionKey?: string | null;
    overdueAt?: number | null;
  };
  const expiresAt = overdueAt ?? (lane.expiresAt > 0 ? lane.expiresAt : null);
  return {
    sequenceNumber: sequenceNumberOf(head?.first ?? lane.checkpoint, facts.spool !== null),
    partitionKey,
    since: new Date(head?.blockedSince ?? lane.settledAt).toISOString(),
    attempts: head?.deliveries ?? 0,
    requestId: head?.requestId ?? null,
    recordsInUnit: head?.count ?? 0,
    lastError: head?.lastError ?? { errorType: lane.why, errorMessage: `nothing can be settled: ${lane.why}` },
    nextAttemptAt: new Date(Math.max(lane.notBefore, nowMs)).toISOString(),
    expiresAt: expiresAt !== null && facts.pausedAt === 0 ? new Date(expiresAt).toISOString() : null,
  };
}
