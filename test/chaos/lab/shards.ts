/** The durable state of a mapping's shards, looked at from outside: while a test runs (for the sampler) and at its end. */
import type { Redis } from 'ioredis';
import { shardIdOf, type Unit } from '../../../src/record.ts';
import type { Keys } from '../../../src/redis/keys.ts';
import type { EndState, NoticeEnd, ShardEnd } from '../../support/end-state.ts';

export const MAPPING = 'm';
export const STREAM = 's';

export interface LabShard {
  readonly shardId: string;
  /** `<mapping>/<shardId>`, as histories name it. */
  readonly name: string;
  /** The stream key that producers write to. */
  readonly key: string;
}

export interface ShardNow {
  readonly shard: LabShard;
  readonly state: Readonly<Record<string, string>>;
  readonly groupMarker: string | null;
  readonly firstEntry: string | null;
  readonly lastEntry: string | null;
}

export function shardsOf(keys: Keys, count: number): LabShard[] {
  return Array.from({ length: count }, (_, index) => {
    const shardId = shardIdOf(index);
    return { shardId, name: `${MAPPING}/${shardId}`, key: keys.streamShard(STREAM, shardId) };
  });
}

/** All shards in one step of Redis, so that marker and checkpoint belong to one instant. */
export async function lookAtShards(redis: Redis, keys: Keys, shards: readonly LabShard[]): Promise<ShardNow[]> {
  const step = redis.multi();
  for (const { shardId, key } of shards) {
    step.xinfo('GROUPS', key).xrange(key, '-', '+', 'COUNT', 1).xrevrange(key, '+', '-', 'COUNT', 1);
    step.hgetall(keys.shard(MAPPING, shardId));
  }
  const replies = (await step.exec())!.map(([, reply]) => reply);
  return shards.map((shard, index): ShardNow => {
    const [groups, first, last, state] = replies.slice(4 * index, 4 * index + 4) as [
      readonly unknown[][] | null,
      readonly [string][] | null,
      readonly [string][] | null,
      Record<string, string> | null,
    ];
    return {
      ...{ shard, state: state ?? {}, groupMarker: markerOf(groups ?? [], keys.group(MAPPING)) },
      ...{ firstEntry: first?.[0]?.[0] ?? null, lastEntry: last?.[0]?.[0] ?? null },
    };
  });
}

function markerOf(groups: readonly unknown[][], name: string): string | null {
  for (const flat of groups) {
    const facts = new Map<unknown, unknown>();
    for (let i = 0; i + 1 < flat.length; i += 2) facts.set(flat[i], flat[i + 1]);
    if (facts.get('name') === name) return String(facts.get('last-delivered-id'));
  }
  return null;
}

export function unitsOf({ state }: ShardNow): readonly Unit[] {
  return JSON.parse(state['units'] ?? '[]') as Unit[];
}

/** Nothing is left to do: no unit, nobody at work, and the checkpoint at the last record. */
export function isDrained(now: ShardNow): boolean {
  const { state, lastEntry } = now;
  return unitsOf(now).length === 0 && state['owner'] === '' && (lastEntry === null || state['cp'] === lastEntry);
}

/** `trimmedByHand`: then the first entry says nothing of what Millrace trimmed. */
export async function collectEnd(
  redis: Redis,
  keys: Keys,
  shards: readonly LabShard[],
  facts: { readonly drained: boolean; readonly trimmedByHand: boolean },
): Promise<EndState> {
  const now = await lookAtShards(redis, keys, shards);
  const entries = await redis.xrange(keys.failures(MAPPING), '-', '+');
  const notices = entries.map(([id, fields]): NoticeEnd => {
    const notice = JSON.parse(fields[fields.indexOf('notice') + 1]!) as NoticeEnd['notice'] & {
      KinesisBatchInfo: { shardId: string };
    };
    return { shard: `${MAPPING}/${notice.KinesisBatchInfo.shardId}`, id, notice };
  });
  const failedJobs = await redis.zcard(`${keys.queuePrefix()}:${MAPPING}:failed`);
  return { shards: now.map((n) => endOf(n, facts.trimmedByHand)), notices, failedJobs, drained: facts.drained };
}

function endOf(now: ShardNow, trimmedByHand: boolean): ShardEnd {
  const { shard, state, groupMarker, firstEntry } = now;
  const count = (name: string): number => Number(state[`n:${name}`] ?? 0);
  return {
    ...{ shard: shard.name, checkpoint: state['cp'] ?? null, groupMarker },
    ...(trimmedByHand ? {} : { firstEntry }),
    unitsPending: unitsOf(now).length,
    settled: { succeeded: count('succeeded'), expired: count('expired'), givenUp: count('givenUp') },
  };
}
