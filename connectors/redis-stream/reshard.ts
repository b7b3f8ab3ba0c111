/**
 * Split and merge, as in Kinesis: parents are closed and children opened in one step, ids count up, and a child is read only after its
 * parents are settled. The hash arithmetic is done here, on the topology as it was read; the script refuses when that is no longer
 * current, and then it is read and checked again.
 */
import { MillraceError } from '../../src/errors.ts';
import { RESHARD_TRIES_MAX } from '../../src/limits.ts';
import { shardIdOf } from '../../src/record.ts';
import type { Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import type { Script, ScriptArg } from '../../src/redis/scripts.ts';
import { join, middleOf, parseHashKey, type HashRange } from './hash-range.ts';
import { mergeScript, splitScript } from './scripts.ts';
import { encodeShard, requireTopology, shardField, type StreamShard, type Topology } from './topology.ts';

export interface Reshard {
  readonly closed: readonly string[];
  readonly opened: readonly string[];
}

/** `at`: first hash key of the upper child, decimal; the middle of the range when left out. */
export function splitShard(redis: Redis, keys: Keys, name: string, shardId: string, at?: string): Promise<Reshard> {
  return withTopology(redis, keys, name, (topology) => {
    const parent = openShard(topology, shardId);
    const cut = cutOf(parent, at);
    const lower = child(keys, topology, 0, [shardId], { start: parent.range.start, end: cut - 1n });
    const upper = child(keys, topology, 1, [shardId], { start: cut, end: parent.range.end });
    return { script: splitScript, shards: [close(parent), lower, upper], nextShard: topology.nextShard + 2 };
  });
}

/** The first shard named becomes the child's parent, the second its adjacent parent. */
export function mergeShards(
  redis: Redis,
  keys: Keys,
  name: string,
  shardId: string,
  adjacent: string,
): Promise<Reshard> {
  return withTopology(redis, keys, name, (topology) => {
    const a = openShard(topology, shardId);
    const b = openShard(topology, adjacent);
    const range = join(a.range, b.range);
    if (!range) {
      throw new MillraceError(
        'shard-not-adjacent',
        `${shardId} and ${adjacent} of the stream "${name}" are not adjacent`,
        {
          hint: 'only shards whose hash ranges touch can merge; millrace stream describe shows the ranges',
        },
      );
    }
    const merged = child(keys, topology, 0, [shardId, adjacent], range);
    return { script: mergeScript, shards: [close(a), close(b), merged], nextShard: topology.nextShard + 1 };
  });
}

interface Step {
  readonly script: Script;
  /** In the order of the script's keys. */
  readonly shards: readonly [StreamShard, StreamShard, StreamShard];
  readonly nextShard: number;
}

async function withTopology(
  redis: Redis,
  keys: Keys,
  name: string,
  plan: (topology: Topology) => Step,
): Promise<Reshard> {
  for (let tries = 0; tries < RESHARD_TRIES_MAX; tries++) {
    const topology = await requireTopology(redis, keys, name);
    const { script, shards, nextShard } = plan(topology);
    const args: ScriptArg[] = [topology.revision, nextShard];
    for (const shard of shards) args.push(shardField(shard.shardId), encodeShard(shard));
    const shardKeys = shards.map((shard) => shard.key);
    const [status, key] = (await script.run(redis, [keys.stream(name), ...shardKeys], args)) as [string, string?];
    if (status === 'conflict') continue;
    if (status !== 'done') throw refused(name, status, key!);
    return {
      closed: shards.filter((shard) => shard.closed).map((shard) => shard.shardId),
      opened: shards.filter((shard) => !shard.closed).map((shard) => shard.shardId),
    };
  }
  throw new MillraceError(
    'stream-conflict',
    `the stream "${name}" was changed by others ${RESHARD_TRIES_MAX} times in a row; nothing was done`,
    {
      hint: 'try again when the other changes are through',
    },
  );
}

function openShard(topology: Topology, shardId: string): StreamShard {
  const shard = topology.shards.find((candidate) => candidate.shardId === shardId);
  if (!shard) {
    const open = topology.shards.filter((candidate) => !candidate.closed).map((candidate) => candidate.shardId);
    throw new MillraceError('shard-not-found', `the stream "${topology.name}" has no shard "${shardId}"`, {
      hint: `open shards: ${open.slice(0, 8).join(', ')}${open.length > 8 ? ', …' : ''}`,
    });
  }
  if (!shard.closed) return shard;
  const children = topology.shards.filter((candidate) => candidate.parents.includes(shardId));
  throw new MillraceError('shard-closed', `${shardId} of the stream "${topology.name}" is closed already`, {
    hint: `its records go to ${children.map((candidate) => candidate.shardId).join(' and ')} now`,
  });
}

function cutOf(parent: StreamShard, at: string | undefined): bigint {
  const { start, end } = parent.range;
  const cut = at === undefined ? middleOf(parent.range) : parseHashKey(at);
  if (cut !== undefined && cut > start && cut <= end) return cut;
  if (start === end) {
    throw new MillraceError('stream-shape', `${parent.shardId} holds a single hash key and cannot be split`);
  }
  throw new MillraceError('stream-shape', `"${at}" is no hash key at which ${parent.shardId} can be split`, {
    hint: `the upper child begins there: a decimal number from ${start + 1n} to ${end}`,
  });
}

function child(
  keys: Keys,
  topology: Topology,
  offset: number,
  parents: readonly string[],
  range: HashRange,
): StreamShard {
  const shardId = shardIdOf(topology.nextShard + offset);
  return { shardId, key: keys.streamShard(topology.name, shardId), parents, range, closed: false };
}

function close(shard: StreamShard): StreamShard {
  return { ...shard, closed: true };
}

function refused(name: string, status: string, key: string): MillraceError {
  if (status === 'missing') return keyMissing(name, key);
  return new MillraceError(
    'stream-exists',
    `the Redis key "${key}", which the new shard needs, exists already; nothing was done`,
    {
      hint: 'look what it holds, and delete or rename it',
    },
  );
}

/** An open shard's key is gone: somebody deleted it, with every record in it. */
export function keyMissing(name: string, key: string): MillraceError {
  return new MillraceError(
    'shard-key-missing',
    `the Redis key "${key}" of the stream "${name}" was deleted or is no stream any more`,
    {
      hint: `its mappings report the loss; to go on: redis-cli XGROUP CREATE ${key} repair 0 MKSTREAM, then XGROUP DESTROY ${key} repair`,
    },
  );
}
