/** Creating, listing and deleting sharded streams. */
import { MillraceError } from '../../src/errors.ts';
import { RETENTION_HOURS_MAX, RETENTION_HOURS_MIN, STREAM_SHARDS_MAX } from '../../src/limits.ts';
import { shardIdOf } from '../../src/record.ts';
import type { Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { divideEvenly } from './hash-range.ts';
import { createScript, deleteScript } from './scripts.ts';
import { checkStreamName, encodeShard, readTopology, requireTopology, type Topology } from './topology.ts';

export interface StreamShape {
  readonly shards: number;
  readonly retentionHours: number;
}

/**
 * Creates a sharded stream; false when it was there already, created with the same shape (so that set-up scripts can run twice).
 * Rejects with `stream-exists` when one of another shape, or another key in its place, is there.
 */
export async function createStream(redis: Redis, keys: Keys, name: string, shape: StreamShape): Promise<boolean> {
  checkStreamName(name);
  checkShape(shape);
  const shardIds = Array.from({ length: shape.shards }, (_, index) => shardIdOf(index));
  const json = divideEvenly(shape.shards).map((range) => encodeShard({ parents: [], range, closed: false }));
  const reply = (await createScript.run(
    redis,
    [keys.stream(name), keys.streams(), name, ...shardIds.map((shardId) => keys.streamShard(name, shardId))],
    [name, shape.retentionHours, ...shardIds.flatMap((shardId, index) => [shardId, json[index]!])],
  )) as [status: string, key?: string];
  if (reply[0] === 'created') return true;
  if (reply[0] === 'taken') throw taken(name, reply[1]!);
  const there = await readTopology(redis, keys, name);
  if (there && there.createdShards === shape.shards && there.retentionHours === shape.retentionHours) return false;
  throw new MillraceError(
    'stream-exists',
    `the stream "${name}" exists already, ${there ? shapeText(there) : 'as something else'}`,
    {
      hint: 'change its shards with: millrace stream split, millrace stream merge; or choose another name',
    },
  );
}

/** Names of all sharded streams of the namespace, sorted. */
export async function listStreams(redis: Redis, keys: Keys): Promise<string[]> {
  return (await redis.smembers(keys.streams())).sort();
}

/** Deletes the stream with all its records, read or not. Rejects with `stream-not-found`, `stream-conflict`. */
export async function deleteStream(redis: Redis, keys: Keys, name: string): Promise<void> {
  const topology = await requireTopology(redis, keys, name);
  const [status] = (await deleteScript.run(
    redis,
    [keys.stream(name), keys.streams(), ...topology.shards.map((shard) => shard.key)],
    [topology.revision, name],
  )) as [string];
  if (status === 'done') return;
  throw new MillraceError(
    'stream-conflict',
    `the stream "${name}" was changed while it was being deleted; nothing was deleted`,
    {
      hint: 'look at it with millrace stream describe, then delete it again',
    },
  );
}

function checkShape({ shards, retentionHours }: StreamShape): void {
  if (!Number.isInteger(shards) || shards < 1 || shards > STREAM_SHARDS_MAX) {
    throw new MillraceError('stream-shape', `a stream has 1 to ${STREAM_SHARDS_MAX} shards, not ${shards}`);
  }
  if (
    !Number.isInteger(retentionHours) ||
    retentionHours < RETENTION_HOURS_MIN ||
    retentionHours > RETENTION_HOURS_MAX
  ) {
    throw new MillraceError(
      'stream-shape',
      `the retention is ${RETENTION_HOURS_MIN} to ${RETENTION_HOURS_MAX} hours, not ${retentionHours}`,
    );
  }
}

function shapeText(topology: Topology): string {
  return `created with ${topology.createdShards} shards and a retention of ${topology.retentionHours} hours`;
}

function taken(name: string, key: string): MillraceError {
  if (key === name) {
    return new MillraceError(
      'stream-exists',
      `the Redis key "${name}" exists: mappings of a plain stream of that name would lose sight of it`,
      {
        hint: 'choose another name, or rename the key first',
      },
    );
  }
  return new MillraceError('stream-exists', `the Redis key "${key}", which one of the shards needs, exists already`, {
    hint: 'look what it holds, then choose another name or delete the key',
  });
}
