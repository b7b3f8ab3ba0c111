/**
 * The shards of a sharded stream, as its topology hash (`keys.stream(name)`) holds them:
 *   createdAt       Redis ms
 *   createdShards   shard count it was created with
 *   retentionHours  how long records are kept at least
 *   revision        begins at createdAt and rises by 1 with every split and merge, so that no two topologies of one name share it,
 *                   also when the stream was deleted and created anew
 *   nextShard       index of the next shard id; ids are never used twice
 *   shard:<id>      JSON {"parents":[],"start":"<hash key>","end":"<hash key>","closed":false}
 * Only the scripts in lua/ write it.
 */
import { MillraceError } from '../../src/errors.ts';
import { STREAM_NAME_CHARS_MAX } from '../../src/limits.ts';
import { isWrongType, type Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { HASH_MAX, type HashRange } from './hash-range.ts';

export interface StreamShard {
  readonly shardId: string;
  readonly key: string;
  readonly parents: readonly string[];
  readonly range: HashRange;
  readonly closed: boolean;
}

export interface Topology {
  readonly name: string;
  readonly revision: number;
  readonly createdShards: number;
  readonly retentionHours: number;
  readonly nextShard: number;
  /** By shard id, closed ones included. */
  readonly shards: readonly StreamShard[];
}

/** The one shard that a plain stream has. */
export const FULL_RANGE: HashRange = { start: 0n, end: HASH_MAX };

interface StoredShard {
  readonly parents: string[];
  readonly start: string;
  readonly end: string;
  readonly closed: boolean;
}

const SHARD_FIELD = 'shard:';

export function shardField(shardId: string): string {
  return SHARD_FIELD + shardId;
}

export function encodeShard(shard: Omit<StreamShard, 'key' | 'shardId'>): string {
  const { parents, range, closed } = shard;
  const stored: StoredShard = { parents: [...parents], start: `${range.start}`, end: `${range.end}`, closed };
  return JSON.stringify(stored);
}

/** null: no sharded stream of that name. Rejects with `stream-wrong-type` when the key is something else. */
export async function readTopology(redis: Redis, keys: Keys, name: string): Promise<Topology | null> {
  const fields = await redis.hgetall(keys.stream(name)).catch((error: unknown) => {
    throw wrongTypeOr(error, keys.stream(name), 'the topology of a sharded stream');
  });
  if (fields.revision === undefined) return null;
  const shards = Object.entries(fields)
    .filter(([field]) => field.startsWith(SHARD_FIELD))
    .map(([field, json]) => decodeShard(keys, name, field.slice(SHARD_FIELD.length), json))
    .sort((a, b) => (a.shardId < b.shardId ? -1 : 1));
  return {
    name,
    revision: Number(fields.revision),
    createdShards: Number(fields.createdShards),
    retentionHours: Number(fields.retentionHours),
    nextShard: Number(fields.nextShard),
    shards,
  };
}

/** Rejects with `stream-not-found`. */
export async function requireTopology(redis: Redis, keys: Keys, name: string): Promise<Topology> {
  const topology = await readTopology(redis, keys, name);
  if (topology) return topology;
  throw new MillraceError(
    'stream-not-found',
    `there is no sharded stream "${name}" in the namespace "${keys.namespace}"`,
    {
      hint: `create it with: millrace stream create ${name} --shards N; millrace stream list shows what there is`,
    },
  );
}

/** Kinesis' names. They never hold a colon, so that no two streams can share a key. */
export function checkStreamName(name: string): void {
  if (new RegExp(`^[A-Za-z0-9_.-]{1,${STREAM_NAME_CHARS_MAX}}$`).test(name)) return;
  throw new MillraceError('stream-name', `"${name.slice(0, 200)}" cannot be the name of a sharded stream`, {
    hint: `use 1 to ${STREAM_NAME_CHARS_MAX} letters, digits, "_", "." and "-"`,
  });
}

/** A WRONGTYPE reply as a sentence; any other error unchanged. */
export function wrongTypeOr(error: unknown, key: string, wanted: string): unknown {
  if (!isWrongType(error)) return error;
  return new MillraceError('stream-wrong-type', `the Redis key "${key}" exists and is not ${wanted}`, {
    hint: 'another program uses this key: choose another stream name or namespace',
    cause: error,
  });
}

function decodeShard(keys: Keys, name: string, shardId: string, json: string): StreamShard {
  const stored = JSON.parse(json) as StoredShard;
  return {
    shardId,
    key: keys.streamShard(name, shardId),
    parents: stored.parents,
    range: { start: BigInt(stored.start), end: BigInt(stored.end) },
    closed: stored.closed,
  };
}
