/** What the shards that one poller watches add up to, per mapping. Pure. */
import { arrivalMs } from '../arrival.ts';
import { lagOf } from './judge.ts';
import type { PolledShard } from './polled-shard.ts';

/** Sums over the shards that this poller watches; ages are those of the worst shard. */
export interface MappingGauges {
  readonly lagRecords: number;
  readonly iteratorAgeMs: number;
  readonly blockedShards: number;
  readonly oldestUnsettledMs: number;
}

const NOTHING: MappingGauges = { lagRecords: 0, iteratorAgeMs: 0, blockedShards: 0, oldestUnsettledMs: 0 };

export function sumGauges(shards: Iterable<PolledShard>, nowMs: number): Map<string, MappingGauges> {
  const sums = new Map<string, MappingGauges>();
  for (const { mapping, view } of shards) {
    const sum = sums.get(mapping.name) ?? NOTHING;
    if (!view) {
      sums.set(mapping.name, sum);
      continue;
    }
    const rule = { firstSeen: mapping.settings().firstSeen, marks: [], nowMs };
    const arrived = view.nextId === null ? nowMs : (view.spool?.nextArrivalMs ?? arrivalMs(view.nextId, rule));
    const age = Math.max(0, nowMs - arrived);
    sums.set(mapping.name, {
      lagRecords: sum.lagRecords + lagOf(view),
      blockedShards: sum.blockedShards + (view.blocked ? 1 : 0),
      oldestUnsettledMs: Math.max(sum.oldestUnsettledMs, age),
      iteratorAgeMs: Math.max(sum.iteratorAgeMs, age),
    });
  }
  return sums;
}
