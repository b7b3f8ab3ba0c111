/** Redis streams as the source of a lab. */
import type { Redis } from 'ioredis';
import { createStream } from '../../../connectors/redis-stream/manage.ts';
import { shardIdOf, toSequenceNumber } from '../../../src/record.ts';
import type { Keys } from '../../../src/redis/keys.ts';
import type { NoticeEnd } from '../../support/end-state.ts';
import { type LabRecord, type LabShard, type LabSource, MAPPING, type Near, type NearRecord } from './source.ts';
import type { ShardNow, SourceParts } from './source.ts';

const STREAM = 's';

/** `oldMs`: so much older than they are, by their ids, are records that are written. */
export async function openStreamSource({ redis, keys }: SourceParts, count: number, oldMs = 0): Promise<LabSource> {
  await createStream(redis, keys, STREAM, { shards: count, retentionHours: 24 });
  const shards = Array.from({ length: count }, (_, index): LabShard => {
    const shardId = shardIdOf(index);
    return { shardId, name: `${MAPPING}/${shardId}`, key: keys.streamShard(STREAM, shardId) };
  });
  return {
    shards,
    config: { mapping: { source: { type: 'redis-stream', stream: STREAM } } },
    write: (records) => addAll(redis, records, oldMs === 0 ? '*' : `${Date.now() - oldMs}-*`),
    look: () => lookAtShards(redis, keys, shards),
    notices: () => noticesOf(redis, keys),
    positionsIn: async ({ key }) => (await redis.xrange(key, '-', '+')).map(([id]) => toSequenceNumber(id)),
    near: (shard, most) => nearIn(redis, keys, shard, most),
    mayRewind: () => undefined,
    close: () => Promise.resolve(),
  };
}

async function addAll(redis: Redis, records: readonly LabRecord[], id: string): Promise<(string | null)[]> {
  const batch = redis.pipeline();
  for (const { shard, data, key = 'k' } of records) {
    batch.xadd(shard.key, 'NOMKSTREAM', id, 'partitionKey', key, 'data', data);
  }
  const replies = (await batch.exec()) ?? [];
  return replies.map(([error, id]) => (error || typeof id !== 'string' ? null : toSequenceNumber(id)));
}

/** Of each shard the marker before the checkpoint, which only rises. Not in a transaction: a Redis whose memory is full takes none, not even of reads. */
async function lookAtShards(redis: Redis, keys: Keys, shards: readonly LabShard[]): Promise<ShardNow[]> {
  const step = redis.pipeline();
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
      ...{ shard, state: state ?? {}, checkpoint: state?.['cp'] ?? null },
      groupMarker: markerOf(groups ?? [], keys.group(MAPPING)),
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

async function nearIn(redis: Redis, keys: Keys, { shardId, key }: LabShard, most: number): Promise<Near> {
  const checkpoint = await redis.hget(keys.shard(MAPPING, shardId), 'cp');
  if (checkpoint === null) return { settled: [], next: [] };
  const [settled, next] = await Promise.all([
    redis.xrevrange(key, checkpoint, '-', 'COUNT', most),
    redis.xrange(key, `(${checkpoint}`, '+', 'COUNT', most),
  ]);
  const toNear = ([id]: readonly [string, string[]]): NearRecord => {
    const position = toSequenceNumber(id);
    return { id, position, name: position };
  };
  return { settled: settled.map(toNear), next: next.map(toNear) };
}

async function noticesOf(redis: Redis, keys: Keys): Promise<NoticeEnd[]> {
  const entries = await redis.xrange(keys.failures(MAPPING), '-', '+');
  return entries.map(([id, fields]): NoticeEnd => {
    const notice = JSON.parse(fields[fields.indexOf('notice') + 1]!) as NoticeEnd['notice'] & {
      KinesisBatchInfo: { shardId: string };
    };
    return { shard: `${MAPPING}/${notice.KinesisBatchInfo.shardId}`, id, notice };
  });
}
