/** The durable state of a mapping's shards at the end of a run. */
import type { Unit } from '../../../src/record.ts';
import type { EndState, ShardEnd } from '../../support/end-state.ts';
import type { LabSource, ShardNow } from './source.ts';

function unitsOf({ state }: ShardNow): readonly Unit[] {
  return JSON.parse(state['units'] ?? '[]') as Unit[];
}

/** Nothing is left to do: no unit, nobody at work, and the checkpoint at the last record. */
export function isDrained(now: ShardNow): boolean {
  const { state, checkpoint, lastEntry } = now;
  return unitsOf(now).length === 0 && state['owner'] === '' && (lastEntry === null || checkpoint === lastEntry);
}

/** Of the shard that has settled the fewest. */
export function leastSettled(now: readonly ShardNow[]): number {
  return Math.min(...now.map(({ state }) => Number(state['n:succeeded'] ?? 0)));
}

interface EndFacts {
  readonly failedJobs: number;
  readonly drained: boolean;
  /** Then the first entry says nothing of what Millrace trimmed. */
  readonly trimmedByHand: boolean;
  readonly countersLost: boolean;
}

export async function collectEnd(source: LabSource, facts: EndFacts): Promise<EndState> {
  const now = await source.look();
  const notices = await source.notices();
  const { failedJobs, drained } = facts;
  return { shards: now.map((n) => endOf(n, facts)), notices, failedJobs, drained };
}

function endOf(now: ShardNow, { trimmedByHand, countersLost }: EndFacts): ShardEnd {
  const { shard, state, checkpoint, groupMarker, firstEntry } = now;
  const count = (name: string): number => Number(state[`n:${name}`] ?? 0);
  return {
    ...{ shard: shard.name, checkpoint, groupMarker },
    ...(trimmedByHand ? {} : { firstEntry }),
    unitsPending: unitsOf(now).length,
    redelivered: count('redelivered'),
    ...(countersLost
      ? {}
      : { settled: { succeeded: count('succeeded'), expired: count('expired'), givenUp: count('givenUp') } }),
  };
}
