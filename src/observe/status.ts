/** `millrace status`, from what Redis holds: the daemons need not be asked, nor be alive. */
import { type Redis, serverMs } from '../redis/connect.ts';
import { MillraceError } from '../errors.ts';
import type { Keys } from '../redis/keys.ts';
import { HOUR } from '../time.ts';
import { readOutboxes } from './outboxes.ts';
import { readFunctions } from './status-functions.ts';
import { readOutput } from './status-output.ts';
import { readRedrives } from './status-redrives.ts';
import { countAfter, readShards, type ShardFacts } from './status-read.ts';
import { lagOf, shardStatus } from './status-shard.ts';
import { type Alive, readDaemons, sourceProblems } from './status-daemons.ts';
import type { GroupStatus, MappingStatus, Status } from './status-types.ts';

export interface StatusOptions {
  /** Only this one; @throws MillraceError `mapping-not-found` */
  readonly mapping?: string;
}

export async function collectStatus(redis: Redis, keys: Keys, options: StatusOptions = {}): Promise<Status> {
  const [nowMs, all, alive] = await Promise.all([
    serverMs(redis),
    redis.smembers(keys.mappings()),
    readDaemons(redis, keys),
  ]);
  const daemons = alive.map(({ daemon }) => daemon);
  const mappings: MappingStatus[] = [];
  // One after the other: each is few round trips, and a Redis with hundreds of mappings is not asked for all at once.
  for (const name of chosen(all, options.mapping)) {
    const status = await readMapping(redis, keys, name, { nowMs, alive });
    if (status) mappings.push(status);
  }
  const inForce = new Map(mappings.map((one) => [one.function, one.functionVersion]));
  inForce.delete('');
  const functions = await readFunctions(redis, keys, daemons, inForce, options.mapping !== undefined);
  return { formatVersion: 1, time: new Date(nowMs).toISOString(), mappings, functions, daemons };
}

function chosen(all: readonly string[], wanted: string | undefined): string[] {
  if (wanted === undefined) return all.toSorted();
  if (all.includes(wanted)) return [wanted];
  const known =
    all.length === 0 ? 'no mapping has state there yet' : `there are: ${all.toSorted().slice(0, 20).join(', ')}`;
  throw new MillraceError('mapping-not-found', `no mapping "${wanted}" has state in this Redis`, { hint: known });
}

async function readMapping(
  redis: Redis,
  keys: Keys,
  name: string,
  { nowMs, alive }: { nowMs: number; alive: readonly Alive[] },
): Promise<MappingStatus | null> {
  const live = new Set(alive.map(({ daemon }) => daemon.id));
  const [hash, shardIds] = await Promise.all([
    redis.hgetall(keys.mapping(name)),
    redis.zrange(keys.shardIndex(name), '0', '-1'),
  ]);
  const [shards, outboxes, unsent] = await Promise.all([
    readShards(redis, keys, name, shardIds),
    readOutboxes(redis, keys, name, shardIds, 'notices'),
    readOutboxes(redis, keys, name, shardIds, 'outputs'),
  ]);
  // Forgotten between the two reads.
  if (Object.keys(hash).length === 0 && shards.length === 0) return null;
  const source = parseObject(hash.source);
  // Only a sharded stream has one (connectors/redis-stream/topology.ts).
  const hours = await redis.hget(keys.stream(String(source.stream ?? '')), 'retentionHours');
  const unsettled = new Set(shards.filter((shard) => !shard.done).map((shard) => shard.shardId));
  const statuses = [];
  for (const facts of shards) {
    const lag = lagOf(facts) ?? (await countedLag(redis, facts));
    statuses.push(
      shardStatus(facts, {
        ...{ nowMs, lag, liveDaemons: live, retentionMs: hours === null ? null : Number(hours) * HOUR },
        outbox: outboxes.get(facts.shardId),
        unsent: unsent.get(facts.shardId),
        disabled: hash.state === 'Disabled',
        firstSeen: source.arrival === 'first-seen',
        unsettledParent: facts.parents.some((parent) => unsettled.has(parent)),
      }),
    );
  }
  const output = await readOutput(redis, keys, hash.output, unsent);
  const redrives = await readRedrives(redis, keys, name, {
    ...{ nowMs, liveDaemons: live, disabled: hash.state === 'Disabled', spooled: source.type === 'kafka' },
  });
  return {
    name,
    function: hash.function ?? '',
    functionVersion: hash.functionVersion ?? '',
    source,
    ...(output && { output }),
    ...(hash.group !== undefined && { group: JSON.parse(hash.group) as GroupStatus }),
    ...sourceProblems(name, alive),
    ...(redrives.length > 0 && { redrives }),
    state: hash.state === 'Disabled' || hash.state === 'Draining' ? hash.state : 'Enabled',
    lastProcessingResult: lastResult(shards),
    shards: statuses,
  };
}

function countedLag(redis: Redis, { key, checkpoint, entriesRead, stream }: ShardFacts): Promise<number> {
  const atMost = stream ? Math.min(stream.entriesAdded - entriesRead, stream.length) : 0;
  return countAfter(redis, key, checkpoint, atMost);
}

/** AWS shows one result per mapping: of a shard that is blocked if there is one, else of the one that was settled last. */
function lastResult(shards: readonly ShardFacts[]): string {
  const blocked = shards.find((shard) => shard.units[0] && shard.units[0].blockedSince !== null);
  const last = shards.reduce<ShardFacts | undefined>((a, b) => (a && a.settledAt >= b.settledAt ? a : b), undefined);
  return (blocked ?? last)?.lastResult || 'No records processed';
}

function parseObject(text: string | undefined): Readonly<Record<string, unknown>> {
  const value: unknown = text === undefined || text === '' ? {} : JSON.parse(text);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
